import json
import re
import sqlite3
from contextlib import closing

import pytest

pytestmark = pytest.mark.once

TRAIN = [
    "train",
    "--width",
    "8",
    "--depth",
    "1",
    "--train-size",
    "256",
    "--epochs",
    "2",
    "--quiet",
]
WHOLE = "Undamaged: 1 study, 1 run, 2 epochs, "


@pytest.fixture
def folder(kmlp, tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_RUNS_DIR", str(tmp_path / "runs"))
    assert kmlp(*TRAIN, "--name", "one").code == 0
    return tmp_path / "runs"


def change(folder, statement):
    with closing(sqlite3.connect(folder / "kmlp.sqlite")) as connection, connection:
        connection.execute(statement)


def test_a_damaged_run_is_named_and_trained_again(kmlp, folder):
    before = kmlp("show", "one", "--json").out
    assert kmlp("doctor").out.startswith(WHOLE)
    change(folder, "UPDATE epochs SET val_accuracy = 7")
    result = kmlp("show", "one")
    assert (result.code, result.out) == (2, "")
    assert re.search("run .*epoch 1 ", result.err)
    result = kmlp("doctor", "--json")
    assert result.code == 1
    found = json.loads(result.out)
    assert (found["whole"], found["runs"], len(found["damaged"])) == (False, 0, 1)
    result = kmlp("doctor", "--repair")
    assert result.code == 0
    assert result.out.startswith(WHOLE)
    assert len(result.out.splitlines()) == 1
    assert "Damaged: The run" in result.err
    assert "2 epochs trained" in result.err
    assert without_times(kmlp("show", "one", "--json").out) == without_times(before)


def without_times(text):
    found = json.loads(text)["history"]
    return {name: it for name, it in found.items() if name != "seconds"}


def test_what_cannot_be_trained_again_is_said(kmlp, folder):
    change(folder, "UPDATE runs SET config = replace(config, 'relu', 'tanh')")
    result = kmlp("doctor", "--repair")
    assert result.code == 0
    assert "train" in result.err
    assert kmlp("show", "one").code == 2
    assert kmlp(*TRAIN, "--name", "one").code == 0
    assert kmlp("doctor").code == 0


def test_a_damaged_study_is_named_and_the_others_are_shown(kmlp, folder):
    assert kmlp(*TRAIN, "--seed", "1", "--name", "other").code == 0
    change(folder, "UPDATE studies SET kind = 'evil' WHERE name = 'one'")
    result = kmlp("studies")
    assert result.code == 0
    assert "other" in result.out
    assert 'Left out: The study "one"' in result.err
    found = json.loads(kmlp("studies", "--json").out)
    assert ([it["name"] for it in found["studies"]], len(found["damaged"])) == (
        ["other"],
        1,
    )
    assert kmlp("doctor", "--repair").code == 1
    assert kmlp("rm", "one", "--yes").code == 0
    assert kmlp("doctor").code == 0


def test_a_database_that_is_gone_is_made_anew(kmlp, folder):
    (folder / "kmlp.sqlite").write_bytes(b"")
    result = kmlp("studies")
    assert result.code == 2
    assert "checkpoint files" in result.err
    result = kmlp("doctor", "--repair")
    assert "kmlp.sqlite.damaged-1" in result.err
    assert kmlp("doctor").code == 0
    assert kmlp("doctor", "--runs-dir", str(folder / "none")).code == 2


def test_a_report_is_made_without_what_was_lost_of_where_runs_were_trained(
    kmlp, folder, tmp_path
):
    report = ("report", "one", "--out", str(tmp_path / "one.md"))
    change(folder, "UPDATE environments SET description = '{}'")
    result = kmlp(*report)
    assert result.code == 0
    assert "damaged" in result.err
    assert kmlp("doctor", "--repair").code == 0
    result = kmlp(*report, "--overwrite")
    assert (result.code, "damaged" in result.err) == (0, False)
    assert kmlp("show", "one").err == ""


def test_a_run_whose_key_is_damaged_is_named_where_it_is_missing(kmlp, folder):
    assert (
        kmlp(
            *["ablate", "--param", "width", "--values", "8", "--seeds", "2"], *TRAIN[3:]
        ).code
        == 0
    )
    change(folder, "UPDATE runs SET key = 'x' || substr(key, 2) WHERE id = 2")
    name = json.loads(kmlp("studies", "--json").out)["studies"][0]["name"]
    result = kmlp("show", name)
    assert result.code == 0
    assert "1 of 2 runs" in result.err
    assert re.search("Left out.* key ", result.err)
