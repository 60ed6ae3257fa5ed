import numpy as np
import pytest
from PIL import Image

from kmlp import DataError
from kmlp.data.class_folders import check_files, find_splits

pytestmark = pytest.mark.once


def save(path, *, size=(6, 4), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(path)


@pytest.fixture
def folder(tmp_path):
    for name in ("cat/1.png", "cat/2.jpg", "dog/1.PNG"):
        save(tmp_path / "mine" / name)
    return tmp_path / "mine"


def check(folder, **options):
    return check_files(find_splits(folder), resized=False, **options)


def test_class_folders_and_split_folders_are_told_apart(folder, tmp_path):
    assert find_splits(folder) == {"train": folder}
    for name in ("train", "test"):
        save(tmp_path / "split" / name / "cat" / "1.png")
        save(tmp_path / "split" / name / "dog" / "1.png")
    both = {name: tmp_path / "split" / name for name in ("test", "train")}
    assert find_splits(tmp_path / "split") == both


def test_a_stray_image_beside_class_folders_does_not_make_splits_classes(tmp_path):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "train/stray.png"):
        save(tmp_path / name)
    assert sorted(find_splits(tmp_path)) == ["test", "train"]


def test_a_folder_within_a_class_folder_is_named(folder):
    save(folder / "dog" / "puppies" / "1.png")
    with pytest.raises(DataError, match=r"dog/puppies: is a folder within a class folder"):
        check(folder)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_images_are_named(folder, mode):
    Image.new(mode, (6, 4)).save(folder / "dog" / "2.png")
    with pytest.raises(DataError, match=r"dog/2\.png: is transparent in places"):
        check(folder)
    opaque = Image.new(mode, (6, 4), (7, 7, 7, 255) if mode == "RGBA" else (7, 255))
    opaque.save(folder / "dog" / "2.png")
    assert check(folder) == (4, 6, 3)


def test_classes_may_be_called_train_and_test(tmp_path):
    save(tmp_path / "train" / "1.png")
    save(tmp_path / "test" / "1.png")
    assert find_splits(tmp_path) == {"train": tmp_path}


def test_height_comes_first_and_gray_images_have_one_channel(folder):
    assert check(folder) == (4, 6, 1)
    save(folder / "dog" / "2.png", mode="RGB")
    assert check(folder) == (4, 6, 3)


def test_other_files_are_left_alone(folder):
    (folder / "cat" / "notes.txt").write_text("soft")
    (folder / "README").write_text("mine")
    assert check(folder) == (4, 6, 1)


def test_an_empty_class_folder_is_named(folder):
    (folder / "bird").mkdir()
    with pytest.raises(DataError, match=r"bird: has no image"):
        check(folder)


def test_mixed_sizes_are_named_with_the_mend(folder):
    save(folder / "dog" / "2.png", size=(7, 4))
    with pytest.raises(
        DataError, match=r"dog/2\.png: is 4x7 pixels, but .*cat/1\.png is 4x6.*--size 4x6"
    ):
        check(folder)
    assert check_files(find_splits(folder), resized=True) == (4, 6, 1)


@pytest.mark.parametrize("content", [b"", b"no picture"], ids=["empty", "text"])
def test_an_unreadable_image_is_named(folder, content):
    (folder / "dog" / "2.png").write_bytes(content)
    with pytest.raises(DataError, match=r"dog/2\.png: cannot be read"):
        check(folder)


def test_a_cut_image_is_named(folder):
    path = folder / "dog" / "2.png"
    noise = np.random.default_rng(0).integers(0, 256, (4, 6), "uint8")
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match=r"dog/2\.png: cannot be read"):
        check(folder)


def test_a_kind_of_image_that_is_not_read_is_named(folder):
    save(folder / "dog" / "2.gif")
    with pytest.raises(DataError, match=r"dog/2\.gif: is not read. Save it as PNG"):
        check(folder)


def test_a_class_of_the_test_images_must_be_trained_on(tmp_path):
    for name in ("train/cat", "train/dog", "test/cat", "test/bird"):
        save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match=r"test/bird: is a class of which .*train has no"):
        check(tmp_path)


@pytest.mark.parametrize(
    "names", [[], ["1.png"], ["a/b/c/1.png"], ["test/cat/1.png"], ["train/a/1.png", "dev/a/1.png"]]
)  # fmt: skip
def test_a_folder_without_class_folders(tmp_path, names):
    for name in names:
        save(tmp_path / "it" / name)
    (tmp_path / "it").mkdir(exist_ok=True)
    with pytest.raises(DataError, match="it: must have a folder of PNG or JPEG images"):
        find_splits(tmp_path / "it")
