"""A folder of pictures for each class becomes a dataset, without stray files."""

import os

import numpy as np
import pytest
from helpers.pictures import KINDS
from PIL import Image

from kmlp import DataError
from kmlp.data.image_files import read_image
from kmlp.data.listing import Listing
from kmlp.data.sources.class_folders import find_splits, read_class_folders
from kmlp.inference.classifier import Classifier
from kmlp.inference.prediction import predict

pytestmark = pytest.mark.once


def save(path, *, size=(6, 4), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(path)


@pytest.fixture
def folder(tmp_path):
    for name in ("cat/1.png", "cat/2.jpg", "dog/1.PNG", "dog/3.png"):
        save(tmp_path / "mine" / name)
    return tmp_path / "mine"


def splits(folder):
    return find_splits(folder, Listing())


def shape_of(folder, **options):
    return read_class_folders(folder, **options).train.x.shape[1:]


def left_out(folder):
    listing = Listing()
    read_class_folders(folder, listing=listing)
    return listing.left_out_text()


def test_class_folders_and_split_folders_are_recognized(folder, tmp_path):
    assert splits(folder) == {"train": folder}
    for name in ("train", "test"):
        save(tmp_path / "split" / name / "cat" / "1.png")
        save(tmp_path / "split" / name / "dog" / "1.png")
    both = {name: tmp_path / "split" / name for name in ("test", "train")}
    assert splits(tmp_path / "split") == both


def test_split_folders_with_a_stray_image_are_still_split_folders(tmp_path):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "train/stray.png"):
        save(tmp_path / name)
    assert sorted(splits(tmp_path)) == ["test", "train"]


def test_a_folder_within_a_class_folder_is_named(folder):
    save(folder / "dog" / "puppies" / "1.png")
    with pytest.raises(DataError, match=r"dog/puppies: .*folder"):
        read_class_folders(folder)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow warns in `Image.open`
@pytest.mark.parametrize("size", [None, (9, 5)], ids=["as they are", "resized"])
@pytest.mark.parametrize("kind", KINDS)
def test_training_and_prediction_use_the_same_pixels(tmp_path, kind, size):
    picture = tmp_path / "cat" / KINDS[kind].name
    picture.parent.mkdir()
    KINDS[kind].write(picture)
    read = read_image(picture)
    for number in range(5):
        save(tmp_path / ("dog" if number < 4 else "cat") / f"{number}.png", size=read.size)
    dataset = read_class_folders(tmp_path, size=size)
    images = np.concatenate([dataset.train.x, dataset.test.x])

    class Model:
        def predict_on_batch(self, images):
            return np.full((len(images), 2), 0.5)

    model = Classifier(
        model=Model(), input_shape=images.shape[1:], num_classes=2, output="softmax"
    )
    (from_file,) = predict(model, [read], names=["a"])
    assert from_file.preprocessing == "resize"
    assert any((image == from_file.image).all() for image in images)
    with Image.open(picture) as opened:
        (from_image,) = predict(model, [opened], names=["a"])
    np.testing.assert_array_equal(from_image.image, from_file.image)


def test_the_size_of_a_picture_is_that_after_its_rotation(folder):
    KINDS["JPEG, orientation 6"].write(folder / "dog" / "2.jpg")
    height, width = read_image(folder / "dog" / "2.jpg").size[::-1]
    with pytest.raises(DataError, match=rf"2\.jpg: .*{height}x{width}"):
        read_class_folders(folder)


def test_classes_may_be_called_train_and_test(tmp_path):
    save(tmp_path / "train" / "1.png")
    save(tmp_path / "test" / "1.png")
    assert splits(tmp_path) == {"train": tmp_path}


def test_height_comes_first_and_gray_images_have_one_channel(folder):
    assert shape_of(folder) == (4, 6)
    save(folder / "dog" / "2.png", mode="RGB")
    assert shape_of(folder) == (4, 6, 3)


def test_files_that_are_not_pictures_are_left_out_and_named(folder):
    assert left_out(folder) is None
    (folder / "cat" / "notes.txt").write_text("soft")
    (folder / "README").write_text("mine")
    os.mkfifo(folder / "cat" / "fifo")
    assert "README, fifo, notes.txt; 3 in all." in left_out(folder)
    assert shape_of(folder) == (4, 6)


@pytest.mark.parametrize("inner", [".", "train"])
def test_system_files_are_neither_classes_nor_pictures(tmp_path, folder, inner):
    root = folder if inner == "." else tmp_path / "both"
    if inner != ".":
        for name in ("train", "test"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).symlink_to(folder)
    for name in (
        ".ipynb_checkpoints/1-checkpoint.png",
        "__MACOSX/cat/._1.png",
        ".git/config",
        "@eaDir/1.png",
    ):
        for parent in {root, root / inner}:
            (parent / name).parent.mkdir(parents=True)
            (parent / name).write_bytes(b"no picture")
    for name in ("._1.png", "1.png~", ".DS_Store", "Thumbs.db"):
        (root / inner / "cat" / name).write_bytes(b"no picture")
    (root / inner / "cat" / "@eaDir").mkdir()
    listing = Listing()
    assert read_class_folders(root, listing=listing).class_names == ("cat", "dog")
    for name in (".ipynb_checkpoints", "@eaDir", "._1.png"):
        assert name in listing.left_out_text()


