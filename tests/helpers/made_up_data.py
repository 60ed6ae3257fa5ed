"""Made-up datasets of a few images, and files with them as users have."""

import gzip

import numpy as np

from kmlp.data import Column, Schema
from kmlp.data._examples import make_examples
from kmlp.data._split import Split, canonical_order


def split(count=30, classes=3, shape=(4, 4), seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, *shape), "uint8")
    return Split(x=pixels, y=(np.arange(count) % classes).astype("int32"))


def images(**options):
    train, test = split(**options), split(**{"count": 12, **options, "seed": 1})
    return make_examples(canonical_order(train), canonical_order(test), source="made up")


def write_idx(folder, images, *, zipped=True):
    """Write four IDX files with names like MNIST's; return the folder."""
    folder.mkdir(exist_ok=True)
    for prefix, part in (("train", images.train), ("t10k", images.test)):
        for kind, array in (("images", part.x), ("labels", part.y.astype("uint8"))):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
            name = f"{prefix}-{kind}-idx{array.ndim}-ubyte"
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


def write_npz(path, images, **changes):
    """Write a `.npz` file like Keras' `mnist.npz`, with changed arrays; return the path."""
    arrays = {
        "x_train": images.train.x, "y_train": images.train.y,
        "x_test": images.test.x, "y_test": images.test.y,
    }  # fmt: skip
    arrays |= changes
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    return path


def write_csv(path, columns, *, delimiter=","):
    """Write columns, a dict of lists by name, as a CSV file; return the path."""
    rows = [columns, *zip(*columns.values(), strict=True)]
    path.write_text("".join(delimiter.join(map(str, row)) + "\n" for row in rows))
    return path


def table(count=24, **others):
    """The columns of a table: numbers, a text of two categories, and a target of three."""
    rng = np.random.default_rng(0)
    numbers = [f"{number:.3f}" for number in rng.normal(size=count)]
    columns = {
        "size": numbers,
        "side": [("left", "right")[row % 2] for row in range(count)],
        "kind": [("a", "b", "c")[row % 3] for row in range(count)],
    }
    return columns | others


def table_examples(count=60, *, task="classification", missing="mean", seed=0):
    """Rows with two columns of numbers, one of text and one that is constant.

    The target depends on the first number and on the text. Without `missing`, every value
    is there.
    """
    schema = Schema(
        columns=(Column("a"), Column("b"), Column("c", ("x", "y", "z")), Column("d")),
        target="t",
        unit="" if task == "classification" else "kg",
        missing=missing,
    )
    parts = [_rows(schema, n, task, seed + i) for i, n in enumerate((count, 20))]
    names = ("no", "yes") if task == "classification" else ()
    return make_examples(*parts, class_names=names, source="made up", schema=schema)


def _rows(schema, count, task, seed):
    random = np.random.default_rng(seed)
    numbers = random.normal([50, -3], [20, 0.1], (count, 2))
    kind = random.integers(0, 3, count)
    score = (numbers[:, 0] - 50) / 20 + (kind - 1)
    x = np.column_stack([numbers, np.eye(3)[kind], np.full(count, 7)]).astype("float32")
    if schema.missing:
        x[random.random(count) < 0.2, 0] = np.nan
        x[random.random(count) < 0.2, 2:5] = np.nan
    if task == "classification":
        return Split(x=x, y=(score > 0).astype("int32"))
    return Split(x=x, y=(1000 + 250 * score).astype("float32"))
