"""Texts of any origin are shown as they are: nothing in them is markup or a command."""

import ast
import io
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers.made_up import made_up_record
from rich.console import Console

import kmlp_cli
from kmlp import ConfigError, RunConfig
from kmlp.engine import (
    CheckpointDamaged,
    EpochFinished,
    RunFinished,
    RunRequest,
    RunStarted,
    StudyStarted,
    Target,
    TaskRetried,
)
from kmlp.inference.evaluation import ClassScores, Evaluation
from kmlp.studies.cells import sparkline
from kmlp.training.run import Run
from kmlp_cli.render._rich_tables import plain_table
from kmlp_cli.render.model_tables import classes_table
from kmlp_cli.render.pictures import prediction_table
from kmlp_cli.render.printing import print_data
from kmlp_cli.render.progress import LiveDisplay, PlainLines
from kmlp_cli.terminal.console import PlainConsole
from kmlp_cli.terminal.output import print_lines, print_table, say
from kmlp_cli.terminal.streams import Stream

pytestmark = pytest.mark.once

EVIL = (
    "[/x] [bold]b[/] [link=http://x]l :smile: \x1b]0;t\x07\x9b2J\r\b\u202e=1\nError: no\\"
)
SHOWN = (
    r"[/x] [bold]b[/] [link=http://x]l :smile: \x1b]0;t\x07\x9b2J\r\x08\u202e=1\nError: no"
    "\\"
)
COMMAND = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
STYLE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def modules():
    folder = Path(kmlp_cli.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(folder).as_posix(), ast.parse(path.read_text("utf-8"))


def test_nothing_is_printed_by_any_other_way():
    """What is printed in two ways will be printed in a third, which takes markup."""
    expected = {
        "print": {"terminal/output.py", "terminal/streams.py"},
        ".print": {"terminal/output.py", "render/progress.py"},  # of the one console
        ".echo": {"app.py"},
        ".write": {"terminal/streams.py"},
        "Console": set(),
        "Table": {
            "render/data_tables.py",
            "render/machine_tables.py",
            "render/model_tables.py",
            "render/row_tables.py",
            "render/store_tables.py",
        },  # of data, and not of Rich
        "_Table": {"render/_rich_tables.py"},
        "Text": {
            "terminal/console.py",
            "render/pictures.py",
            "render/progress.py",
            "render/_rich_tables.py",
        },
        "TextColumn": set(),
        ".from_markup": set(),
    }
    found = {name: set() for name in expected}
    for file, tree in modules():
        for call in (node.func for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = f".{call.attr}" if isinstance(call, ast.Attribute) else ast.unparse(call)
            if name in found:
                found[name].add(file)
    assert found == expected


@pytest.fixture(params=["pipe", "terminal"])
def shown(request, monkeypatch, capsys):
    """What was printed to each stream, without styles."""
    if request.param == "terminal":
        monkeypatch.setattr(Console, "is_terminal", property(lambda self: True))
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "150")

    def read():
        captured = capsys.readouterr()
        return [STYLE.sub("", text) for text in captured]

    return read


def evil_table(rows=1):
    table = plain_table(f"title {EVIL}", f"first {EVIL}", f"second {EVIL}")
    table.add_column("name", no_wrap=True)
    table.add_column(EVIL, no_wrap=True)
    for _ in range(rows):
        table.add_row("cell", EVIL, style="bold")
    return table


def test_a_table_shows_all_as_it_is(shown):
    print_table(evil_table(), f"note {EVIL}")
    out, _ = shown()
    words = " ".join(out.split())
    assert not COMMAND.search(out)
    for place in ("title", "first", "second", "cell", "note"):
        assert f"{place} {' '.join(SHOWN.split())}" in words
    assert out.count("\nError") == 0


def test_a_long_table_does_too(shown):
    print_table(evil_table(501))
    out, _ = shown()
    assert not COMMAND.search(out)
    assert out.count(SHOWN) == 501


def test_lines_are_lines(shown):
    print_lines(EVIL, EVIL)
    say(EVIL)
    assert shown() == [f"{SHOWN}\n{SHOWN}\n", f"{SHOWN}\n"]


def test_an_error_is_a_line_a_problem(kmlp, monkeypatch):
    def fail(*_):
        raise ConfigError([f"one {EVIL}", "two"])

    monkeypatch.setattr("kmlp.backend.select", fail)
    result = kmlp("info", "--backend", "jax")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"Error: one {SHOWN}\nError: two\n"


@pytest.mark.parametrize(
    "arguments", [[EVIL], ["train", f"--{EVIL}"], ["show"], ["show", "a", EVIL]]
)
def test_usage_errors_control_no_terminal(kmlp, arguments):
    result = kmlp(*arguments)
    assert (result.code, result.out) == (2, "")
    assert not COMMAND.search(result.err)


def test_warnings_are_lines(kmlp, monkeypatch):
    monkeypatch.setattr("kmlp.backend.select", lambda *_: warnings.showwarning(EVIL))
    monkeypatch.setattr("kmlp.backend.devices", list)
    assert kmlp("info", "--backend", "jax").err == f"Warning: {SHOWN}\n"


def evil_run():
    return Run(
        fused=True, config=RunConfig(activation="relu"), backend="none", parameters=1,
        history=(), failure=EVIL,
    )  # fmt: skip


class Labelled(RunRequest):
    label = f"trial {EVIL}"
    stage = "s"


@pytest.mark.parametrize("kind", [PlainLines, LiveDisplay])
@pytest.mark.parametrize("console", ["any", "own"])
def test_progress_shows_all_as_it_is(kind, console, monkeypatch):
    file = io.StringIO()
    options = {"file": file, "force_terminal": kind is LiveDisplay, "width": 600}
    if console == "any":
        made = Console(**options)
    else:
        monkeypatch.setattr("sys.stderr", file)
        made = PlainConsole(stderr=True, width=600)
    request = Labelled(RunConfig(), Target(10))
    with kind(("width",), made, {"s": 1}) as display:
        for event in (
            StudyStarted((EVIL,), 1, 10),
            RunStarted(request),
            EpochFinished(request, made_up_record(1, 0.5), f"node {EVIL}"),
            TaskRetried(request, f"lost {EVIL}", 1),
            CheckpointDamaged(request, f"file {EVIL}", 1),
            RunFinished(request, evil_run(), trained=1),
        ):
            display(event)
        display.best = (0.5, f"best {EVIL}")
    text = STYLE.sub("", file.getvalue()).replace("\r", "")
    assert not COMMAND.search(text)
    for word in ("trial", "lost", "file", "failed"):
        assert f"{word} {SHOWN}" in text or f"{word} ({SHOWN}" in text


def test_classes_of_any_name_are_shown(shown):
    scores = ClassScores(name=EVIL, support=1, precision=1.0, recall=1.0, f1=1.0)
    evaluation = Evaluation(
        class_names=(EVIL,), confusion=((1,),), classes=(scores,), mistakes=()
    )
    print_data(classes_table(evaluation, f"of {EVIL}"))
    picture = np.zeros((4, 4), "uint8")
    print_table(prediction_table(picture, [(EVIL, 1.0)], colours=False))
    out, _ = shown()
    assert not COMMAND.search(out)
    assert out.count(SHOWN) == 3


@pytest.mark.parametrize("rows", [3, 501])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_table_is_straight_in_every_encoding(monkeypatch, encoding, rows):
    raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", Stream(raw))
    table = plain_table("±", "→ ±")
    for _ in range(3):
        table.add_column("±", justify="right", no_wrap=True)
    for number in range(rows):
        table.add_row(f"{number} ± 1", sparkline([0.1, 0.9], 0, 1), "日 é")
    print_table(table)
    sys.stdout.flush()
    lines = raw.buffer.getvalue().decode(encoding).splitlines()
    cells = [line for line in lines if " 1 " in line and line.strip()[0].isdigit()]
    assert len(cells) == rows
    assert len({len(line.rstrip()) for line in cells}) == 1
    assert all(".*" in line and r"\u65e5" in line for line in cells)
