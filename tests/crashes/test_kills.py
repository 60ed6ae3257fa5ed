"""Kill anything at any time: nothing is lost, and nothing comes out differently."""

import json
import random
import time
from pathlib import Path

import pytest
from helpers.killing import (
    EPOCHS,
    RUNS,
    WORK,
    best_models,
    kill,
    uninterrupted,
    uninterrupted_study,
    weights_of,
    workers,
)
from helpers.results import without_seconds

from kmlp import load_study

pytestmark = pytest.mark.once

TURNS = 4
USER_SCRIPTS = Path(__file__).parents[1] / "user_scripts"


def test_the_main_process_killed_at_any_moment(kmlp):
    """Every second time while it starts, else after it has got further."""
    work = [*WORK, "--json"]
    expected = uninterrupted()
    moments = random.Random(20261122)
    before = killed = 0
    for turn in range(TURNS):
        process = kmlp.start(*work)
        if turn % 2:
            kmlp.wait_for_epochs(before + 1, process)
        time.sleep(moments.uniform(0, 0.7 if turn % 2 else 4))
        killed += process.poll() is None  # on a fast machine all is done before the last
        process.kill()
        process.communicate()
        if kmlp.database.exists():
            assert kmlp.query("PRAGMA integrity_check") == [("ok",)]
            stored = kmlp.stored_epochs()
            assert stored >= before  # what was stored stays
            before = stored
            assert all(best_models(kmlp.database.parent))
    assert killed > TURNS // 3
    assert before >= TURNS // 2
    code, out, err = kmlp.run(*work)
    assert code == 0, err
    assert f"{RUNS * EPOCHS - before} epochs trained" in err
    assert without_seconds(json.loads(out)) == expected
    stored = load_study(json.loads(out)["name"], kmlp.database.parent)
    assert weights_of(stored.runs) == weights_of(uninterrupted_study().runs)


def test_workers_end_with_the_main_process(kmlp):
    process = kmlp.start(*WORK)
    kmlp.wait_for_epochs(1, process)
    pids = workers(process)
    assert len(pids) == 2
    process.kill()
    process.communicate()
    for _ in range(50):
        time.sleep(0.1)
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return
    raise AssertionError("workers outlive the command by five seconds")


def test_a_killed_worker_costs_its_task_only(kmlp, expected):
    process = kmlp.start(*WORK, "--json")
    kmlp.wait_for_epochs(1, process)
    one, other = workers(process)
    kill(one)
    time.sleep(1)
    kill(other)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0
    lines = [line for line in err.splitlines() if "SIGKILL" in line]
    assert lines  # one that dies between two tasks costs nothing
    assert all("died" in line and " tries" not in line for line in lines)
    assert without_seconds(json.loads(out)) == expected


def test_a_run_that_kills_every_worker_fails_and_the_others_finish(kmlp):
    arguments = [
        "ablate", "--param", "activation", "--values", "relu,deadly:deadly,tanh", "--seeds",
        "1", "--epochs", "2", "--train-size", "1024", "--depth", "1", "--jobs", "2",
    ]  # fmt: skip
    deadly = (USER_SCRIPTS / "deadly.py").read_text()
    (kmlp.folder / "deadly.py").write_text(deadly)
    code, out, err = kmlp.run(*arguments, "--json")
    assert code == 1
    lines = [line for line in err.splitlines() if "SIGKILL" in line]
    assert [" 3 tries" in line for line in lines[:3]] == [False, False, True]
    relu, died, tanh = json.loads(out)["levels"]
    assert [value["failed"] for value in (relu, died, tanh)] == [0, 1, 0]
    assert "died" in died["runs"][0]["failure"]
    assert [len(value["runs"][0]["history"]["loss"]) for value in (relu, tanh)] == [2, 2]
    code, out, err = kmlp.run("show", json.loads(out)["name"])
    assert (code, err) == (0, "")
    assert "1 of 1 failed" in " ".join(out.split())


def test_two_commands_on_one_folder_share_the_work(kmlp, expected):
    both = [kmlp.start(*WORK, "--json") for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    for out, _ in outputs:
        assert without_seconds(json.loads(out)) == expected
    trained = [int(err.splitlines()[-1].split()[0]) for _, err in outputs]
    assert sum(trained) == RUNS * EPOCHS
    assert min(trained) > 0
    assert kmlp.query("SELECT count(*) FROM leases") == [(0,)]
