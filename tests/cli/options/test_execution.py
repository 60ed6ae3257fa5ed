"""The options that say where runs are trained; tests/clusters trains with them."""

import io
import os

import pytest
from helpers.made_up import made_up_record
from rich.console import Console

from kmlp import RunConfig
from kmlp.engine import EpochFinished, RunRequest, RunStarted, StudyStarted
from kmlp_cli.render.progress import LiveDisplay, PlainLines

pytestmark = pytest.mark.once

COMMANDS = {
    "ablate": ["--param", "width", "--values", "8,16"],
    "train": [],
    "tune": ["--max-trials", "2"],
    "reproduce": ["mnist-lab", "--quick"],
}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_RUNS_DIR", str(tmp_path / "runs"))
    (tmp_path / "list.yaml").write_text("- pip")
    (tmp_path / "no.yaml").write_text("pip: [")
    os.mkfifo(tmp_path / "fifo.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "--executor rya",
            'Unknown executor "rya": did you mean "ray"? Allowed: local, ray.',
        ),
        ("--ray-address auto", "--ray-address has no effect without --executor ray."),
        ("--ray-wait", "--ray-wait has no effect without --executor ray."),
        ("--ray-runtime-env x", "--ray-runtime-env has no effect without --executor ray."),
        (
            "--cpus-per-run 0",
            "The value of `cpus_per_run` is 0.0, but must be a number >= 0.01.",
        ),
        ("--cpus-per-run 4000", "A run is to have 4000 CPUs, but this machine has less"),
        (
            "--gpus-per-run 2",
            "The value of `gpus_per_run` is 2.0, but must be a number 0, or",
        ),
        (
            "--executor ray --ray-address nonsense",
            "is 'nonsense', but must be auto, HOST:PORT",
        ),
        (
            "--executor ray --ray-address a:99999",
            "is 'a:99999', but must be auto, HOST:PORT",
        ),
        ("--executor ray --ray-address http://a:1", "is 'http://a:1', but must be auto"),
        ("--executor ray --ray-runtime-env x.yaml", "x.yaml: No such file"),
        ("--executor ray --ray-runtime-env fifo.yaml", "fifo.yaml: it is a FIFO"),
        ("--executor ray --ray-runtime-env no.yaml", "no.yaml is not YAML: while parsing"),
        ("--executor ray --ray-runtime-env list.yaml", "list.yaml must have names with"),
    ],
)
def test_wrong_options_are_refused_before_training(kmlp, runs, command, options, said):
    result = kmlp(command, *COMMANDS[command], *options.split())
    assert (result.code, said in result.err) == (2, True), result.err
    assert "Traceback" not in result.err
    assert not runs.exists()


def test_all_that_is_wrong_is_said_at_once(kmlp, runs):
    result = kmlp("train", "--width", "0", "--ray-address", "auto", "--cpus-per-run", "-1")
    assert result.code == 2
    assert len(result.err.splitlines()) == 3


def test_shares_say_how_many_run_here(kmlp, runs):
    """As many as without, to the same results."""
    work = ["ablate", "--param", "width", "--values", "4,8", "--seeds", "1", "--epochs", "1",
            "--train-size", "512", "--depth", "1"]  # fmt: skip
    shared = kmlp(*work, "--cpus-per-run", "0.5", "--jobs", "2")
    assert shared.code == 0
    assert "2 epochs trained, 0 runs from the store." in shared.err
    again = kmlp(*work, "--jobs", "1")
    assert "0 epochs trained, 2 runs from the store." in again.err
    assert again.out == shared.out


@pytest.mark.parametrize("width", [80, 140])
def test_the_display_says_where_a_run_is_trained(width):
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    request = RunRequest(RunConfig(width=512), 10)
    with LiveDisplay(("width", "seed"), console, {}) as display:
        display(StudyStarted(("one",), 1, 10))
        display(RunStarted(request))
        display(EpochFinished(request, made_up_record(3, 0.5), "node-2 gpu:0"))
    [line] = [
        it for it in console.file.getvalue().splitlines() if "width=512 seed=0" in it
    ][-1:]
    assert "3/10 epochs" in line
    assert "node-2 gpu:0" in line
    plain = Console(file=io.StringIO(), width=width)
    PlainLines(("width", "seed"), plain, {})(
        EpochFinished(request, made_up_record(3, 0.5), "node-2 gpu:0")
    )
    assert plain.file.getvalue().startswith(
        "width=512 seed=0 on node-2 gpu:0: epoch 3 of 10,"
    )


def test_the_nodes_of_a_cluster_that_is_not_there(kmlp, monkeypatch):
    monkeypatch.setattr("kmlp.executors.ray.executor._SECONDS_TO_CONNECT", 2.0)
    result = kmlp("info", "--ray-address", "127.0.0.1:9")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: There is no connection to 127.0.0.1:9")
