"""A user's files become a dataset of the array cache, and other datasets stay."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers.made_up_data import images, split, table, write_csv, write_idx, write_npz
from PIL import Image
from pyarrow import parquet

from kmlp import DataError, Dataset, load_dataset
from kmlp.data import cache, load_examples
from kmlp.data._importing import import_dataset

pytestmark = pytest.mark.once


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A folder with a cache and a folder for temporary files, for this test only."""
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def class_folders(root, images, names="abc"):
    for index, (image, label) in enumerate(zip(images.x, images.y, strict=True)):
        save(root / names[label] / f"{index}.png", image)
    return root


def test_class_folders_become_a_dataset(folders):
    made_up = split(30, shape=(5, 7))
    root = class_folders(folders / "mine", made_up)
    imported = import_dataset("my_images", str(root))
    assert imported.class_names == ("a", "b", "c")
    assert imported.train.x.shape == (25, 5, 7)
    assert len(imported.test) == 5
    assert "a sixth" in imported.source
    labels = {bytes(x): y for x, y in zip(made_up.x, made_up.y, strict=True)}
    for part in (imported.train, imported.test):
        for image, label in zip(part.x, part.y, strict=True):
            assert labels.pop(bytes(image)) == label
    assert not labels


def test_train_and_test_folders_are_imported_in_colour_and_resized(folders):
    for name, count in (("train", 12), ("test", 6)):
        class_folders(folders / "mine" / name, split(count, shape=(8, 6, 3)))
    assert import_dataset("original", folders / "mine").train.x.shape == (12, 8, 6, 3)
    save(folders / "mine" / "test" / "a" / "large.png", np.full((50, 40, 3), 77, "uint8"))
    with pytest.raises(DataError, match=r"large\.png: .*50x40"):
        import_dataset("resized", folders / "mine")
    same_size = import_dataset("same_size", folders / "mine", size=(8, 6))
    assert same_size.train.x.shape == (12, 8, 6, 3)
    imported = import_dataset("resized", folders / "mine", size=(4, 3))
    assert (imported.train.x.shape, len(imported.test)) == ((12, 4, 3, 3), 7)
    assert any((image == 77).all() for image in imported.test.x)


def test_another_dataset_of_the_same_name_is_not_replaced(folders):
    before = import_dataset("mine", write_npz(folders / "a.npz", images()))
    again = import_dataset("mine", write_npz(folders / "b.npz", images()))
    assert again.fingerprint == before.fingerprint
    write_npz(folders / "c.npz", images(seed=7))
    with pytest.raises(DataError, match=r"mine.*remove_dataset"):
        import_dataset("mine", folders / "c.npz")
    assert load_examples("mine").fingerprint == before.fingerprint


