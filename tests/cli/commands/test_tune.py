import json
import os
import pty
import re
import subprocess
import sys
import time

import pytest
from helpers.messages import numbers

pytestmark = pytest.mark.once

SHORT = ["tune", "--train-size", "512", "--depth", "1", "--width", "8", "--activation", "relu",
         "--batch-size", "32", "--max-epochs", "3", "--max-trials", "5", "--jobs", "1"]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table_best_and_command(kmlp, folder):
    result = kmlp(*SHORT, "--replicates", "2", "--save", "best.keras")
    assert result.code == 0
    for column in ("trial", "learning", "brac-", "epochs", "status", "validation"):
        assert column in result.out
    words = " ".join(result.out.split())
    assert re.search("[Bb]est.* 2 .*seeds, at the best of 3 epochs", words)
    assert "stopped: " in words
    *_, best, command = result.out.splitlines()
    assert best.startswith("Best: trial")
    assert command.startswith("kmlp train --backend")
    assert "epochs trained" in result.err.splitlines()[-2]
    assert (folder / "best.keras").stat().st_size > 1000

    again = kmlp(*command.split()[1:], "--json")
    assert numbers(again.err.splitlines()[-1]) == [0, 1]
    trained = json.loads(again.out)

    shown = json.loads(kmlp("show", *search_name(kmlp), "--json").out)
    epochs = sum(it["epochs"] for it in shown["trials"]) + 3 * 2 * 3  # and of other seeds
    assert numbers(result.err.splitlines()[-2]) == [epochs, 0]
    repeated = kmlp(*SHORT, "--replicates", "2", "--json")
    assert json.loads(repeated.out) == shown
    assert numbers(repeated.err.splitlines()[-1]) == [0, 11]
    assert shown["best"] == int(best.split()[2].rstrip(","))
    assert shown["trials"][shown["best"] - 1]["test_accuracy"] == trained["test_accuracy"]
    levels = {it["value"]: it for it in shown["replication"]["levels"]}
    mean = levels[shown["best"]]["test_accuracy"]["mean"]
    assert f"test accuracy {100 * mean:.2f} % (mean of 2 other seeds" in best
    assert len(levels[shown["best"]]["optimism"]["interval"]) == 2


def test_the_last_epoch_is_another_search(kmlp):
    best = json.loads(kmlp(*SHORT, "--replicates", "0", "--json").out)
    last = json.loads(kmlp(*SHORT, "--replicates", "0", "--at", "last", "--json").out)
    assert (best["at"], last["at"]) == ("best", "last")
    assert best["name"] != last["name"]
    assert [it["score"] for it in last["trials"]] == [
        it["history"]["val_accuracy"][-1] for it in last["trials"]
    ]
    assert [it["score"] for it in best["trials"]] == [
        max(it["history"]["val_accuracy"]) for it in best["trials"]
    ]
    text = kmlp(*SHORT, "--replicates", "0", "--at", "last").out
    again = kmlp(*text.splitlines()[-1].split()[1:], "--json")
    trained = json.loads(again.out)
    assert trained["val_accuracy"] == trained["history"]["val_accuracy"][-1]
    assert f"test accuracy {100 * trained['test_accuracy']:.2f} % after" in text
    wrong = kmlp(*SHORT, "--at", "first")
    assert (wrong.code, wrong.out) == (2, "")
    assert '"first"' in wrong.err


def search_name(kmlp):
    studies = json.loads(kmlp("studies", "--json").out)["studies"]
    return [it["name"] for it in studies if it["kind"] == "search"]


def test_json_and_csv(kmlp):
    result = kmlp(*SHORT, "--replicates", "0", "--json", "--quiet")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert [it["trial"] for it in found["trials"]] == [1, 2, 3, 4, 5]
    assert found["brackets"] == [
        [{"configurations": 3, "epochs": 1}, {"configurations": 1, "epochs": 3}],
        [{"configurations": 2, "epochs": 3}],
    ]
    rates = found["space"]["learning_rate"]["optimizer"]
    assert rates["sgd"] == {"low": 0.001, "high": 1.0, "sampling": "log"}
    assert list(rates) == ["sgd", "adam", "rmsprop"]
    assert found["base"]["width"] == 8
    assert found["replication"] is None
    rows = kmlp("show", *search_name(kmlp), "--csv").out.splitlines()
    assert rows[0].startswith("study,kind,part,config,trial,bracket,rung,")
    assert len(rows) == 1 + sum(it["epochs"] for it in found["trials"])


