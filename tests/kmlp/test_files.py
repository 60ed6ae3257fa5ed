import os
import socket

import pytest

from kmlp.files import why_unreadable

pytestmark = pytest.mark.once


def test_files_and_links_to_files_can_be_read(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to("a")
    assert why_unreadable(tmp_path / "a") is None
    assert why_unreadable(tmp_path / "b") is None


def test_what_is_not_a_file_is_told_without_opening_it(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "fifo link").symlink_to("fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "broken").symlink_to("gone")
    monkeypatch.chdir(tmp_path)  # a socket's path cannot be long
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")
    expected = {
        "fifo": "it is a FIFO (a pipe), not a file",
        "fifo link": "it is a FIFO (a pipe), not a file",
        "folder": "it is a folder, not a file",
        "zero": "it is a device, not a file",
        "socket": "it is a socket, not a file",
        "loop": "it is a link that leads back to itself",
        "broken": "it is a link to gone, which does not exist",
        "nowhere": "No such file or directory",
        "n" * 300: "File name too long",
        "a\0b": "embedded null byte",
    }
    assert {name: why_unreadable(tmp_path / name) for name in expected} == expected


def test_a_file_without_permission(tmp_path, monkeypatch):
    """Which root has always: so the system is asked in its stead."""
    (tmp_path / "a").touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert why_unreadable(tmp_path / "a") == "Permission denied"
