"""Files of arrays are read without pickle, and their headers are checked first."""

import gzip
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from helpers.made_up_data import images, split, write_idx, write_npz
from hypothesis import given
from hypothesis import strategies as st

from kmlp import DataError
from kmlp.data._table_examples import examples_of_table
from kmlp.data.sources.arrays import (
    is_idx_folder,
    is_npz_of_rows,
    read_idx_folder,
    read_npz,
    read_npz_of_rows,
)

pytestmark = pytest.mark.once

MADE_UP = images()


def same(images, expected):
    return images.fingerprint == expected.fingerprint


@pytest.mark.parametrize("zipped", [True, False], ids=["gzipped", "plain"])
def test_four_idx_files_are_read(tmp_path, zipped):
    folder = write_idx(tmp_path / "idx", MADE_UP, zipped=zipped)
    assert is_idx_folder(folder)
    read = read_idx_folder(folder)
    assert same(read, MADE_UP)
    assert (read.class_names, read.source) == (("0", "1", "2"), str(folder))


@pytest.mark.parametrize(
    "rename", ["emnist-letters-{}", "{}"], ids=["with a prefix", "with a dot"]
)
def test_other_common_names_of_idx_files_are_allowed(tmp_path, rename):
    folder = write_idx(tmp_path / "idx", MADE_UP)
    for file in list(folder.iterdir()):
        name = rename.format(file.name).replace("t10k", "test")
        file.rename(folder / name.replace("-idx", ".idx" if rename == "{}" else "-idx"))
    assert same(read_idx_folder(folder), MADE_UP)


def test_an_npz_file_like_keras_mnist_is_read(tmp_path):
    assert same(read_npz(write_npz(tmp_path / "mnist.npz", MADE_UP)), MADE_UP)


def test_labels_may_be_a_column_as_in_keras_cifar10(tmp_path):
    columns = {"y_train": MADE_UP.train.y[:, None], "y_test": MADE_UP.test.y[:, None]}
    assert same(read_npz(write_npz(tmp_path / "a.npz", MADE_UP, **columns)), MADE_UP)


def test_the_order_of_the_images_does_not_matter(tmp_path):
    order = np.random.default_rng(2).permutation(len(MADE_UP.train))
    shuffled = {"x_train": MADE_UP.train.x[order], "y_train": MADE_UP.train.y[order]}
    assert same(read_npz(write_npz(tmp_path / "a.npz", MADE_UP, **shuffled)), MADE_UP)


def test_the_label_of_each_image_matters(tmp_path):
    labels = MADE_UP.train.y.copy()
    labels[3] = (labels[3] + 1) % 3
    read = read_npz(write_npz(tmp_path / "a.npz", MADE_UP, y_train=labels))
    assert not same(read, MADE_UP)


def test_a_missing_idx_file_is_named(tmp_path):
    folder = write_idx(tmp_path / "idx", MADE_UP)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.* none"):
        read_idx_folder(folder)


def test_an_idx_file_that_exists_twice_is_named(tmp_path):
    folder = write_idx(tmp_path / "idx", MADE_UP)
    write_idx(folder, MADE_UP, zipped=False)
    with pytest.raises(
        DataError, match=r"train-images-idx3-ubyte and train-images-idx3-ubyte\.gz"
    ):
        read_idx_folder(folder)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"y_test": None}, "has x_train, y_train, x_test, but must have"),
        ({"x_train": np.array([{}], object)}, "Python objects"),
        ({"x_train": np.ones((30, 4, 4))}, "x_train is of float64 and shape"),
        ({"x_test": np.ones((12, 16), "uint8")}, r"x_test is of uint8 and shape \(12, 16\)"),
        ({"y_test": np.ones((12, 3), int)}, r"y_test is of int64 and shape \(12, 3\)"),
        ({"y_test": np.ones(12)}, "y_test is of float64"),
        ({"y_test": np.full(11, 1)}, "has 12 test images, but 11 labels"),
        ({"y_test": np.full(12, 3)}, "test labels from 3 to 3, .* from 0 to 2"),
        ({"y_train": np.full(30, -1)}, "no training label above -1"),
        ({"y_test": np.full(12, -1)}, "test labels from -1 to -1"),
        ({"y_train": np.full(30, 2**40)}, "y_train has labels from 1099511627776"),
        ({"y_train": np.arange(30) * 1000}, "a training label 29000, but only 30 training images"),
        ({"y_train": np.zeros(30, int)}, "no training label above 0"),
        ({"x_test": np.ones((12, 5, 5), "uint8")}, r"shape \(4, 4\), but test .* \(5, 5\)"),
        (
            {"x_test": np.ones((0, 4, 4), "uint8"), "y_test": np.ones(0, int)},
            "has no test images",
        ),
        ({"x_train": np.ones((30, 0, 4), "uint8")}, r"training images of \(0, 4\) pixels"),
    ],
)  # fmt: skip
def test_arrays_that_are_not_a_dataset_are_refused(tmp_path, other, message):
    path = write_npz(tmp_path / "a.npz", MADE_UP, **other)
    with pytest.raises(DataError, match=rf"a\.npz: .*{message}"):
        read_npz(path)