def test_plan_trains_nothing(kmlp, folder):
    result = kmlp("tune", "--dry-run")
    assert (result.code, result.err) == (0, "")
    rows = [line.split() for line in result.out.splitlines()]
    assert ["1", "1", "9", "1", "9"] in rows
    assert ["2", "3", "3", "6"] in rows
    assert "120 epochs" in " ".join(result.out.split())
    planned = json.loads(kmlp("tune", "--dry-run", "--json", "--max-trials", "17",
                              "--patience", "2").out)  # fmt: skip
    assert planned["patience"] == 2
    assert [it[0]["configurations"] for it in planned["brackets"]] == [9, 5, 3]
    assert planned["epochs"] == 22 + 22 + 30
    assert not (folder / "runs").exists()


def test_the_space_of_a_file_which_options_override(kmlp, folder):
    (folder / "space.toml").write_text(
        'width = [8, 16]\nlearning_rate = { low = 0.01, high = 1, sampling = "log" }\n'
        "nesterov = [true, false]\nmomentum = 0.9\n"
    )
    command = ["tune", "--space", "space.toml", "--dry-run", "--json"]
    space = json.loads(kmlp(*command).out)["space"]
    assert list(space) == ["width", "learning_rate", "nesterov"]
    space = json.loads(kmlp(*command, "--width", "4", "--no-nesterov").out)["space"]
    assert list(space) == ["learning_rate"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--widht", "8"], "--width"),
        (["--learning-rate", "0.1:1:lgo"], "0.1:1:lgo.*`learning_rate`.*LOW:HIGH:log"),
        (["--dataset", "mnist,fashion_mnist"], "`dataset`"),
        (["--seed", "1,2"], "`seed`.*'1,2'.* integer"),
        (["--algorithm", "grid", "--factor", "2"], "`--factor`"),
        (["--space", "none.toml"], "none.toml"),
        (["--save", "best.h5"], "best.h5.*name.keras"),
    ],
    ids=str,
)
def test_wrong_input_is_told_before_anything_is_trained(options, problem, kmlp, folder):
    """tests/tuning has every question that a search refuses."""
    result = kmlp("tune", *options)
    assert result.code == 2
    assert result.out == ""
    assert re.search(problem, result.err)
    assert "Traceback" not in result.err


def test_all_problems_are_told_at_once(kmlp):
    result = kmlp("tune", "--width", "0,8", "--max-trials", "0", "--jobs", "0")
    assert result.code == 2
    assert len(result.err.splitlines()) == 3


def test_all_fixed_is_no_search(kmlp):
    result = kmlp(*SHORT, "--learning-rate", "0.1", "--dropout", "0")
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch("Error: .*fixed.*\n", result.err)


def test_where_everything_diverges(kmlp):
    command = [*SHORT, "--learning-rate", "1e19,1e20", "--max-trials", "2"]
    result = kmlp(*command)
    assert result.code == 0
    assert "diverged" in result.out
    saved = kmlp(*command, "--save", "best.keras")
    assert saved.code == 1
    assert "saved" in saved.err


def test_more_trials_train_what_is_missing_only(kmlp):
    first = kmlp(*SHORT, "--replicates", "0")
    more = kmlp(*SHORT, "--replicates", "0", "--max-trials", "6", "--json")
    known = {it["trial"]: it for it in json.loads(more.out)["trials"]}
    assert len(known) == 6
    trained = int(more.err.splitlines()[-1].split()[0])
    assert 0 < trained <= 3  # of the sixth, and of one that goes on
    assert numbers(first.err.splitlines()[-1])[1] == 0


def test_an_interrupted_search_says_what_waits(kmlp):
    environment = {**os.environ, "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-m", "kmlp_cli", *SHORT, "--train-size", "20000", "--max-epochs", "30"],
        env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stderr.readline()  # a run is finished, or goes on
    process.send_signal(2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "same command" in line + err


def test_on_a_terminal_there_are_bars_of_rungs_and_the_best(folder):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kmlp_cli", *SHORT, "--replicates", "0"],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "60", "LINES": "40"},
        stderr=terminal, stdout=subprocess.PIPE,
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        try:
            part = os.read(controller, 10_000)
        except OSError:
            break
        if not part:
            break
        seen += part
    process.communicate()
    text = seen.decode()
    assert "bracket 1, rung 1" in text
    assert re.search(r"best.*\d", text)
    assert "runs finished" in text