def test_nothing_is_left_in_the_temporary_folder(folders, monkeypatch):
    root = class_folders(folders / "mine", split(12))
    import_dataset("mine", root)
    (root / "a" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError):
        import_dataset("again", root)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("kmlp.data.sources.class_folders.read_image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        import_dataset("again", root)
    monkeypatch.setattr("kmlp.data._entry.fingerprint", interrupt)
    with pytest.raises(KeyboardInterrupt):
        import_dataset("arrays", write_npz(folders / "a.npz", images()))
    assert list((folders / "tmp").iterdir()) == []
    assert [entry.name for entry in cache.entries()] == ["arrays", "mine"]


def test_a_damaged_dataset_is_imported_again(folders):
    path = write_npz(folders / "a.npz", images())
    import_dataset("mine", path)
    (cache.find("mine").folder / "train_x.npy").write_bytes(b"")
    assert import_dataset("mine", path).fingerprint == images().fingerprint


def test_hidden_files_beside_idx_files_are_named_in_a_warning(folders):
    folder = write_idx(folders / "idx", images())
    for file in list(folder.iterdir()):
        file.rename(folder / f"my-{file.name}")
        (folder / f"._my-{file.name}").write_bytes(b"of macOS")
    with pytest.warns(UserWarning, match="4 in all") as warnings:
        assert import_dataset("mine", folder).fingerprint == images().fingerprint
    [warning] = warnings
    assert "._my-train-images-idx3-ubyte.gz" in str(warning.message)


@pytest.mark.parametrize("write", [write_idx, write_npz])
def test_a_path_in_another_encoding_can_be_printed(folders, write):
    path = folders / os.fsdecode(b"caf\xe9.npz")
    write(path, images())
    assert import_dataset("mine", path).source.encode().endswith(rb"caf\xe9.npz")


def test_one_table_is_the_same_dataset_from_every_source(folders):
    """Equal fingerprints mean equal arrays, columns and categories."""
    columns = table(24, size=[f"{row / 4}" for row in range(24)])
    columns["kind"] = [row % 3 for row in range(24)]
    frame = pd.DataFrame(columns).assign(size=lambda it: it["size"].astype(float))
    parquet.write_table(pa.table(frame), folders / "a.parquet")
    read = [
        import_dataset("csv", write_csv(folders / "a.csv", columns), target="kind"),
        import_dataset("parquet", folders / "a.parquet", target="kind"),
        Dataset.from_frame(
            frame.set_index("side", drop=False), target="kind", name="pandas"
        ),
        Dataset.from_frame(pa.table(frame), target="kind", name="arrow"),
    ]
    assert len({dataset.fingerprint for dataset in read}) == 1
    assert {dataset.class_names for dataset in read} == {("0", "1", "2")}
    assert [entry.name for entry in cache.entries()] == [
        "arrow",
        "csv",
        "pandas",
        "parquet",
    ]
    assert load_dataset("pandas").schema == read[0].schema


def test_a_frame_becomes_a_dataset_that_runs_can_name(folders):
    frame = pd.DataFrame(table(24)).assign(price=[float(row) for row in range(24)])
    made = Dataset.from_frame(
        frame, target="price", name="houses", unit="EUR", exclude=["side"], test=frame[:4]
    )
    assert (made.name, made.task, made.schema.unit) == ("houses", "regression", "EUR")
    assert (made.input_shape, len(made.test)) == ((4,), 4)
    loaded = load_dataset("houses")
    assert loaded.fingerprint == made.fingerprint
    np.testing.assert_array_equal(loaded.validation.x, made.validation.x)
    with pytest.raises(DataError, match="another dataset houses"):
        Dataset.from_frame(frame, target="size", name="houses", task="regression")


def test_a_warning_about_a_table_shows_the_callers_line(folders):
    frame = pd.DataFrame(table(24, size=[1.0] * 24))
    path = write_csv(folders / "a.csv", table(24, size=[1] * 24))
    x, y = np.ones((8, 1)), [0, 1] * 4
    with pytest.warns(UserWarning, match="All values are the same") as shown:
        Dataset.from_frame(frame, target="kind")
        Dataset.from_arrays(x, y)
        import_dataset("mine", path, target="kind")
    assert [warning.filename for warning in shown] == [__file__] * 3


class Frame:
    """A frame like that of polars: of pandas it has only Arrow's method and the names."""

    def __init__(self, columns):
        self.columns, self.table = list(columns), pa.table(columns)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_a_frame_of_another_library_needs_only_arrows_method(folders):
    columns = table(24)
    made = Dataset.from_frame(Frame(columns), target="kind", name="polars", test=Frame(columns))  # fmt: skip
    again = Dataset.from_frame(pd.DataFrame(columns), target="kind", test=pd.DataFrame(columns))  # fmt: skip
    assert made.fingerprint == again.fingerprint
    assert len(made.test) == 24


def test_a_dataset_without_a_name_is_named_by_its_content(folders):
    frame = pd.DataFrame(table(24))
    made = Dataset.from_frame(frame, target="kind")
    assert made.name == f"table_{made.fingerprint[:8]}"
    assert Dataset.from_frame(frame, target="kind").name == made.name
    assert load_dataset(made.name).fingerprint == made.fingerprint


def test_missing_values_of_pandas_are_missing(folders):
    frame = pd.DataFrame(table(24))
    frame["size"] = frame["size"].astype(float)
    frame.loc[3, ["size", "side"]] = [np.nan, None]
    with pytest.raises(DataError, match=r'1 in "size" \(first in row 4\) and 1 in "side"'):
        Dataset.from_frame(frame, target="kind", name="mine")
    made = Dataset.from_frame(frame, target="kind", name="mine", missing="mean")
    assert np.isnan(load_examples("mine").train.x).sum() in (0, 3)
    assert made.schema.missing == "mean"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([[1, 2]], "'list', but must be a frame"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), 'columns 1 and 2 are both called "a"'),
        (pd.DataFrame({"a": [1, "x"], "kind": [1, 2]}), "values of several types.* a "),
        (pd.DataFrame({"a": [[1], [2]], "kind": [1, 2]}), 'column "a" is of list'),
        (pd.DataFrame({"a": [], "kind": []}), "no rows"),
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame({"a": [b"1", b"2"], "kind": [1, 2]}), 'column "a" is of binary'),
        (
            pd.DataFrame({"a": pd.period_range("2026", periods=2), "kind": [1, 2]}),
            'column "a" is of extension',
        ),
        (pd.DataFrame({"a": [1j, 2], "kind": [1, 2]}), "a column has .*complex128"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_not_a_frame_of_a_dataset_is_refused(folders, frame, message):
    with pytest.raises(DataError, match=f"the frame: .*{message}"):
        Dataset.from_frame(frame, target="kind", name="mine")
    assert cache.entries() == []


def test_arrays_become_a_dataset(folders):
    x, y = np.arange(48.0).reshape(24, 2), np.arange(24) % 3
    made = Dataset.from_arrays(x, y, name="mine", x_test=x[:4], y_test=y[:4])
    assert (made.schema.features, made.schema.target) == (("x1", "x2"), "y")
    assert (made.class_names, len(made.test)) == (("0", "1", "2"), 4)
    named = Dataset.from_arrays(
        x.astype(">f4"), y / 2, name="named", columns=["a", "b"], target="c", unit="m"
    )
    assert (named.schema.features, named.schema.target, named.task) == (("a", "b"), "c", "regression")  # fmt: skip
    texts = Dataset.from_arrays(x.astype(int), np.array(["a", "b", "c"])[y], name="texts")
    assert texts.class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": np.ones(8)}, r"x is of float64 and shape \(8,\)"),
        ({"x": [["a"]] * 8}, r"x is of <U1 and shape \(8, 1\)"),
        ({"y": np.ones((8, 2))}, r"y is of float64 and shape \(8, 2\)"),
        ({"y": np.ones(7)}, "x has 8 rows, but y 7"),
        ({"columns": ["a"]}, "1 names, but x has 2"),
        ({"columns": ["a", "y"]}, 'both called "y"'),
        ({"x_test": np.ones((2, 2))}, "Only one of"),
        ({"x": np.ones((0, 2)), "y": []}, "no rows"),
        ({"y": [{}] * 8}, '"y" is of struct'),
        ({"name": "Mine"}, '"Mine" cannot be the name'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_arrays_that_are_not_a_dataset_are_refused(folders, arguments, message):
    values = {"x": np.arange(16.0).reshape(8, 2), "y": [0, 1] * 4, "name": "mine"}
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(**values | arguments)
    assert cache.entries() == []