def npz(path, **changed):
    """Write four arrays: each a header with these values, and bytes of zero."""
    arrays = {
        "x_train": ("|u1", "(30, 4, 4)", 480), "y_train": ("<i4", "(30,)", 120),
        "x_test": ("|u1", "(12, 4, 4)", 192), "y_test": ("<i4", "(12,)", 48),
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (dtype, shape, size) in (arrays | changed).items():
            header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n"
            start = b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little")
            archive.writestr(f"{name}.npy", start + header.encode() + bytes(size))
    return path


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_train": ("<i4", "(10,)", 40)}, "has 30 training images, but 10 labels"),
        ({"y_train": ("<i4", "(1000000000000,)", 40)}, r"y_train has 40 bytes, but .* \(1000000000000,\) of int32"),
        ({"x_train": ("|u1", "(1000000, 1000000, 1000000)", 40)}, "x_train has 40 bytes, but its header states"),
        ({"x_train": ("|u1", "(-30, -4, 4)", 480)}, "x_train has 480 bytes, but its header states"),
        ({"x_train": ("|u1", "(30, 4, 4)", 481)}, "x_train has 481 bytes, but its header states"),
        ({"x_train": ("|u1", "'''", 480)}, "the header of x_train is damaged"),
        ({"x_train": ("|u1", "(30, 4, 4", 480)}, "the header of x_train is damaged"),
        ({"x_train": ("|u1", "(" * 500, 480)}, "the header of x_train is damaged"),
        ({"x_train": ("|u1", "(30, 4, 4)" + " " * 20_000, 480)}, "the header of x_train is damaged"),
        ({"x_train": ("|V7", "(30, 4, 4)", 480 * 7)}, "x_train is of"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_headers_in_an_npz_are_checked_before_memory_is_used(tmp_path, changed, message):
    path = npz(tmp_path / "a.npz", **changed)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"a\.npz: .*{message}") as refusal:
            read_npz(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**21
    assert len(str(refusal.value)) < 600


def test_labels_are_counted_before_images_are_read(tmp_path):
    """The images take 7.5 MB of memory, and nearly nothing in the file."""
    large = {"x_train": ("|u1", "(30, 500, 500)", 7_500_000)}
    path = npz(tmp_path / "a.npz", **large, y_train=("<i4", "(31,)", 124))
    write_idx(tmp_path / "idx", images(shape=(500, 500)))
    name = "train-labels-idx1-ubyte.gz"
    content = bytes([0, 0, 8, 1, 0, 0, 0, 31]) + bytes(31)
    (tmp_path / "idx" / name).write_bytes(gzip.compress(content))
    for read, file in ((read_npz, path), (read_idx_folder, tmp_path / "idx")):
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match=r"has 30 .*images, but .*31 labels"):
                read(file)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2**21


def test_images_that_are_too_large_for_memory_are_not_read(tmp_path, monkeypatch):
    free = type("Memory", (), {"available": 1000})
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    folder = write_idx(tmp_path / "idx", MADE_UP)
    for read, path in ((read_npz, npz(tmp_path / "a.npz")), (read_idx_folder, folder)):
        with pytest.raises(DataError, match="memory: "):
            read(path)


def write_members(path, count):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number:0100}", b"")


def twice(path):
    npz(path)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr("x_train.npy", b"")


