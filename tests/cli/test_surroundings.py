"""What stands in the way of a command is said first, in a sentence."""

import os
import re
import sys
from pathlib import Path

import pytest
from helpers.processes import run, set_traps

pytestmark = [pytest.mark.once, pytest.mark.trains]


@pytest.fixture
def trained(kmlp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KMLP_RUNS_DIR", "runs")
    result = kmlp(
        "train", "--name", "mine", "--train-size", "256", "--width", "4", "--epochs", "1"
    )
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("caf\udce9", "UTF-8"),
        ("a\nb", "U+000A"),
        ("a\u202eb", "U+202E (right-to-left override)"),
        ("a" * 101, "100 characters"),
        (" ", "is blank"),
    ],
)
def test_names_that_are_no_text_are_refused_before_training(kmlp, name, why):
    for command in (["train"], ["tune", "--max-trials", "2"]):
        result = kmlp(*command, "--name", name, "--train-size", "1000")
        assert (result.code, result.out) == (2, "")
        [line] = result.err.splitlines()
        assert line.startswith("Error: The study's name ")
        assert why in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("show NAME", "Unknown study"),
        ("rm NAME --yes", "Unknown study"),
        ("export NAME --out a.csv", "Unknown study"),
        ("runs --study NAME", "Unknown study"),
        ("runs --where activation=NAME", "activation.*UTF-8"),
        (
            "runs --where width=99999999999999999999999999999999999999999",
            "less than 2[*][*]128",
        ),
        ("runs --limit 99999999999999999999999", "--limit"),
        ("train --activation NAME:relu", "importing"),
        ("train --dataset NAME", "Unknown dataset"),
        ("train --epochs 1" + "0" * 400, "`1 <= epochs <= 1000000`"),
        ("train --runs-dir ~nosuchuser/x", "nosuchuser/x.*runs folder"),
        (
            "train --save ~nosuchuser/m.keras",
            "~nosuchuser.*--save",
        ),
    ],
)
def test_words_that_are_no_text_and_numbers_without_end(kmlp, trained, arguments, message):
    result = kmlp(*arguments.replace("NAME", "caf\udce9").split())
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)
    assert "Traceback" not in result.err


def test_a_seed_of_more_bits_than_sqlite_has_is_found(kmlp, trained):
    seed = str(2**64)
    assert (
        kmlp(
            "train", "--train-size", "256", "--width", "4", "--epochs", "1", "--seed", seed
        ).code
        == 0
    )
    assert f'"seed": {seed}' in kmlp("runs", "--where", f"seed={seed}", "--json").out


@pytest.mark.parametrize(
    "text",
    [
        "width = " + "[" * 20_000,
        "width = " + "[" * 20_000 + "]" * 20_000,
        "width" + ".a" * 2000 + " = 1",
        "width = " + "9" * 5000,
    ],
    ids=["open", "closed", "tables", "digits"],
)
def test_space_files_and_recipes_without_end(kmlp, tmp_path, text):
    path = tmp_path / "space.toml"
    path.write_text(text)
    for command in (["tune", "--space", str(path)], ["reproduce", str(path)]):
        result = kmlp(*command)
        assert (result.code, result.out) == (2, "")
        [line] = result.err.splitlines()
        assert re.search("space.toml.*(100 deep|TOML: Exceeds)", line)


def test_a_runtime_environment_nested_too_deep(kmlp, tmp_path):
    path = tmp_path / "env.yaml"
    path.write_text("[" * 20_000)
    result = kmlp("train", "--executor", "ray", "--ray-runtime-env", str(path))
    assert result.code == 2
    assert re.search("env.yaml.*100 deep", result.err)


KMLP = str(Path(sys.executable).with_name("kmlp"))


def test_nothing_of_the_current_folder_runs(tmp_path):
    """By the command, nor by the processes that it starts, nor by theirs."""
    folder = tmp_path / "foreign"
    mark = set_traps(folder)
    for program in ("uname", "git", "lscpu", "nvidia-smi", "gcc", "ldconfig", "ls"):
        (folder / program).write_text(f"#!/bin/sh\necho $0 >> {mark}\n")
        (folder / program).chmod(0o755)
    path = f".:{os.environ['PATH']}:"
    result = run(
        KMLP, "ablate", "--param", "width", "--values", "2,3", "--seeds", "1", "--epochs", "1",
        "--depth", "1", "--train-size", "500", "--jobs", "2", "--quiet", cwd=folder, PATH=path,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    assert not mark.exists(), mark.read_text()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder with a module, and a recipe that names it."""
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("somebodys.py").write_text(
        "from keras import ops\n\n\ndef swish(x):\n    return x * ops.sigmoid(x)\n"
    )
    Path("lab.toml").write_text(
        'title = "A lab"\n[[ablations]]\nparam = "activation"\n'
        'values = ["relu", "somebodys:swish"]\n'
    )
    yield folder
    sys.modules.pop("somebodys", None)


@pytest.mark.parametrize(
    "command",
    [
        ["reproduce", "lab.toml", "--dry-run"],
        [
            "ablate",
            "--param",
            "activation",
            "--values",
            "relu,somebodys:swish",
            "--dry-run",
        ],
        ["predict", "model.keras", "picture.png", "--custom", "somebodys:swish"],
    ],
    ids=lambda it: it[0],
)
def test_a_module_that_runs_is_said(kmlp, lab, command):
    from PIL import Image

    from kmlp import build_mlp

    build_mlp(depth=0).save("model.keras")
    Image.new("L", (28, 28), 9).save("picture.png")
    result = kmlp(*command)
    assert "somebodys" in sys.modules
    assert re.search(r"somebodys\.py.* somebodys:swish\b", result.err)


@pytest.mark.usefixtures("lab")
def test_what_a_store_names_does_not_run(kmlp, monkeypatch):
    monkeypatch.setenv("KMLP_RUNS_DIR", "runs")
    study = [
        "ablate",
        "--param",
        "activation",
        "--values",
        "relu,somebodys:swish",
        "--name",
    ]
    short = ["--train-size", "500", "--epochs", "1", "--seeds", "1", "--jobs", "1"]
    assert kmlp(*study, "one", *short, "--width", "2").code == 0
    del sys.modules["somebodys"]
    for command in (
        ["studies"],
        ["runs"],
        ["show", "one"],
        ["plot", "one", "--out", "one.svg"],
        ["report", "one", "--out", "one.html"],
        ["export", "one", "--out", "one.csv"],
        ["doctor"],
        ["rm", "one", "--yes"],
    ):
        assert kmlp(*command).code == 0
    assert "somebodys" not in sys.modules
