"""Files of systems and programs are left out of a user's folders, and named once."""

import os

import pytest

from kmlp import DataError
from kmlp.data.listing import Listing, is_left_behind

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store", "._0.png", ".ipynb_checkpoints", ".git", ".cache", ".Trash-1000",
        ".stfolder", ".dropbox.cache", ".nfs0000001", ".0.png.Xy12Za", "__MACOSX", "Icon\r",
        "@eaDir", "#recycle", "@Recycle", "lost+found", "__pycache__", "$RECYCLE.BIN",
        "System Volume Information", "Thumbs.db", "THUMBS.DB", "desktop.ini", "found.000",
        "0.png~", "0.png.~1~", "#0.png#", "~$notes.docx", "0.png.bak", "0.png.part",
        "0.png.crdownload", "0.png.tmp", "0.png.swp", "0.png:Zone.Identifier",
        "0.png@SynoEAStream", "0.sync-conflict-20260101-120000-ABCDEFG.png",
        "0 (Ann's conflicted copy 2026-01-01).png",
    ],
)  # fmt: skip
def test_files_of_systems_and_programs_are_recognized(name):
    assert is_left_behind(name)


@pytest.mark.parametrize(
    "name",
    [
        "cat", "Icon", "recycled", "temp", "tmp", "part", "train", "a.b", "0.png", "0 (1).png",
        "@home", "#1", "$5", "~tilde", "caf\u00e9", "\u732b", "thumbs", "git", "lost and found",
    ],
)  # fmt: skip
def test_names_of_classes_and_pictures_are_allowed(name):
    assert not is_left_behind(name)


def test_left_out_files_are_named_once_with_their_number(tmp_path):
    for name in ("a/.DS_Store", "b/.DS_Store", "b/0.png", "b/Icon\r", "__MACOSX/._0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listing = Listing()
    assert listing.left_out_text() is None
    for _ in range(2):
        assert [folder.name for folder in listing.folders(tmp_path)] == ["a", "b"]
        assert listing.files(tmp_path / "a") == []
        assert listing.files(tmp_path / "b") == [tmp_path / "b" / "0.png"]
    text = listing.left_out_text()
    assert text.endswith(": .DS_Store (2), __MACOSX, Icon\\r; 4 in all.")


def test_only_a_few_of_many_left_out_files_are_named(tmp_path):
    for number in range(50):
        (tmp_path / f".{number}").touch()
    listing = Listing()
    listing.entries(tmp_path)
    text = listing.left_out_text()
    assert "50 in all" in text
    assert len(text) < 200


def test_a_broken_link_is_named(tmp_path):
    (tmp_path / "cat").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"cat: .*link"):
        Listing().files(tmp_path)
    (tmp_path / "cat").unlink()
    (tmp_path / "cat").symlink_to("cat")
    with pytest.raises(DataError, match=r"cat: .*link.*itself"):
        Listing().files(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "cat").unlink()
    assert Listing().files(tmp_path) == [tmp_path / "fifo"]
