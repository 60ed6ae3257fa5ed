import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.messages import numbers
from helpers.processes import USER_SCRIPTS, run
from helpers.processes import kmlp as process

WIDTHS = ["ablate", "--param", "width", "--values", "8,16"]
SHORT = [
    "--train-size",
    "1024",
    "--epochs",
    "2",
    "--seeds",
    "2",
    "--depth",
    "1",
    "--jobs",
    "1",
]


def test_table_on_stdout_plain_lines_on_stderr_and_no_control_characters():
    result = process(*WIDTHS, *SHORT, TERM="xterm-256color")
    assert result.returncode == 0
    for column in ("width", "param-", "validation", "test", "difference"):
        assert column in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[1] for row in rows if row and row[0] in ("8", "16")] == ["6,370", "12,730"]
    assert "±" in result.stdout
    assert "width=" in result.stdout.splitlines()[-1]
    *said, last = result.stderr.splitlines()
    lines = [line for line in said if line.startswith("[")]  # others: what takes long
    assert [line.split()[0] for line in lines] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert {line.split(":")[0].partition(" ")[2] for line in lines} == {
        f"width={width} seed={seed}" for width in (8, 16) for seed in (0, 1)
    }
    assert numbers(last) == [8, 0]
    both = result.stdout + result.stderr
    assert not {character for character in both if character < " "} - {"\n"}


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "reference"), [([], 1), (["--baseline", "none"], 0), (["--baseline", "linear"], 1)]
)  # fmt: skip
def test_a_value_that_is_none_is_the_baseline_only_if_it_is_given(kmlp, options, reference):
    """Without an output layer's activation, the one that the loss states: here softmax."""
    result = kmlp(
        "ablate", "--param", "output", "--values", "none,linear", "--loss", "mse", "--width", "16",
        "--depth", "1", "--train-size", "1000", "--batch-size", "16", "--epochs", "2",
        "--seeds", "1", "--jobs", "1", "--json", "--quiet", *options,
    )  # fmt: skip
    levels = json.loads(result.out)["levels"]
    assert [level["difference"] is None for level in levels].index(True) == reference


@pytest.mark.once
def test_json(kmlp):
    result = kmlp(*WIDTHS, *SHORT, "--json", "--quiet")
    assert (result.code, result.err) == (0, "")
    study = json.loads(result.out)
    assert (study["param"], study["metric"], study["epochs"]) == (
        "width",
        "val_accuracy",
        2,
    )
    assert study["base"]["depth"] == 1
    assert [value["value"] for value in study["levels"]] == [8, 16]
    assert [
        len(run["history"]["loss"]) for value in study["levels"] for run in value["runs"]
    ] == [2] * 4


@pytest.mark.once
def test_diverged_runs_are_shown_and_exported_as_null(kmlp):
    arguments = ["ablate", "--param", "learning_rate", "--values", "0.1,1e20", "--loss", "mse",
                 "--output", "linear", *SHORT, "--seeds", "1"]  # fmt: skip
    result = kmlp(*arguments, "--json")
    diverged = json.loads(result.out)["levels"][1]
    assert diverged["diverged"] == 1
    assert diverged["mean"] is None
    assert diverged["runs"][0]["history"]["val_loss"] == [None]
    assert re.search(r"learning_rate=1e\+20 seed=0.*diverged.* 1\b", result.err)
    assert "1 of 1 diverged" in " ".join(kmlp(*arguments).out.split())


@pytest.mark.once
def test_dry_run_trains_nothing(kmlp):
    result = kmlp("ablate", "--param", "depth", "--values", "0,1,3", "--dry-run")
    assert (result.code, result.err) == (0, "")
    rows = {row[0]: row[1:] for row in map(str.split, result.out.splitlines()) if row}
    assert rows["0"] == ["7,850", "5", "50", "39,100"]
    assert rows["1"][0] == "101,770"
    assert rows["total"] == ["15", "150", "117,300"]


RETUNED = ["ablate", "--param", "batch_size", "--values", "8,64", *SHORT]


def test_a_retuned_ablation_shows_both_answers(kmlp, tmp_path):
    options = ["--retune", "learning_rate", "--retune-trials", "3"]
    options += ["--runs-dir", str(tmp_path)]
    result = kmlp(*RETUNED, *options)
    assert result.code == 0
    assert "Fixed and retuned: learning_rate by batch_size" in result.out
    fixed, retuned = result.out.splitlines()[-2:]
    assert fixed.startswith("Fixed: At learning_rate=0.1 (not retuned), ")
    assert retuned.startswith("Retuned: With learning_rate retuned for each value, ")
    assert re.search(r"Retuned learning_rate by batch_size: 8: \S+; 64: ", result.err)
    again = kmlp(*RETUNED, *options, "--json")
    study = json.loads(again.out)
    assert "0 epochs trained" in again.err
    assert [level["runs"] >= 4 for level in study["retuned"]["levels"]] == [True, True]
    assert study["levels"][0]["derived"] == study["retuned"]["levels"][0]["chosen"]


