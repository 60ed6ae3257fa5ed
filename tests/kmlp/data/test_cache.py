import json
import os
from pathlib import Path

import numpy as np
import pytest
from helpers.made_up_data import images

from kmlp import DataError
from kmlp.data import _entry, cache, check_dataset, load_images
from kmlp.data._entry import read_images
from kmlp.data._load import forget_datasets
from kmlp.data.catalog import catalog
from kmlp.data.sources import lookup as sources

pytestmark = pytest.mark.once

MADE_UP = images()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    forget_datasets()
    yield tmp_path / "cache" / "datasets"
    forget_datasets()


def put(name, made=MADE_UP, **options):
    with cache.locked(name), cache.atomic_folder(name) as aside:
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
    names = [it.name for it in cache.entries()]
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
    with pytest.raises(DataError, match=r"mine.*remove_dataset\('mine'\)"):
        load_images("mine")


def test_a_damaged_dataset_that_can_be_had_again_is_made_again(folder, monkeypatch):
    put("kmnist")
    (folder / "kmnist" / "test_y.npy").write_bytes(b"")

    def fill(name, aside, tfds_data_dir):
        cache.write(aside, name, MADE_UP)

    monkeypatch.setattr(sources, "_fill", fill)
    with pytest.warns(RuntimeWarning, match=r"test_y.* anew"):
        assert load_images("kmnist").fingerprint == MADE_UP.fingerprint
    assert load_images("kmnist").fingerprint == MADE_UP.fingerprint  # in peace


def facts(folder, name="mine"):
    return json.loads((folder / name / "dataset.json").read_text())


def say(folder, said, name="mine"):
    """With a checksum, as somebody does who means it."""
    said = {key: it for key, it in said.items() if key != "sha256"}
    text = json.dumps(said | {"sha256": _entry._checksum(said)})
    (folder / name / "dataset.json").write_text(text)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "\x00", "[" * 50_000, "9" * 5000],
    ids=lambda it: it[:20],
)
def test_a_damaged_description_is_named(folder, text):
    put("mine", imported=True)
    (folder / "mine" / "dataset.json").write_text(text)
    with pytest.raises(_entry.DamagedError, match=r"mine.*dataset\.json"):
        cache.find("mine")
    assert cache.entries() == []
    assert list(cache.problems()) == ["mine"]
    with pytest.raises(DataError, match=r"remove_dataset\('mine'\)"):
        load_images("mine")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"0"', '"8"'),
        ("made up", "made us"),
        ('"imported": true', '"imported": false'),
        ('"name": "mine"', '"name": "mind"'),
        ("10,", "11,"),
    ],
)
def test_one_changed_character_is_noticed(folder, before, after):
    put("mine", images(count=10, classes=2), imported=True)
    path = folder / "mine" / "dataset.json"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(DataError, match=r"checksum.*dataset\.json"):
        load_images("mine")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "other"}, '"name" is that of another dataset'),
        ({"name": "../mine"}, '"name" is that of another dataset'),
        ({"class_names": ["0"]}, "does not name two classes"),
        ({"class_names": ["0", "1"]}, "labels from 0 to 2, but .* names 2 classes"),
        ({"class_names": [0, 1, 2]}, "does not name two classes"),
        ({"fingerprint": "0" * 64}, "the fingerprint of its images is another"),
        ({"fingerprint": "no"}, "is no SHA-256"),
        ({"source": None}, '"source" is missing'),
        ({"imported": 1}, '"imported" is missing'),
        ({"more": 1}, "more than there should be"),
        ({"shapes": {}}, "a shape for each array"),
    ],
    ids=str,
)
def test_what_was_changed_on_purpose_is_checked(folder, change, why):
    put("mine", imported=True)
    say(folder, facts(folder) | change)
    with pytest.raises(DataError, match=f"mine is damaged: .*{why}"):
        load_images("mine")


