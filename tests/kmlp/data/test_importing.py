"""A user's files become a dataset of the array cache, and other datasets stay."""

import os

import numpy as np
import pytest
from helpers.made_up_data import images, split, write_idx, write_npz
from PIL import Image

from kmlp import DataError
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
