import os
import socket
from pathlib import Path

import pytest

from kmlp import ConfigError
from kmlp._util.user_files import (
    MAX_NESTING,
    expanded,
    nesting,
    parsed,
    parsed_toml,
    read_text,
    why_unreadable,
)
from kmlp.data import cache
from kmlp.store import runs_folder

pytestmark = pytest.mark.once


def test_files_and_links_to_files_can_be_read(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to("a")
    assert why_unreadable(tmp_path / "a") is None
    assert why_unreadable(tmp_path / "b") is None


def test_a_pipe_or_device_is_recognized_without_opening_it(tmp_path, monkeypatch):
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
    """The answer of the system is made up, because root may read every file."""
    (tmp_path / "a").touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert why_unreadable(tmp_path / "a") == "Permission denied"


def test_a_text_is_read_without_its_byte_order_mark(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfwidth")
    assert read_text(tmp_path / "a") == "width"


def test_a_file_that_is_not_text_is_named(tmp_path):
    (tmp_path / "a").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match=r"^the space .*UTF-8"):
        read_text(tmp_path / "a", "the space")
    with pytest.raises(ConfigError, match="b: No such"):
        read_text(tmp_path / "b")


def test_a_text_that_is_too_long_is_not_read(tmp_path):
    with (tmp_path / "a").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ConfigError, match=r"a .*1,099,511,627,776.* 1,048,576"):
        read_text(tmp_path / "a")


@pytest.mark.parametrize("path", ["~nosuchuser/x", "a\0b"])
def test_the_message_for_an_unusable_path_has_its_source(path):
    with pytest.raises(ConfigError, match="KMLP_RUNS_DIR"):
        expanded(path, "KMLP_RUNS_DIR")


def test_every_folder_of_the_user_is_expanded(monkeypatch):
    monkeypatch.setenv("KMLP_RUNS_DIR", "~nosuchuser/x")
    monkeypatch.setenv("KMLP_CACHE_DIR", "~nosuchuser/x")
    for folder, name in (
        (runs_folder, "KMLP_RUNS_DIR"),
        (cache.cache_folder, "KMLP_CACHE_DIR"),
    ):
        with pytest.raises(ConfigError, match=name):
            folder()
    with pytest.raises(ConfigError, match="runs folder"):
        runs_folder("~nosuchuser/x")
    with pytest.raises(ConfigError, match=r"runs folder.*empty"):
        runs_folder("")


def test_a_user_without_a_home_folder_is_told_what_to_set(monkeypatch):
    """As with `docker run -u 12345`."""

    def unknown(number):
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "KMLP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(ConfigError, match=r"home folder.* KMLP_CACHE_DIR"):
        cache.cache_folder()
    assert runs_folder("here") == Path("here")


def deep(depth):
    value = 1
    for _ in range(depth):
        value = {"a": [value]} if depth % 2 else [value]
    return value


def test_text_that_is_nested_too_deeply_is_refused():
    assert parsed("f", "TOML", lambda: deep(MAX_NESTING)) is not None
    for value in (deep(MAX_NESTING + 2), deep(20_001)):
        with pytest.raises(ConfigError, match=r"f: .*100 deep"):
            parsed("f", "TOML", lambda value=value: value)


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 100_000) + " = 1",
        "[" + " . ".join(["a"] * 100_000) + "]",
        "a = {" + ".".join(['"b"'] * 100_000) + " = 1}",
        "\n'a'" + ".a-1" * 100 + " = 1",
        "a = " + "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_toml_that_is_nested_too_deeply_is_refused_at_once(text):
    """For such a key, `tomllib` would create 40 GB of tuples."""
    with pytest.raises(ConfigError, match=r"^f: .*100 deep"):
        parsed_toml("f", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a." * 99 + "a = 1", None),
        ('a = "' + "b." * 200 + '"', "b." * 200),
        ("a = [" + "0.1, " * 200 + "]", [0.1] * 200),
    ],
)
def test_toml_with_many_dots_is_read(text, value):
    parsed_value = parsed_toml("f", text)["a"]
    assert value is None or parsed_value == value


def test_the_depth_of_a_value_that_contains_itself_is_limited():
    """YAML's anchors can create such values."""
    value = [1]
    for _ in range(60):
        value = [value, value]
    assert nesting(value) == 61
    value = []
    value.append(value)
    assert nesting(value) == MAX_NESTING + 1