@pytest.mark.parametrize(
    "shapes",
    [
        {"train_x": [10**6, 10**6, 10**6], "train_y": [10**6]},
        {"train_x": [31, 4, 4]},
        {"train_x": [30, 4]},
        {"train_y": [30, 1]},
        {"test_x": [12, 4, 5]},
        {"test_x": [12, 4, -4]},
        {"test_x": [12, 4, True]},
        {"test_y": 12},
    ],
    ids=str,
)
def test_shapes_are_checked_before_memory_is_taken(folder, shapes):
    put("mine", imported=True)
    said = facts(folder)
    say(folder, said | {"shapes": said["shapes"] | shapes})
    with pytest.raises(DataError, match="mine is damaged"):
        load_images("mine")


def array_file(dtype="|u1", fortran="False", shape="(30, 4, 4)", data=480, version=1):
    header = f"{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header.encode() + bytes(data)


@pytest.mark.parametrize(
    "content",
    [
        array_file(shape="(10**12,)"),
        array_file(shape="(1000000000000, 4, 4)"),
        array_file(shape="(30, 4, 4"),
        array_file(shape="(30, 4, 4L)"),
        array_file(shape="'''"),
        array_file(shape="(" * 300),
        array_file(shape="(480,)"),
        array_file(dtype="|i1"),
        array_file(dtype="|O"),
        array_file(fortran="True"),
        array_file(data=481),
        array_file(data=479),
        array_file(version=9),
        array_file(shape=" " * 60_000),
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f",
        b"PK\x03\x04",
    ],
    ids=lambda it: repr(it[:90]),
)
def test_a_header_of_an_array_is_checked_before_memory_is_taken(folder, content):
    put("mine", imported=True)
    (folder / "mine" / "train_x.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"train_x\.npy"):
        load_images("mine")


@pytest.mark.parametrize("name", ["train_x.npy", "dataset.json", ""])
def test_no_link_is_followed(tmp_path, folder, name):
    put("mine", imported=True)
    place = tmp_path / "elsewhere"
    path = folder / "mine" / name
    path.rename(place)
    path.symlink_to(place)
    with pytest.raises(DataError, match="a link"):
        load_images("mine")
    cache.remove("mine")
    assert place.exists()
    assert not cache.has("mine")


def test_what_is_not_the_users_own_is_prepared_anew_and_said_once(
    tmp_path, folder, monkeypatch
):
    monkeypatch.setattr(
        sources, "_fill", lambda name, aside, _: cache.write(aside, name, MADE_UP)
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()
    for damage in (
        lambda it: (it / "dataset.json").write_text("{}"),
        lambda it: (it / "test_y.npy").unlink(),
        lambda it: (it / "test_y.npy").write_bytes(array_file(shape="'''")),
        lambda it: it.rename(tmp_path / "gone") and it.symlink_to(tmp_path / "elsewhere"),
    ):
        put("kmnist")
        damage(folder / "kmnist")
        with pytest.warns(RuntimeWarning, match=r"kmnist.*damaged") as told:
            found = load_images("kmnist")
        assert found.class_names == MADE_UP.class_names
        np.testing.assert_array_equal(found.train.x, MADE_UP.train.x)
        [warning] = told
        assert str(warning.message).endswith(" It is prepared anew.")
    assert (tmp_path / "elsewhere" / "precious").exists()
    assert [it.name for it in folder.iterdir() if it.is_dir()] == ["kmnist"]


def as_first(folder, name, **changes):
    """As a kmlp wrote it that knew no checksums."""
    said = facts(folder, name) | {"format": 1} | changes
    del said["sha256"]
    (folder / name / "dataset.json").write_text(json.dumps(said, indent=2))


@pytest.mark.parametrize("name", ["mine", "kmnist"])
def test_what_has_no_checksum_yet_gets_one(folder, name):
    put(name, imported=name == "mine")
    after = facts(folder, name)
    as_first(folder, name)
    [found] = cache.entries()
    assert (found.name, found.checked) == (name, False)
    found = load_images(name)
    assert (found.fingerprint, found.class_names) == (
        MADE_UP.fingerprint,
        MADE_UP.class_names,
    )
    assert facts(folder, name) == after
    assert sorted(it.name for it in (folder / name).iterdir()) == [
        "dataset.json", "test_x.npy", "test_y.npy", "train_x.npy", "train_y.npy",
    ]  # fmt: skip


def test_what_has_no_checksum_is_read_where_nothing_can_be_written(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    put("mine", imported=True)
    as_first(folder, "mine")
    monkeypatch.setattr(_entry, "open_new", refuse)
    assert load_images("mine").fingerprint == MADE_UP.fingerprint
    assert facts(folder)["format"] == 1


@pytest.mark.parametrize("imported", [True, False])
def test_what_is_damaged_gets_no_checksum(folder, imported):
    put("mine", imported=True)
    as_first(folder, "mine", imported=imported)
    content = bytearray((folder / "mine" / "test_y.npy").read_bytes())
    content[-4] ^= 1
    (folder / "mine" / "test_y.npy").write_bytes(content)
    with pytest.raises(DataError, match="fingerprint"):
        load_images("mine")
    assert facts(folder)["format"] == 1


def test_a_cache_of_another_version_is_told(folder):
    put("mine")
    say(folder, facts(folder) | {"format": 99})
    with pytest.raises(DataError, match="version"):
        cache.find("mine")
    assert "another version" in str(cache.problems()["mine"])


def test_only_left_overs_of_the_dataset_itself_are_removed(tmp_path, folder):
    """Another process may be writing its own."""
    put("mine")
    for name in (".mine.new-12ab", ".mine.old-77", ".other.new-12ab", ".mine.news"):
        (folder / name).mkdir()
    (tmp_path / "precious").mkdir()
    (folder / ".mine.new-1").symlink_to(tmp_path / "precious")
    put("mine")
    left = sorted(it.name for it in folder.iterdir() if not it.name.endswith(".lock"))
    assert left == [".mine.news", ".other.new-12ab", "mine"]
    assert (tmp_path / "precious").is_dir()


def test_a_planted_link_is_no_lock(tmp_path, folder):
    folder.mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    (folder / ".mine.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(DataError, match=r"datasets.*.*symbolic link"):
        put("mine")
    assert (tmp_path / "victim").read_text() == "precious"


def test_what_fails_half_way_leaves_nothing(folder):
    put("mine")
    with (
        pytest.raises(RuntimeError),
        cache.locked("mine"),
        cache.atomic_folder("mine") as aside,
    ):
        (aside / "train_x.npy").write_bytes(b"half")
        raise RuntimeError
    assert read_images(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["mine"]


def test_what_systems_put_into_every_folder_is_no_obstacle(folder):
    put("mine", imported=True)
    for place in (folder, folder / "mine"):
        for name in (".DS_Store", "Thumbs.db"):
            (place / name).touch()
        (place / "@eaDir").mkdir()
        (place / "loop").symlink_to("loop")
    assert [it.name for it in cache.entries()] == ["mine"]
    assert read_images(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    assert catalog()[0]["name"] == "mine"
    with cache.locked("mine"), cache.atomic_folder("mine") as aside:
        (aside / "@eaDir").mkdir()
        cache.write(aside, "mine", MADE_UP, imported=True)
    assert read_images(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    cache.remove("mine")
    assert cache.entries() == []


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"file/datasets.*.*KMLP_CACHE"):
        put("mine")


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    full = Path("/dev/full").open
    monkeypatch.setattr("pathlib.Path.open", lambda *_, **__: full("wb", buffering=0))
    with pytest.raises(DataError, match=r"datasets.*\(No space left on"):
        cache.write(tmp_path, "mine", MADE_UP)


def test_the_cache_folder_is_the_platforms(monkeypatch):
    monkeypatch.delenv("KMLP_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    if os.name == "posix" and not Path("/Library").exists():
        assert cache.cache_folder() == Path("/somewhere/kmlp/datasets")