def test_folders_beside_train_and_test_are_left_out_and_named(folder, tmp_path):
    root = tmp_path / "both"
    for name in ("train", "test"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(folder)
    save(root / "unlabelled" / "1.png")
    assert "unlabelled; 1 in all." in left_out(root)


def test_one_class_is_refused(folder):
    (folder / "dog").rename(folder / ".dog")
    with pytest.raises(DataError, match=r"mine: .*\bcat\b"):
        read_class_folders(folder)


def test_a_class_without_images_left_for_training_is_refused(tmp_path):
    for number in range(6):
        save(tmp_path / f"class {number}" / "1.png")
    with pytest.raises(DataError, match=r"few images.* \d"):
        read_class_folders(tmp_path)


def test_names_of_classes_that_look_the_same_are_one_class(folder, tmp_path):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    for part, name in (("train", composed), ("test", decomposed)):
        for number in range(2):
            save(tmp_path / "both" / part / name / f"{number}.png")
            save(tmp_path / "both" / part / "dog" / f"{number}.png")
    assert read_class_folders(tmp_path / "both").class_names == (composed, "dog")
    for name in (composed, decomposed):
        save(folder / name / "1.png")
    with pytest.raises(DataError, match=r"caf.*accents"):
        read_class_folders(folder)


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb"])
def test_a_class_name_that_cannot_be_printed_is_refused(folder, name):
    (folder / "cat").rename(folder / os.fsdecode(name))
    with pytest.raises(DataError, match=r"mine: .*\\.* Rename"):
        read_class_folders(folder)


def test_a_file_name_in_another_encoding_does_not_matter(folder):
    (folder / "cat" / "1.png").rename(folder / "cat" / os.fsdecode(b"caf\xe9.png"))
    assert shape_of(folder) == (4, 6)


def test_a_link_to_another_class_folder_is_refused(folder):
    (folder / "kitty").symlink_to("cat")
    with pytest.raises(DataError, match=r"kitty: .*same folder.*cat"):
        read_class_folders(folder)
    (folder / "kitty").unlink()
    (folder / "loop").symlink_to(".")
    with pytest.raises(DataError, match=r"loop/cat: .*folder"):
        read_class_folders(folder)


def test_links_are_followed(folder, tmp_path):
    (folder / "cat").rename(tmp_path / "cats")
    (folder / "cat").symlink_to(tmp_path / "cats")
    (tmp_path / "cats" / "1.png").rename(tmp_path / "elsewhere")
    (tmp_path / "cats" / "1.png").symlink_to(tmp_path / "elsewhere")
    images = read_class_folders(folder)
    assert len(images.train) + len(images.test) == 4
    (folder / "bird").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"bird: .*link"):
        read_class_folders(folder)


def test_too_many_images_for_the_memory_are_refused(folder, monkeypatch):
    memory = type("Memory", (), {"available": 1000})
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    assert shape_of(folder) == (4, 6)
    with pytest.raises(DataError, match=r"mine .*memory: .*4 images"):
        read_class_folders(folder, size=(30, 30))


def test_an_empty_class_folder_is_named(folder):
    (folder / "bird").mkdir()
    with pytest.raises(DataError, match=r"bird: .*no image"):
        read_class_folders(folder)


def test_mixed_sizes_are_named_with_the_remedy(folder):
    save(folder / "dog" / "2.png", size=(7, 4))
    with pytest.raises(
        DataError, match=r"dog/2\.png: .*4x7.*cat/1\.png.* 4x6.*size=\(4, 6\)"
    ):
        read_class_folders(folder)
    assert shape_of(folder, size=(5, 5)) == (5, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read: it is empty"),
        (b"text", "is neither PNG nor JPEG. Save it as PNG or JPEG"),
    ],
)
def test_an_unreadable_image_is_named(folder, content, message):
    (folder / "dog" / "2.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"dog/2\.png: {message}"):
        read_class_folders(folder)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "FIFO"),
        (lambda path: path.symlink_to(path), "itself"),
        (lambda path: path.symlink_to("nowhere"), "nowhere"),
        (lambda path: path.symlink_to("/dev/zero"), "device"),
        (lambda path: Image.new("L", (6, 4)).save(path, "WEBP"), "PNG or JPEG"),
    ],
    ids=["FIFO", "link to itself", "broken link", "device", "WebP"],
)
def test_an_entry_that_is_not_a_picture_file_is_named(folder, make, message):
    make(folder / "dog" / "2.jpg")
    with pytest.raises(DataError, match=rf"dog/2\.jpg: .*{message}"):
        read_class_folders(folder)


def test_a_cut_image_is_named(folder):
    path = folder / "dog" / "2.png"
    noise = np.random.default_rng(0).integers(0, 256, (4, 6), "uint8")
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match=r"dog/2\.png: "):
        read_class_folders(folder)


def test_a_picture_of_another_format_is_named(folder):
    save(folder / "dog" / "2.gif")
    with pytest.raises(DataError, match=r"dog/2\.gif: .*PNG.*JPEG"):
        read_class_folders(folder)


def test_a_class_of_the_test_images_must_have_training_images(tmp_path):
    for name in ("train/cat", "train/dog", "test/cat", "test/bird"):
        save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match=r"test/bird: .*train"):
        read_class_folders(tmp_path)


@pytest.mark.parametrize(
    "names", [[], ["1.png"], ["a/b/c/1.png"], ["test/cat/1.png"], ["train/a/1.png", "dev/a/1.png"]]
)  # fmt: skip
def test_a_folder_without_class_folders_is_refused(tmp_path, names):
    for name in names:
        save(tmp_path / "mine" / name)
    (tmp_path / "mine").mkdir(exist_ok=True)
    with pytest.raises(DataError, match=r"mine: .*PNG or JPEG"):
        splits(tmp_path / "mine")
