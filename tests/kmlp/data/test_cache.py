"""A dataset in the cache is read as it was written, and any change is noticed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from helpers.made_up_data import images

from kmlp import DataError
from kmlp.data import _entry, cache, check_dataset, load_examples
from kmlp.data._entry import read_examples
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


def put(name, content=MADE_UP, **options):
    with cache.locked(name), cache.atomic_folder(name) as new:
        cache.write(new, name, content, **options)


def never(*_, **__):
    raise AssertionError("another source was used")


def test_a_written_dataset_is_read_from_the_cache_alone(monkeypatch):
    monkeypatch.setattr(sources, "run_tfds", never)
    put("kmnist")
    read = load_examples("kmnist")
    assert read.fingerprint == MADE_UP.fingerprint
    assert (read.source, read.class_names) == ("made up", ("0", "1", "2"))
    np.testing.assert_array_equal(read.train.x, MADE_UP.train.x)
    assert isinstance(read.train.x, np.memmap)


def test_versions_of_a_dataset_have_their_own_entries():
    put("emnist/letters")
    put("emnist/letters:3.1.0", images(seed=5))
    names = [entry.name for entry in cache.entries()]
    assert names == ["emnist/letters", "emnist/letters:3.1.0"]
    assert len({cache.find(name).fingerprint for name in names}) == 2


def test_a_name_in_the_cache_is_checked_without_tfds(monkeypatch):
    monkeypatch.setattr(sources, "check_tfds_name", never)
    put("my_images", imported=True)
    check_dataset("my_images")


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing", "longer"])
def test_a_damaged_file_is_noticed(folder, monkeypatch, damage):
    put("mine", imported=True)
    path = folder / "mine" / "train_x.npy"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-7] ^= 1
    path.unlink() if damage == "missing" else path.write_bytes(
        content[:-9] if damage == "cut" else content
    )
    if damage == "longer":
        np.save(path, np.concatenate([MADE_UP.train.x] * 2))
    with pytest.raises(DataError, match=r"mine.*remove_dataset\('mine'\)"):
        load_examples("mine")


def test_a_damaged_dataset_of_tfds_is_prepared_again(folder, monkeypatch):
    put("kmnist")
    (folder / "kmnist" / "test_y.npy").write_bytes(b"")

    def fill(name, new, tfds_data_dir):
        cache.write(new, name, MADE_UP)

    monkeypatch.setattr(sources, "_fill", fill)
    with pytest.warns(RuntimeWarning, match=r"test_y.* again"):
        assert load_examples("kmnist").fingerprint == MADE_UP.fingerprint
    assert load_examples("kmnist").fingerprint == MADE_UP.fingerprint  # without a warning


def description(folder, name="mine"):
    return json.loads((folder / name / "dataset.json").read_text())


def describe(folder, fields, name="mine"):
    """Write a description with a valid checksum, as an intentional change would have."""
    fields = {key: value for key, value in fields.items() if key != "sha256"}
    text = json.dumps(fields | {"sha256": _entry._checksum(fields)})
    (folder / name / "dataset.json").write_text(text)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "\x00", "[" * 50_000, "9" * 5000],
    ids=lambda text: text[:20],
)
def test_a_damaged_description_is_named(folder, text):
    put("mine", imported=True)
    (folder / "mine" / "dataset.json").write_text(text)
    with pytest.raises(_entry.DamagedError, match=r"mine.*dataset\.json"):
        cache.find("mine")
    assert cache.entries() == []
    assert list(cache.problems()) == ["mine"]
    with pytest.raises(DataError, match=r"remove_dataset\('mine'\)"):
        load_examples("mine")


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
        load_examples("mine")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "other"}, '"name" is that of another dataset'),
        ({"name": "../mine"}, '"name" is that of another dataset'),
        ({"class_names": ["0"]}, '"class_names"'),
        ({"class_names": ["0", "1"]}, "labels from 0 to 2, but .* names 2 classes"),
        ({"class_names": [0, 1, 2]}, '"class_names"'),
        ({"fingerprint": "0" * 64}, "the fingerprint of the images"),
        ({"fingerprint": "no"}, "SHA-256"),
        ({"source": None}, '"source" is missing'),
        ({"imported": 1}, '"imported" is missing'),
        ({"more": 1}, "unknown fields"),
        ({"shapes": {}}, "a shape for each array"),
    ],
    ids=str,
)
def test_an_intentional_change_is_checked(folder, change, why):
    put("mine", imported=True)
    describe(folder, description(folder) | change)
    with pytest.raises(DataError, match=f"mine .*damaged: .*{why}"):
        load_examples("mine")


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
def test_shapes_are_checked_before_memory_is_used(folder, shapes):
    put("mine", imported=True)
    fields = description(folder)
    describe(folder, fields | {"shapes": fields["shapes"] | shapes})
    with pytest.raises(DataError, match=r"mine .*damaged"):
        load_examples("mine")


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
    ids=lambda content: repr(content[:90]),
)
def test_the_header_of_an_array_is_checked_before_memory_is_used(folder, content):
    put("mine", imported=True)
    (folder / "mine" / "train_x.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"train_x\.npy"):
        load_examples("mine")


@pytest.mark.parametrize("name", ["train_x.npy", "dataset.json", ""])
def test_links_are_not_followed(tmp_path, folder, name):
    put("mine", imported=True)
    target = tmp_path / "elsewhere"
    path = folder / "mine" / name
    path.rename(target)
    path.symlink_to(target)
    with pytest.raises(DataError, match="a link"):
        load_examples("mine")
    cache.remove("mine")
    assert target.exists()
    assert not cache.has("mine")


def test_a_dataset_that_is_prepared_again_has_one_warning(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(
        sources, "_fill", lambda name, new, _: cache.write(new, name, MADE_UP)
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()

    def replace_by_link(path):
        path.rename(tmp_path / "gone")
        path.symlink_to(tmp_path / "elsewhere")

    for damage in (
        lambda path: (path / "dataset.json").write_text("{}"),
        lambda path: (path / "test_y.npy").unlink(),
        lambda path: (path / "test_y.npy").write_bytes(array_file(shape="'''")),
        replace_by_link,
    ):
        put("kmnist")
        damage(folder / "kmnist")
        with pytest.warns(RuntimeWarning, match=r"kmnist.*damaged") as warnings:
            read = load_examples("kmnist")
        assert read.class_names == MADE_UP.class_names
        np.testing.assert_array_equal(read.train.x, MADE_UP.train.x)
        [warning] = warnings
        assert "again" in str(warning.message)
    assert (tmp_path / "elsewhere" / "precious").exists()
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["kmnist"]


def write_format_1(folder, name, **changes):
    """Replace a description by that of an older kmlp, without a checksum."""
    fields = description(folder, name) | {"format": 1} | changes
    del fields["sha256"]
    (folder / name / "dataset.json").write_text(json.dumps(fields, indent=2))


@pytest.mark.parametrize("name", ["mine", "kmnist"])
def test_a_dataset_without_a_checksum_gets_one(folder, name):
    put(name, imported=name == "mine")
    after = description(folder, name)
    write_format_1(folder, name)
    [entry] = cache.entries()
    assert (entry.name, entry.checked) == (name, False)
    read = load_examples(name)
    assert read.fingerprint == MADE_UP.fingerprint
    assert read.class_names == MADE_UP.class_names
    assert description(folder, name) == after
    assert sorted(path.name for path in (folder / name).iterdir()) == [
        "dataset.json", "test_x.npy", "test_y.npy", "train_x.npy", "train_y.npy",
    ]  # fmt: skip


def test_a_dataset_without_a_checksum_is_read_from_a_read_only_cache(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    put("mine", imported=True)
    write_format_1(folder, "mine")
    monkeypatch.setattr(_entry, "open_new", refuse)
    assert load_examples("mine").fingerprint == MADE_UP.fingerprint
    assert description(folder)["format"] == 1


@pytest.mark.parametrize("imported", [True, False])
def test_a_damaged_dataset_gets_no_checksum(folder, imported):
    put("mine", imported=True)
    write_format_1(folder, "mine", imported=imported)
    content = bytearray((folder / "mine" / "test_y.npy").read_bytes())
    content[-4] ^= 1
    (folder / "mine" / "test_y.npy").write_bytes(content)
    with pytest.raises(DataError, match="fingerprint"):
        load_examples("mine")
    assert description(folder)["format"] == 1


def test_a_dataset_of_another_version_is_refused(folder):
    put("mine")
    describe(folder, description(folder) | {"format": 99})
    with pytest.raises(DataError, match="version"):
        cache.find("mine")
    assert "another version" in str(cache.problems()["mine"])


def test_only_leftovers_of_the_same_dataset_are_removed(tmp_path, folder):
    """Another process may be writing another dataset."""
    put("mine")
    for name in (".mine.new-12ab", ".mine.old-77", ".other.new-12ab", ".mine.news"):
        (folder / name).mkdir()
    (tmp_path / "precious").mkdir()
    (folder / ".mine.new-1").symlink_to(tmp_path / "precious")
    put("mine")
    names = {path.name for path in folder.iterdir() if path.suffix != ".lock"}
    assert names == {".mine.news", ".other.new-12ab", "mine"}
    assert (tmp_path / "precious").is_dir()


def test_a_link_in_place_of_the_lock_is_refused(tmp_path, folder):
    folder.mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    (folder / ".mine.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(DataError, match=r"datasets.*.*symbolic link"):
        put("mine")
    assert (tmp_path / "victim").read_text() == "precious"


def test_an_error_while_writing_leaves_the_earlier_dataset(folder):
    put("mine")
    with (
        pytest.raises(RuntimeError),
        cache.locked("mine"),
        cache.atomic_folder("mine") as new,
    ):
        (new / "train_x.npy").write_bytes(b"half")
        raise RuntimeError
    assert read_examples(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["mine"]


def test_files_of_systems_in_the_cache_do_not_matter(folder):
    put("mine", imported=True)
    for parent in (folder, folder / "mine"):
        for name in (".DS_Store", "Thumbs.db"):
            (parent / name).touch()
        (parent / "@eaDir").mkdir()
        (parent / "loop").symlink_to("loop")
    assert [entry.name for entry in cache.entries()] == ["mine"]
    assert read_examples(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    assert catalog()[0]["name"] == "mine"
    with cache.locked("mine"), cache.atomic_folder("mine") as new:
        (new / "@eaDir").mkdir()
        cache.write(new, "mine", MADE_UP, imported=True)
    assert read_examples(cache.find("mine")).fingerprint == MADE_UP.fingerprint
    cache.remove("mine")
    assert cache.entries() == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"file/datasets.*.*KMLP_CACHE"):
        put("mine")


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    full = Path("/dev/full").open
    monkeypatch.setattr("pathlib.Path.open", lambda *_, **__: full("wb", buffering=0))
    with pytest.raises(DataError, match=r"datasets.*\(No space left on"):
        cache.write(tmp_path, "mine", MADE_UP)


def test_the_default_folder_is_in_the_platforms_cache_folder(monkeypatch):
    monkeypatch.delenv("KMLP_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    if os.name == "posix" and not Path("/Library").exists():
        assert cache.cache_folder() == Path("/somewhere/kmlp/datasets")