@pytest.mark.once
def test_a_dry_run_counts_the_tuning(kmlp):
    plain = json.loads(kmlp(*RETUNED, "--dry-run", "--json").out)
    retuned = json.loads(
        kmlp(*RETUNED, "--retune", "learning_rate", "--dry-run", "--json").out
    )
    for before, after in zip(plain["levels"], retuned["levels"], strict=True):
        assert after["epochs"] > 2 * before["epochs"]
    out = kmlp(*RETUNED, "--retune", "learning_rate", "--dry-run").out
    assert out.startswith("Planned training, at most")


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--retune", "learning_rat"], "did you mean"),
        (["--retune", "batch_size=1:9"], "is the parameter that varies"),
        (["--retune", "learning_rate=3:1"], "low < high"),
        (["--retune", "learning_rate", "--retune-trials", "1"], "retune_trials"),
        (["--retune", "learning_rate", "--seeds", "auto"], "Give a number of"),
    ],
)
def test_what_cannot_be_retuned_is_refused(kmlp, options, message):
    for arguments in (RETUNED, [*RETUNED, "--dry-run"]):
        result = kmlp(*arguments, *options)
        assert (result.code, result.out) == (2, "")
        assert message in result.err


@pytest.mark.once
@pytest.mark.parametrize(
    ("values", "parameters"),
    [
        ("32,300x100", {"32": "26,506", "300x100": "266,610"}),
        ("32,9x8x7", {"32": "27,562", "9x8x7": "7,288"}),  # which states the depth
        ("8x8x8,32", {"8": "6,514", "32": "27,562"}),
    ],
)
def test_widths_for_every_layer(kmlp, values, parameters):
    result = kmlp("ablate", "--param", "width", "--values", values, "--dry-run")
    assert (result.code, result.err) == (0, "")
    rows = {row[0]: row[1:] for row in map(str.split, result.out.splitlines()) if row}
    assert {name: rows[name][0] for name in parameters} == parameters


@pytest.mark.once
def test_the_base_has_a_width_for_every_layer(kmlp, tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_RUNS_DIR", str(tmp_path / "runs"))
    arguments = ["ablate", "--param", "momentum", "--values", "0.5", "--width", "9x7", "--seeds", "1",
                 "--epochs", "1", "--train-size", "512", "--jobs", "1", "--name", "base"]  # fmt: skip
    result = kmlp(*arguments)
    assert "width 9x7, depth 2," in " ".join(result.out.split())
    assert kmlp("show", "base").out == result.out
    assert json.loads(kmlp("show", "base", "--json").out)["base"]["width"] == [9, 7]


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments",
    [
        ["--param", "momentum", "--values", "0.5,0.9", "--nesterov"],
        ["--param", "loss", "--values", "mse,mae", "--output", "sigmoid"],
    ],
)
def test_the_base_need_not_be_trainable_without_the_param(kmlp, arguments):
    assert kmlp("ablate", *arguments, "--dry-run").code == 0


@pytest.mark.once
def test_a_dry_run_of_as_many_seeds_as_needed_shows_the_most(kmlp):
    result = kmlp(
        "ablate", "--param", "depth", "--values", "0,1", "--seeds", "auto:7", "--dry-run"
    )
    assert result.out.startswith("Planned training, at most")
    assert re.search(r"total +14 ", result.out)


