"""The bundled MNIST is the published one, in splits that never change."""

import gzip
import hashlib
from importlib.resources import files

import numpy as np
import pytest

from kmlp import UnknownNameError, load_dataset

pytestmark = pytest.mark.once

FOLDER = files("kmlp.data") / "files" / "mnist"


@pytest.mark.parametrize("number", range(4))
def test_the_files_are_the_published_ones(number):
    """The README beside the files has the published checksums."""
    lines = [line.split() for line in (FOLDER / "README.md").read_text().splitlines()]
    digest, name = [line for line in lines if len(line) == 2 and "-idx" in line[1]][number]
    content = gzip.decompress((FOLDER / f"{name}.gz").read_bytes())
    assert hashlib.sha256(content).hexdigest() == digest


def test_the_splits_have_fixed_sizes_types_and_shapes():
    mnist = load_dataset("mnist")
    assert [len(split) for split in (mnist.train, mnist.validation, mnist.test)] == [
        50_000, 10_000, 10_000,
    ]  # fmt: skip
    for split in (mnist.train, mnist.validation, mnist.test):
        assert (split.x.dtype, split.x.shape[1:], split.y.dtype) == (
            "uint8",
            (28, 28),
            "int32",
        )
    assert (mnist.input_shape, mnist.num_classes) == ((28, 28), 10)


def test_the_validation_split_is_stratified():
    mnist = load_dataset("mnist")
    splits = (mnist.train, mnist.validation)
    fractions = [np.bincount(split.y) / len(split) for split in splits]
    np.testing.assert_allclose(*fractions, atol=1.5e-4)


def test_training_and_validation_images_are_the_60000_published_ones():
    mnist = load_dataset("mnist")
    content = gzip.decompress((FOLDER / "train-images-idx3-ubyte.gz").read_bytes())
    images = np.frombuffer(content, "uint8", offset=16).reshape(-1, 784)
    together = np.concatenate([mnist.train.x, mnist.validation.x]).reshape(-1, 784)
    assert sorted(map(bytes, images)) == sorted(map(bytes, together))


def test_content_and_order_do_not_change():
    """A change by another version of NumPy or of kmlp would be noticed here."""
    mnist = load_dataset("mnist")
    assert mnist.fingerprint.startswith("7e075e562f0f1c3188079ac7bad7e10db95b8d56a08ef5a9")
    digests = [
        hashlib.sha256(split.x.tobytes()).hexdigest()[:16]
        for split in (mnist.train, mnist.validation)
    ]
    assert digests == ["c544c1e199691ea8", "9fbbc49e7e0981df"]


def test_chance_is_the_fraction_of_the_most_frequent_class():
    assert load_dataset("mnist").chance == 0.1124  # the digit 1


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownNameError, match=r'"mnits".*"mnist"'):
        load_dataset("mnits")