def encrypted(path):
    npz(path)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: write_members(path, 8000), "its list of members has 1,1.* at most 1,048,576"),
        (twice, r"it has 2 members .*x_train\.npy"),
        (encrypted, r"its member y_test\.npy is encrypted"),
    ],
    ids=["many", "twice", "encrypted"],
)  # fmt: skip
def test_the_list_of_an_archives_members_is_checked(tmp_path, write, message):
    write(tmp_path / "a.npz")
    with pytest.raises(DataError, match=message):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "content", [b"", b"no zip", b"PK\x03\x04 cut"], ids=["empty", "no zip", "cut"]
)
def test_a_file_that_is_not_an_npz_is_refused(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: .*\.npz file"):
        read_npz(path)


def test_an_axis_of_one_channel_does_not_matter(tmp_path):
    """TFDS has that axis, and MNIST's files do not."""
    arrays = {"x_train": MADE_UP.train.x[..., None], "x_test": MADE_UP.test.x[..., None]}
    assert same(read_npz(write_npz(tmp_path / "a.npz", MADE_UP, **arrays)), MADE_UP)


def test_an_archive_of_pictures_is_recognized(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.png", b"")
    with pytest.raises(DataError, match=r"has 0\.png, .*\.\.\., but .* unpack") as refusal:
        read_npz(path)
    assert len(str(refusal.value)) < 400


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    folder = write_idx(tmp_path / "idx", MADE_UP)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    (folder / "t10k-labels-idx1-ubyte.gz").mkdir()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: "):
        read_idx_folder(folder)


@given(st.data())
def test_any_changed_byte_of_an_npz_is_refused_or_does_not_matter(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(
        path, x_train=MADE_UP.train.x, y_train=MADE_UP.train.y, x_test=MADE_UP.test.x,
        y_test=MADE_UP.test.y,
    )  # fmt: skip
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(content)
    try:
        read = read_npz(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert same(read, MADE_UP)


def test_labels_of_idx_files_that_are_out_of_range_are_refused(tmp_path):
    train, test = split(), split(count=12)
    test.y[0] = 7
    both = type("Both", (), {"train": train, "test": test})
    folder = write_idx(tmp_path / "idx", both)
    with pytest.raises(DataError, match=r"test .*0 to 7.* 0 to 2"):
        read_idx_folder(folder)
    with pytest.raises(DataError, match="from 0 to 1"):
        read_idx_folder(folder, class_names=("a", "b"))


ROWS = {"x_train": np.arange(16.0).reshape(8, 2), "y_train": np.arange(8) % 2}
TEST_ROWS = {"x_test": np.ones((2, 2)), "y_test": np.array([[0], [1]])}


def read_rows(path):
    assert is_npz_of_rows(path)
    return examples_of_table(*read_npz_of_rows(path), target="y")


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", ">f8", "float16", "int64", "uint8"]
)
def test_an_npz_file_of_rows_is_a_table(tmp_path, dtype):
    np.savez(tmp_path / "a.npz", **ROWS | {"x_train": ROWS["x_train"].astype(dtype)})
    read = read_rows(tmp_path / "a.npz")
    assert (read.schema.features, read.class_names) == (("x1", "x2"), ("0", "1"))
    both = np.concatenate([read.train.x, read.test.x])
    assert sorted(both.tolist()) == ROWS["x_train"].tolist()


def test_an_npz_file_of_rows_may_have_test_rows_and_texts(tmp_path):
    texts = {
        "y_train": np.array(["a", "b"])[ROWS["y_train"]],
        "y_test": np.array(["b", "a"]),
    }
    for changes, names in (({}, ("0", "1")), (texts, ("a", "b"))):
        np.savez(tmp_path / "a.npz", **ROWS | TEST_ROWS | changes)
        read = read_rows(tmp_path / "a.npz")
        assert (len(read.train), len(read.test), read.class_names) == (8, 2, names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": None}, "has x_train, x_test, y_test, but must have .* x_train, y_train"),
        ({"y_test": None}, "only one of the arrays x_test and y_test"),
        ({"y_train": np.array([{}] * 8)}, "Python objects"),
        ({"x_train": np.array([[{}]] * 8)}, "Python objects"),
        ({"y_train": np.ones((8, 2))}, r"y_train is of float64 and shape \(8, 2\)"),
        ({"x_train": np.array([["a"]] * 8)}, r"x_train is of <U1 and shape \(8, 1\)"),
        ({"x_train": np.ones((8, 2), complex)}, "x_train is of complex128"),
        ({"x_test": np.ones((2, 2, 2))}, r"x_test is of float64 and shape \(2, 2, 2\)"),
        ({"x_test": np.ones((2, 3))}, 'test: Unknown column "x3"'),
        ({"x_test": np.ones((3, 2))}, "test: x has 3 rows, but y 2"),
        ({"x_train": np.full((8, 2), np.inf)}, 'train: row 1 has "inf" in the column "x1"'),
        ({"x_train": np.ones((8, 0))}, 'no column other than the target "y"'),
        ({"x_train": np.ones((8, 10_000))}, "10,001 columns"),
        ({"y_train": np.array(list("aabbccdd")), "y_test": np.array(["a", "e"])}, 'row 2 has the class "e"'),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_an_npz_file_of_rows_that_is_not_a_dataset_is_refused(tmp_path, changes, message):
    arrays = ROWS | TEST_ROWS | changes
    np.savez(tmp_path / "a.npz", **{key: array for key, array in arrays.items() if array is not None})  # fmt: skip
    with pytest.raises(DataError, match=rf"a\.npz.*{message}"):
        read_rows(tmp_path / "a.npz")


def test_rows_that_are_too_large_for_memory_are_not_read(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", **ROWS)
    free = type("Memory", (), {"available": 300})
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    with pytest.raises(DataError, match=r"a\.npz is too large for memory"):
        read_npz_of_rows(tmp_path / "a.npz")
