"""Whatever the text, and whatever becomes of standard output, a command does its work."""

import contextlib
import errno
import io
import json
import os
import sqlite3
import sys
from pathlib import Path

import pytest
from helpers.processes import python
from helpers.stores import seal_all

from kmlp_cli.terminal.streams import Stream, StyledStream, guarded

pytestmark = pytest.mark.once


def stream(encoding, kind=Stream):
    raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    return raw, kind(raw)


def written(encoding, text, kind=Stream):
    raw, wrapped = stream(encoding, kind)
    assert wrapped.write(text) == len(text)
    wrapped.flush()
    return raw.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", "97.1 +/- 0.2 ---- _.:-=+*# | a->b M\\xe4x \\u65e5 \\U0001f600 ..."),
        ("latin-1", "97.1 ± 0.2 ---- _.:-=+*# | a->b Mäx \\u65e5 \\U0001f600 ..."),
        ("cp1252", "97.1 ± 0.2 ---- _.:-=+*# | a->b Mäx \\u65e5 \\U0001f600 …"),
        ("cp437", "97.1 ± 0.2 ---- _.:-=+*# | a->b Mäx \\u65e5 \\U0001f600 ..."),
        ("utf-8", "97.1 ± 0.2 ─━╺╸ ▁▂▃▄▅▆▇█ │ a→b Mäx 日 😀 …"),
    ],
)
def test_what_an_encoding_lacks_has_a_stand_in_that_can_be_read(encoding, expected):
    """Of a sparkline all or nothing: cp437 has two of its eight blocks."""
    text = "97.1 ± 0.2 ─━╺╸ ▁▂▃▄▅▆▇█ │ a→b Mäx 日 😀 …"
    assert written(encoding, text) == expected


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_nothing_written_controls_the_terminal_or_fails(encoding):
    evil = "\x1b]0;pwned\x07\r\b\x9b2J\x7f\x00\u202e\u2028\ufeffcaf\udce9\ud800"
    assert written(encoding, f"one{evil}\n\ttwo\n") == (
        r"one\x1b]0;pwned\x07\r\x08\x9b2J\x7f\x00\u202e\u2028\ufeffcaf\xe9\ud800"
        "\n\ttwo\n"
    )


def test_rich_writes_what_controls_the_terminal():
    assert written("ascii", "\x1b[1mbold\x1b[0m ─", StyledStream) == "\x1b[1mbold\x1b[0m -"


class Failing(io.StringIO):
    def __init__(self, number):
        super().__init__()
        self.number, self.tries = number, 0

    def write(self, text):
        self.tries += 1
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("failure", [errno.EPIPE, errno.ECONNRESET])
def test_a_reader_that_goes_is_no_error(monkeypatch, failure):
    out, err = Failing(failure), Failing(failure)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with guarded():
        for _ in range(3):
            print("result", flush=True)
            print("progress", file=sys.stderr, flush=True)
    assert (out.tries, err.tries) == (1, 1)
    assert (sys.stdout, sys.stderr) == (out, err)


@pytest.mark.parametrize("failure", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize(("code", "at_the_end"), [(None, 1), (0, 1), (1, 1), (2, 2)])
def test_output_that_cannot_be_written_is_an_error_at_the_end(
    monkeypatch, capsys, failure, code, at_the_end
):
    monkeypatch.setattr(sys, "stdout", Failing(failure))
    with pytest.raises(SystemExit) as caught, guarded():
        print("result", flush=True)
        if code is not None:
            sys.exit(code)
    assert caught.value.code == at_the_end
    said = f"Error: The output could not be written ({os.strerror(failure)}).\n"
    assert capsys.readouterr().err == said


def test_messages_that_cannot_be_written_are_none(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Failing(errno.ENOSPC))
    with guarded():
        print("progress", file=sys.stderr, flush=True)


def test_a_broken_pipe_of_something_else_is_an_error(kmlp, monkeypatch):
    def fail(*_):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("kmlp.backend.select", fail)
    result = kmlp("info", "--backend", "jax")
    assert (result.code, result.out) == (1, "")
    assert result.err == f"Error: [Errno {errno.EPIPE}] Broken pipe\n"


def test_scripts_find_what_standard_streams_have_but_no_way_around():
    raw, wrapped = stream("ascii")
    wrapped.reconfigure(encoding="latin-1")
    assert (wrapped.encoding, wrapped.isatty(), wrapped.writable()) == (
        "latin-1",
        False,
        True,
    )
    assert not hasattr(wrapped, "buffer")
    assert wrapped.write("ä") == 1
    wrapped.flush()
    assert raw.buffer.getvalue() == b"\xe4"


def test_files_do_not_take_the_place_of_streams_that_are_closed():
    """What a backend prints to number 2 would be written into the first that is opened."""
    result = python("""
import os, sys
for number in (0, 2):
    os.close(number)
sys.stdin = sys.stderr = None
from kmlp_cli.terminal.streams import guarded
with guarded():
    print("lost", file=sys.stderr)
    with open(sys.executable) as opened:
        print(opened.fileno() > 2, os.get_inheritable(2), repr(sys.stdin.read()))
""")
    assert (result.returncode, result.stdout) == (0, "True True ''\n")


TRAIN = ["train", "--train-size", "512", "--epochs", "1", "--width", "8", "--depth", "1",
         "--quiet", "--runs-dir"]  # fmt: skip


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("runs"))


def gone():
    """A pipe whose reader went."""
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w")


@pytest.mark.parametrize(
    ("out", "code"),
    [
        (gone, 0),
        (lambda: open(os.devnull, "w", encoding="ascii"), 0),  # noqa: PTH123, SIM115
        (lambda: open("/dev/full", "w"), 1),  # noqa: PTH123, SIM115
        (lambda: None, 0),
    ],
    ids=["gone", "ascii", "full", "closed"],
)
@pytest.mark.trains
@pytest.mark.parametrize("err", [gone, lambda: None], ids=["gone", "closed"])
def test_files_are_written_whatever_becomes_of_the_output(
    kmlp, tmp_path, runs_dir, monkeypatch, out, code, err
):
    model, logs = tmp_path / "model.keras", tmp_path / "logs"
    streams = out(), err()
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    result = kmlp(*TRAIN, runs_dir, "--save", str(model), "--tensorboard", str(logs))
    for it in filter(None, streams):
        it.close()  # which would fail if something were left in it
    assert result.code == code
    assert model.exists()
    assert list(logs.rglob("*.kmlp"))


def test_json_stays_json_in_every_encoding(kmlp, runs_dir, monkeypatch):
    kmlp(*TRAIN, runs_dir)
    name = "\x7f\x1b\u202e ä\n日"  # which others' stores may have
    database = sqlite3.connect(Path(runs_dir) / "kmlp.sqlite")
    with contextlib.closing(database), database:
        database.execute("UPDATE studies SET name = ?", (name,))
        seal_all(database)
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", raw)
    kmlp("studies", "--json", "--runs-dir", runs_dir)
    names = [it["name"] for it in json.loads(raw.buffer.getvalue())["studies"]]
    assert names == [name]
