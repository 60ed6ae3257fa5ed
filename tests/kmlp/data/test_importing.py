import os

import numpy as np
import pytest
from helpers.made_up_data import images, split, write_idx, write_npz
from PIL import Image

from kmlp import DataError
from kmlp.data import cache, load_images
from kmlp.data._importing import import_dataset

pytestmark = pytest.mark.once


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A cache and a folder for temporary files of the test's own."""
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def class_folders(root, made, names="abc"):
    for index, (image, label) in enumerate(zip(made.x, made.y, strict=True)):
        save(root / names[label] / f"{index}.png", image)
    return root


def test_class_folders_become_a_dataset(folders):
    made = split(30, shape=(5, 7))
    root = class_folders(folders / "mine", made)
    found = import_dataset("my_images", root)
    assert (found.class_names, found.train.x.shape[1:]) == (("a", "b", "c"), (5, 7))
    assert (len(found.train), len(found.test)) == (25, 5)
    assert "a sixth of the images" in found.source
    everything = {bytes(image): label for image, label in zip(made.x, made.y, strict=True)}
    for part in (found.train, found.test):
        for image, label in zip(part.x, part.y, strict=True):
            assert everything.pop(bytes(image)) == label
    assert not everything


def test_train_and_test_folders_in_colour_and_resized(folders):
    for name, count in (("train", 12), ("test", 6)):
        class_folders(folders / "mine" / name, split(count, shape=(8, 6, 3)))
    assert import_dataset("as_it_is", folders / "mine").train.x.shape == (12, 8, 6, 3)
    save(folders / "mine" / "test" / "a" / "large.png", np.full((50, 40, 3), 77, "uint8"))
    with pytest.raises(DataError, match=r"large\.png: .*50x40"):
        import_dataset("resized", folders / "mine")
    of_the_first = import_dataset("of_the_first", folders / "mine", size=(8, 6))
    assert of_the_first.train.x.shape == (12, 8, 6, 3)
    found = import_dataset("resized", folders / "mine", size=(4, 3))
    assert (found.train.x.shape, len(found.test)) == ((12, 4, 3, 3), 7)
    assert any((image == 77).all() for image in found.test.x)


def test_another_dataset_of_that_name_stays(folders):
    before = import_dataset("mine", write_npz(folders / "a.npz", images()))
    again = import_dataset("mine", write_npz(folders / "b.npz", images()))
    assert again.fingerprint == before.fingerprint
    write_npz(folders / "c.npz", images(seed=7))
    with pytest.raises(DataError, match=r"mine.*remove_dataset"):
        import_dataset("mine", folders / "c.npz")
    assert load_images("mine").fingerprint == before.fingerprint


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


def test_hidden_files_beside_idx_files_are_told(folders):
    folder = write_idx(folders / "idx", images())
    for file in list(folder.iterdir()):
        file.rename(folder / f"my-{file.name}")
        (folder / f"._my-{file.name}").write_bytes(b"of macOS")
    with pytest.warns(UserWarning, match="4 in all") as told:
        assert import_dataset("mine", folder).fingerprint == images().fingerprint
    [warning] = told
    assert "._my-train-images-idx3-ubyte.gz" in str(warning.message)


@pytest.mark.parametrize("write", [write_idx, lambda path, made: write_npz(path, made)])
def test_a_path_in_another_encoding_can_be_shown(folders, write):
    place = folders / os.fsdecode(b"caf\xe9.npz")
    write(place, images())
    found = import_dataset("mine", place)
    assert found.source.encode().endswith(rb"caf\xe9.npz")