@pytest.mark.once
def test_dry_run_as_json(kmlp):
    result = kmlp(
        "ablate", "--param", "batch_size", "--values", "1,64", "--dry-run", "--json",
        "--patience", "3",
    )  # fmt: skip
    planned = json.loads(result.out)
    values = planned["levels"]
    assert (planned["epochs"], planned["patience"]) == (10, 3)
    assert [value["steps"] for value in values] == [2_500_000, 39_100]


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["--param", "widht", "--values", "32"], ['"widht".*"width"']),
        (["--param", "width", "--values", "32,,64"], ["2 of `width`.*empty"]),
        (["--param", "depth", "--values", "1", "--depth", "2"], ["`depth`.*--depth"]),
        (["--param", "width", "--values", "8", "--backend", "jaxx"], ['"jaxx".*"jax"']),
        (["--param", "width", "--values", "8", "--at", "first"], ['"first".*best, last']),
        (["--param", "epochs", "--values", "2,0"], ["`epochs` is 0"]),
        (["--param", "width", "--values", "8", "--patience", "10", "--at", "last"],
         ["`--at` is last.*`--patience`", "`--patience` is 10.*10 epochs"]),
        (["--param", "epochs", "--values", "1,2", "--at", "best", "--dry-run"],
         ["`--at` is best.*`epochs`"]),
        (
            ["--param", "width", "--values", "0,x", "--depth", "-1", "--loss", "msee",
             "--seeds", "0", "--epochs", "0"],
            ["`width`.* 0,", "`width`.*'x'", "`depth`.* -1,", '"msee".*"mse"', "`--seeds`.* 0,",
             "`--epochs`.* 0,"],
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_training(kmlp, arguments, messages):
    """All of it; tests/kmlp/studies has every question that an ablation refuses."""
    result = kmlp("ablate", *arguments)
    assert (result.code, result.out) == (2, "")
    assert all(line.startswith("Error: ") for line in result.err.splitlines())
    assert len(result.err.splitlines()) == len(messages)
    for message in messages:
        assert re.search(message, result.err)


@pytest.mark.once
def test_a_backend_that_is_not_installed_is_refused(monkeypatch, kmlp):
    from kmlp import backend

    monkeypatch.setattr(backend, "installed", lambda: ("jax",))
    monkeypatch.setattr(backend, "loaded", lambda: None)
    result = kmlp(*WIDTHS, "--backend", "torch")
    assert result.code == 2
    assert re.search('Error: .*"torch".* jax', result.err)


def test_own_functions_from_a_script_in_the_current_folder():
    result = run(
        str(Path(sys.executable).with_name("kmlp")),
        "ablate", "--param", "activation", "--values", "relu,my_lab:sine", "--loss",
        "my_lab:brier_loss", *SHORT, "--seeds", "1", "--json", cwd=USER_SCRIPTS,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)["levels"]
    assert values[1]["value"] == "my_lab:sine"
    assert values[1]["mean"] > 0.2


@pytest.mark.once
def test_ctrl_c_says_what_was_finished():
    command = [sys.executable, "-m", "kmlp_cli", *WIDTHS, "--train-size", "2048", "--seeds", "500",
               "--epochs", "1", "--jobs", "1"]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        for line in running.stderr:
            if line.startswith("[1/1000] width="):
                break
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out == ""
    assert "of 1000 runs finished.\n  width=" in err
    assert "same command" in err
    assert "Traceback" not in err


@pytest.mark.once
def test_ctrl_c_before_training_makes_no_noise():
    command = [sys.executable, "-m", "kmlp_cli", *WIDTHS, "--epochs", "100"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        time.sleep(1.0)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    known = ("Interrupted", "The same command")
    assert [line for line in err.splitlines() if not line.startswith(known)] == []


@pytest.mark.once
def test_a_full_disk_is_an_error_and_no_traceback():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        result = subprocess.run(
            [sys.executable, "-m", "kmlp_cli", *WIDTHS, "--dry-run", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.once
@pytest.mark.parametrize("columns", [40, 80])
def test_no_number_is_cut_on_a_narrow_terminal(capsys, monkeypatch, columns):
    from rich.console import Console

    from kmlp_cli.render._rich_tables import plain_table
    from kmlp_cli.terminal.output import print_table

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(Console, "is_terminal", property(lambda self: True))
    table = plain_table("narrow")
    table.add_column("activation", overflow="fold", min_width=8)
    for _ in range(4):
        table.add_column("accuracy\n%", no_wrap=True, justify="right")
    table.add_row("a_module_with_a_long_name:my_function", *["-47.67 ± 19.06"] * 4)
    print_table(table)
    shown = capsys.readouterr().out
    assert shown.count("-47.67 ± 19.06") == 4
    assert "…" not in shown


@pytest.mark.once
def test_live_display_on_a_terminal():
    """A real pseudo-terminal: bars on stderr while it trains, gone at the end."""
    command = [sys.executable, "-m", "kmlp_cli", *WIDTHS, *SHORT]
    main, other = pty.openpty()
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=other,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(other)
    shown = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            chunk = os.read(main, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    table = running.communicate(timeout=60)[0].decode()
    text = shown.decode()
    assert running.returncode == 0
    assert "\x1b[" in text
    for part in (
        "all runs",
        "8/8 epochs",
        "width=16",
        "of 4 runs finished",
        "val_accuracy",
    ):
        assert part in text
    assert text.count("runs finished") > 2
    assert "±" in table
    assert "\x1b" not in table
