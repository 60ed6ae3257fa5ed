"""Runs folders that are damaged or cannot be used: it is said, and what was stored stays.
The folders are real, but the commands run in this process: none of them is killed.
"""

import json
import os
import re
import sqlite3
import subprocess
from contextlib import closing

import pytest
from helpers.killing import WORK, Commands
from helpers.processes import kmlp_here
from helpers.recipes import LAB
from helpers.results import without_seconds
from helpers.stores import take_away

from kmlp import RunConfig, ablate
from kmlp.errors import StoreLostError
from kmlp.store import _checkpoint_files
from kmlp_tuning import tune

pytestmark = pytest.mark.once

TRAIN = ["train", "--train-size", "1024", "--epochs", "2", "--width", "8", "--json"]


@pytest.fixture
def kmlp(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KMLP_RUNS_DIR", "runs")
    kmlp = kmlp_here(monkeypatch, capsys)

    class Here(Commands):
        def run(self, *arguments):
            result = kmlp(*arguments)
            return result.code, result.out, result.err

    return Here(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 700 KiB; only root can have one."""
    folder = tmp_path / "runs"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_ends_the_command_and_keeps_what_was_stored(kmlp, small_disk):
    if small_disk is None:
        pytest.skip("needs root and mount")  # the store's own tests have it fail, too
    code, first, err = kmlp.run(*TRAIN)
    assert code == 0, err
    code, out, err = kmlp.run(*TRAIN, "--width", "400")
    assert (code, out) == (1, "")
    assert re.search("disk.*full", err)
    assert "Traceback" not in err
    assert kmlp.query("PRAGMA integrity_check") == [("ok",)]
    assert not [
        path for path in (small_disk / "checkpoints").iterdir() if path.name[0] == "."
    ]
    code, again, err = kmlp.run(*TRAIN)
    assert (code, again) == (0, first)
    assert "0 epochs trained" in err
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    assert kmlp.run(*TRAIN, "--width", "400")[0] == 0


def test_a_folder_that_cannot_be_written_to_can_be_read(kmlp, small_disk):
    code, first, err = kmlp.run(*TRAIN)
    assert code == 0, err
    folder = kmlp.folder / "runs"
    if small_disk is not None:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    else:
        folder.chmod(0o500)
        (folder / "kmlp.sqlite").chmod(0o400)
    code, out, err = kmlp.run(*TRAIN, "--epochs", "3")
    assert (code, out) == (2, "")
    assert "runs/kmlp.sqlite cannot be" in err
    assert "--runs-dir" in err
    code, out, err = kmlp.run("studies", "--json")
    assert code == 0, err
    [study] = json.loads(out)["studies"]
    code, out, err = kmlp.run("show", study["name"], "--json")
    assert (code, err) == (0, "")
    assert without_seconds(json.loads(out)) == without_seconds(json.loads(first))
    folder.chmod(0o700) if small_disk is None else None


def test_a_database_of_a_newer_kmlp_is_left_alone(kmlp):
    assert kmlp.run(*TRAIN)[0] == 0
    with closing(sqlite3.connect(kmlp.folder / "runs" / "kmlp.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (kmlp.folder / "runs" / "kmlp.sqlite").read_bytes()
    for command in (TRAIN, ["studies"]):
        code, out, err = kmlp.run(*command)
        assert (code, out) == (2, "")
        assert "(schema 99;" in err
    assert (kmlp.folder / "runs" / "kmlp.sqlite").read_bytes() == before


@pytest.mark.parametrize("command", [TRAIN, ["studies"]], ids=["train", "studies"])
def test_a_file_that_is_no_database_is_left_alone(kmlp, command):
    (kmlp.folder / "runs").mkdir()
    path = kmlp.folder / "runs" / "kmlp.sqlite"
    path.write_text("my shopping list, " * 100)
    code, out, err = kmlp.run(*command)
    assert (code, out) == (2, "")
    assert re.search(r"runs/kmlp\.sqlite .*database", err)
    assert path.read_text() == "my shopping list, " * 100


def test_a_database_of_something_else_is_left_alone(kmlp):
    (kmlp.folder / "runs").mkdir()
    with closing(sqlite3.connect(kmlp.folder / "runs" / "kmlp.sqlite")) as connection:
        connection.execute("CREATE TABLE mine (text)")
    code, _, err = kmlp.run(*TRAIN)
    assert code == 2
    assert "another program" in err


def test_a_file_in_the_place_of_the_folder(kmlp):
    (kmlp.folder / "runs").write_text("precious")
    code, _, err = kmlp.run(*TRAIN)
    assert code == 2
    assert re.search("^Error: .*runs .*folder", err)
    assert (kmlp.folder / "runs").read_text() == "precious"


def test_damaged_checkpoints_are_noticed_and_trained_again(kmlp):
    arguments = ["train", "--train-size", "2048", "--depth", "1", "--json"]
    expected = kmlp.run(*arguments, "--epochs", "3", "--runs-dir", ":memory:")[1]
    assert kmlp.run(*arguments, "--epochs", "2")[0] == 0
    for path in (kmlp.folder / "runs" / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    code, out, err = kmlp.run(*arguments, "--epochs", "3")
    assert code == 0, err
    assert "checksum" in err
    assert "from epoch 1" in err
    assert without_seconds(json.loads(out)) == without_seconds(json.loads(expected))


SMALL = ["--train-size", "1000", "--depth", "1", "--jobs", "1"]


@pytest.fixture
def taken_away(tmp_path, monkeypatch):
    """The runs folder is removed when a number of runs have a checkpoint in it."""

    def after(count):
        write, runs = _checkpoint_files.write, set()

        def then(folder, name, checkpoint_bytes):
            write(folder, name, checkpoint_bytes)
            runs.add(name.partition("-")[0])
            if len(runs) == count:
                take_away(folder.parent)

        monkeypatch.setattr(_checkpoint_files, "write", then)

    return after


ABLATE = ["ablate", "--param", "width", "--values", "8,16", "--seeds", "2", "--epochs", "1"]
LOST = {
    "train": (1, ["train", "--epochs", "1", *SMALL[:-2]]),
    "ablate": (2, [*ABLATE, *SMALL]),
    "tune": (3, ["tune", "--max-trials", "4", "--max-epochs", "2", *SMALL]),
    "reproduce": (4, ["reproduce", "lab.toml", "--jobs", "1"]),
    "reproduce's search": (6, ["reproduce", "lab.toml", "--jobs", "1"]),
}


@pytest.mark.parametrize(
    ("name", "as_json"), [("ablate", False), *((name, True) for name in LOST)]
)
def test_what_was_trained_is_shown_where_the_folder_is_taken_away(
    kmlp, taken_away, name, as_json
):
    (kmlp.folder / "lab.toml").write_text(LAB)
    written, command = LOST[name]
    taken_away(written)
    code, out, err = kmlp.run(*command, *(["--json"] if as_json else []))
    assert code == 1, err
    [error] = [line for line in err.splitlines() if line.startswith("Error")]
    assert "runs is gone" in error
    assert "Traceback" not in err
    assert " runs finished." in err
    assert not (kmlp.folder / "runs").exists()
    if not as_json:
        assert "accuracy" in out
        return
    shown = json.loads(out)
    if name == "train":
        assert len(shown["history"]["loss"]) == 1
    elif name == "ablate":
        seeds = [[run["seed"] for run in value["runs"]] for value in shown["levels"]]
        assert seeds == [[0], [0]]
    elif name == "tune":
        assert sum(trial["status"] != "waiting" for trial in shown["trials"]) >= 1
    elif name == "reproduce":
        ablation, trials = shown["parts"]
        assert [it["value"] for it in ablation["levels"]] == [8, 16]
        assert [it["number"] for it in trials["configs"]] == [1]
        assert ablation["published"] == []  # of all of a lab only
    else:
        assert [part["kind"] for part in shown["parts"]] == [
            "ablation",
            "configs",
            "search",
        ]


def test_python_is_told_with_what_there_is(tmp_path, taken_away):
    taken_away(2)
    base = RunConfig(train_size=1000, depth=1)
    options = {"base": base, "jobs": 1, "runs_dir": tmp_path / "runs"}
    with pytest.raises(StoreLostError, match="runs") as caught:
        ablate("width", [8, 16], seeds=1, epochs=1, **options)
    [found] = caught.value.results
    assert [value.value for value in found.levels] == [8, 16]
    taken_away(1)
    with pytest.raises(StoreLostError, match="runs") as caught:
        tune({"width": [8, 16]}, max_trials=2, algorithm="grid", max_epochs=1, **options)
    [found] = caught.value.results
    assert sum(trial.run is not None for trial in found.trials) == 1


def test_the_folder_of_a_command_with_two_jobs_is_removed(tmp_path):
    with Commands(tmp_path) as commands:
        process = commands.start(*WORK)
        commands.wait_for_epochs(1, process)
        take_away(tmp_path / "runs")
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.search("^Error: .*runs", err, re.MULTILINE)
    assert "Traceback" not in err
    assert "learning" in out
    assert not (tmp_path / "runs").exists()
