"""The real MNIST, which kmlp brings along."""

from __future__ import annotations

from importlib.resources import files

from kmlp.data.dataset import Dataset, Split, make_dataset
from kmlp.data.idx import read_idx

VALIDATION_SIZE = 10_000


def load_mnist() -> Dataset:
    """MNIST: 50,000 training, 10,000 validation and 10,000 test images of 28 x 28.

    Raises:
        DataError: if a file of the installed package is missing or damaged.

    Reference: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten
    digits. Licence and checksums stand beside the files.
    """
    return make_dataset(
        "mnist", _read("train"), _read("t10k"), validation_size=VALIDATION_SIZE
    )


def _read(prefix: str) -> Split:
    folder = files("kmlp.data") / "files" / "mnist"
    return Split(
        x=read_idx(folder / f"{prefix}-images-idx3-ubyte.gz"),
        y=read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz").astype("int32"),
    )
