import json
import os
from pathlib import Path

import numpy as np
import pytest
from made_up_data import images

from kmlp import DataError
from kmlp.data import cache, check_dataset, load_images, sources
from kmlp.data.catalog import catalog
from kmlp.data.load import forget_datasets

pytestmark = pytest.mark.once

MADE_UP = images()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    forget_datasets()
    yield tmp_path / "cache" / "datasets"
    forget_datasets()


def put(name, made=MADE_UP, **options):
    with cache.locked(name), cache.replacing(name) as aside:
        cache.write(aside, name, made, **options)


def never(*_, **__):
    raise AssertionError("asked another source")


def test_what_was_written_is_read_and_nothing_else_asked(monkeypatch):
    monkeypatch.setattr(sources, "run_tfds", never)
    put("kmnist")
    found = load_images("kmnist")
    assert found.fingerprint == MADE_UP.fingerprint
    assert (found.source, found.class_names) == ("made up", ("0", "1", "2"))
    np.testing.assert_array_equal(found.train.x, MADE_UP.train.x)
    assert isinstance(found.train.x, np.memmap)


def test_versions_and_configurations_are_kept_apart():
    put("emnist/letters")
    put("emnist/letters:3.1.0", images(seed=5))
    names = [entry.name for entry in cache.entries()]
    assert names == ["emnist/letters", "emnist/letters:3.1.0"]
    found = [cache.find(name).fingerprint for name in names]
    assert len(set(found)) == 2


def test_a_name_of_the_cache_needs_no_tfds(monkeypatch):
    monkeypatch.setattr(sources, "check_tfds_name", never)
    put("my_images", imported=True)
    check_dataset("my_images")


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "longer"])
def test_a_damaged_file_is_noticed(folder, monkeypatch, damage):
    put("mine", imported=True)
    path = folder / "mine" / "train_x.npy"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-7] ^= 1
    path.unlink() if damage == "gone" else path.write_bytes(
        content[:-9] if damage == "cut" else content
    )
    if damage == "longer":
        np.save(path, np.concatenate([MADE_UP.train.x] * 2))
    with pytest.raises(DataError, match=r"mine.* Import it again: `kmlp data rm mine`"):
        load_images("mine")


def test_a_damaged_dataset_that_can_be_had_again_is_made_again(folder, monkeypatch):
    put("kmnist")
    (folder / "kmnist" / "test_y.npy").write_bytes(b"")

    def fill(name, aside, tfds_data_dir):
        cache.write(aside, name, MADE_UP)

    monkeypatch.setattr(sources, "_fill", fill)
    with pytest.warns(RuntimeWarning, match="test_y.*kmnist is prepared anew"):
        assert load_images("kmnist").fingerprint == MADE_UP.fingerprint
    assert load_images("kmnist").fingerprint == MADE_UP.fingerprint  # in peace


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', "\x00", '{"format": 1, "shapes": {}}']
)
def test_a_damaged_description_is_named(folder, text):
    put("mine")
    (folder / "mine" / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=r"dataset\.json is damaged"):
        cache.find("mine")
    assert cache.entries() == []


def test_a_cache_of_another_version_is_told(folder):
    put("mine")
    path = folder / "mine" / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(DataError, match="another version of kmlp"):
        cache.find("mine")


def test_what_fails_half_way_leaves_nothing(folder):
    put("mine")
    with (
        pytest.raises(RuntimeError),
        cache.locked("mine"),
        cache.replacing("mine") as aside,
    ):
        (aside / "train_x.npy").write_bytes(b"half")
        raise RuntimeError
    assert cache.open_images(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["mine"]


def test_what_systems_put_into_every_folder_is_no_obstacle(folder):
    put("mine", imported=True)
    for place in (folder, folder / "mine"):
        for name in (".DS_Store", "Thumbs.db"):
            (place / name).touch()
        (place / "@eaDir").mkdir()
        (place / "loop").symlink_to("loop")
    assert [entry.name for entry in cache.entries()] == ["mine"]
    assert cache.open_images(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    assert catalog()[0]["name"] == "mine"
    with cache.locked("mine"), cache.replacing("mine") as aside:
        (aside / "@eaDir").mkdir()
        cache.write(aside, "mine", MADE_UP, imported=True)
    assert cache.open_images(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    cache.remove("mine")
    assert cache.entries() == []


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"file/datasets cannot be written to .*KMLP_CACHE"):
        put("mine")


def test_the_cache_folder_is_the_platforms(monkeypatch):
    monkeypatch.delenv("KMLP_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    if os.name == "posix" and not Path("/Library").exists():
        assert cache.cache_folder() == Path("/somewhere/kmlp/datasets")
