"""Datasets of a few images, and the files that users have."""

import gzip

import numpy as np

from kmlp.data.dataset import Split, canonical_order, make_images


def split(count=30, classes=3, shape=(4, 4), seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, *shape), "uint8")
    return Split(x=pixels, y=(np.arange(count) % classes).astype("int32"))


def images(**given):
    train, test = split(**given), split(**{"count": 12, **given, "seed": 1})
    return make_images(canonical_order(train), canonical_order(test), source="made up")


def write_idx(folder, made, *, zipped=True):
    """The four files of a folder, named as MNIST's are."""
    folder.mkdir(exist_ok=True)
    for prefix, part in (("train", made.train), ("t10k", made.test)):
        for what, array in (("images", part.x), ("labels", part.y.astype("uint8"))):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
            name = f"{prefix}-{what}-idx{array.ndim}-ubyte"
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


def write_npz(path, made, **other):
    arrays = {
        "x_train": made.train.x, "y_train": made.train.y,
        "x_test": made.test.x, "y_test": made.test.y,
    }  # fmt: skip
    np.savez(path, **{k: v for k, v in (arrays | other).items() if v is not None})
    return path
