import numpy as np
import pytest
from made_up_data import images, split, write_idx, write_npz

from kmlp import DataError
from kmlp.data.user_files import is_idx_folder, read_idx_folder, read_npz

MADE_UP = images()


def same(found, expected):
    return found.fingerprint == expected.fingerprint


@pytest.mark.parametrize("zipped", [True, False], ids=["gzipped", "plain"])
def test_four_idx_files(tmp_path, zipped):
    folder = write_idx(tmp_path / "idx", MADE_UP, zipped=zipped)
    assert is_idx_folder(folder)
    found = read_idx_folder(folder)
    assert same(found, MADE_UP)
    assert (found.class_names, found.source) == (("0", "1", "2"), str(folder))


@pytest.mark.parametrize(
    "rename", ["emnist-letters-{}", "{}"], ids=["with a prefix", "with a dot"]
)
def test_other_names_that_idx_files_have(tmp_path, rename):
    folder = write_idx(tmp_path / "idx", MADE_UP)
    for file in list(folder.iterdir()):
        name = rename.format(file.name).replace("t10k", "test")
        file.rename(folder / name.replace("-idx", ".idx" if rename == "{}" else "-idx"))
    assert same(read_idx_folder(folder), MADE_UP)


def test_keras_npz(tmp_path):
    assert same(read_npz(write_npz(tmp_path / "mnist.npz", MADE_UP)), MADE_UP)


def test_labels_in_a_column_as_keras_cifar10_has_them(tmp_path):
    columns = {"y_train": MADE_UP.train.y[:, None], "y_test": MADE_UP.test.y[:, None]}
    assert same(read_npz(write_npz(tmp_path / "a.npz", MADE_UP, **columns)), MADE_UP)


def test_the_order_of_the_images_makes_no_difference(tmp_path):
    order = np.random.default_rng(2).permutation(len(MADE_UP.train))
    shuffled = {"x_train": MADE_UP.train.x[order], "y_train": MADE_UP.train.y[order]}
    assert same(read_npz(write_npz(tmp_path / "a.npz", MADE_UP, **shuffled)), MADE_UP)


def test_the_label_of_an_image_makes_one(tmp_path):
    labels = MADE_UP.train.y.copy()
    labels[3] = (labels[3] + 1) % 3
    found = read_npz(write_npz(tmp_path / "a.npz", MADE_UP, y_train=labels))
    assert not same(found, MADE_UP)


def test_a_missing_idx_file_is_named(tmp_path):
    folder = write_idx(tmp_path / "idx", MADE_UP)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"one file t10k-labels-idx1-ubyte.* but has none"):
        read_idx_folder(folder)


def test_an_idx_file_that_is_there_twice_is_named(tmp_path):
    folder = write_idx(tmp_path / "idx", MADE_UP)
    write_idx(folder, MADE_UP, zipped=False)
    with pytest.raises(
        DataError, match=r"train-images-idx3-ubyte and train-images-idx3-ubyte\.gz"
    ):
        read_idx_folder(folder)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"y_test": None}, "has the arrays x_test, x_train, y_train, but must have"),
        ({"x_train": np.array([{}], object)}, "only pickle reads"),
        ({"x_train": np.ones((30, 4, 4))}, "x_train is of float64 and shape"),
        ({"x_test": np.ones((12, 16), "uint8")}, r"x_test is of uint8 and shape \(12, 16\)"),
        ({"y_test": np.ones((12, 3), int)}, r"y_test is of int64 and shape \(12, 3\)"),
        ({"y_test": np.ones(12)}, "y_test is of float64"),
        ({"y_test": np.full(11, 1)}, "has 12 test images, but 11 labels"),
        ({"y_test": np.full(12, 3)}, "test labels from 3 to 3, but they must be from 0 to 2"),
        ({"y_train": np.full(30, -1)}, "training labels up to -1"),
        ({"y_test": np.full(12, -1)}, "test labels from -1 to -1"),
        ({"y_train": np.full(30, 2**40)}, "y_train has labels from 1099511627776"),
        ({"y_train": np.arange(30) * 1000}, "labels up to 29000, but 30 training images"),
        ({"y_train": np.zeros(30, int)}, "training labels up to 0.* 2 classes at least"),
        ({"x_test": np.ones((12, 5, 5), "uint8")}, r"shape \(4, 4\), but test .* \(5, 5\)"),
        (
            {"x_test": np.ones((0, 4, 4), "uint8"), "y_test": np.ones(0, int)},
            "has no test images",
        ),
    ],
)  # fmt: skip
def test_arrays_that_make_no_dataset(tmp_path, other, message):
    path = write_npz(tmp_path / "a.npz", MADE_UP, **other)
    with pytest.raises(DataError, match=rf"a\.npz: .*{message}"):
        read_npz(path)


@pytest.mark.parametrize(
    "content", [b"", b"no zip", b"PK\x03\x04 cut"], ids=["empty", "no zip", "cut"]
)
def test_a_file_that_is_no_npz(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: cannot be read as a \.npz file"):
        read_npz(path)


def test_labels_of_idx_files_out_of_range(tmp_path):
    train, test = split(), split(count=12)
    test.y[0] = 7
    made = type("Made", (), {"train": train, "test": test})
    folder = write_idx(tmp_path / "idx", made)
    with pytest.raises(DataError, match=r"test labels from 0 to 7.* from 0 to 2"):
        read_idx_folder(folder)
    with pytest.raises(DataError, match="from 0 to 1"):
        read_idx_folder(folder, class_names=("a", "b"))
