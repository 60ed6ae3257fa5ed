import errno
import os

import pytest

from kmlp._util.files import atomic_write, open_new, open_plain

pytestmark = pytest.mark.once


@pytest.fixture
def victim(tmp_path):
    """A file that nothing may be written to."""
    path = tmp_path / "elsewhere" / "victim"
    path.parent.mkdir()
    path.write_text("precious")
    yield path
    assert path.read_text() == "precious"


def test_a_path_that_cannot_be_written_is_named_and_its_file_remains(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def full(aside):
        raise OSError(errno.ENOSPC, "No space left on device")  # it has no name

    def refused(aside):
        raise PermissionError(errno.EACCES, "Permission denied", str(aside))

    for fail in (full, refused):
        with pytest.raises(OSError, match=f": '{path}'$"), atomic_write(path) as aside:
            aside.write_text("half")
            fail(aside)
        assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
    with (
        pytest.raises(NotADirectoryError, match=f": '{path}/a'$"),
        atomic_write(path / "a"),
    ):
        pass


def test_no_planted_link_is_written_through(tmp_path, victim, monkeypatch):
    """Neither a link at a predictable name, nor one at the file's own name."""
    path = tmp_path / "o.html"
    planted = [path, tmp_path / f".o.{os.getpid()}.html", tmp_path / "new.html"]
    for link in planted:
        link.symlink_to(victim)
    with atomic_write(path) as aside:
        assert aside.suffix == ".html"
        assert aside.parent.stat().st_mode & 0o777 == 0o700
        assert aside.parent.parent == tmp_path
        aside.write_text("new")
    assert [path.is_symlink() for path in planted] == [False, True, True]
    assert path.read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 4
    with atomic_write(path) as other:
        other.touch()
    assert aside.parent != other.parent


def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as aside:
            aside.touch()
        path, opened = open_new(tmp_path, "b")
        opened.close()
    finally:
        os.umask(before)
    assert [file.stat().st_mode & 0o777 for file in (tmp_path / "a", path)] == [0o640] * 2


def test_a_new_file_does_not_follow_a_link(tmp_path, victim, monkeypatch):
    (tmp_path / ".a.bb").symlink_to(victim)
    monkeypatch.setattr("os.urandom", lambda size: b"\xbb")
    with pytest.raises(FileExistsError):
        open_new(tmp_path, ".a.")


def test_only_plain_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("here")
    (tmp_path / "link").symlink_to("file")
    with open_plain(tmp_path / "file") as opened:
        assert opened.read() == b"here"
    for name, why in (
        ("fifo", "it is a FIFO"),
        ("link", "it is a link, which is not followed"),
        (".", "it is a folder"),
        ("gone", "No such file"),
    ):
        with pytest.raises(OSError, match=why):
            open_plain(tmp_path / name)
