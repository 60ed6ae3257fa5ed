"""The options that say where runs are trained; tests/clusters trains with them."""

import io
import os
import re

import pytest
from helpers.made_up import made_up_record
from helpers.messages import numbers
from rich.console import Console

from kmlp import RunConfig
from kmlp.engine import EpochFinished, RunRequest, RunStarted, StudyStarted, Target
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
        ("--executor rya", '"rya".*"ray"'),
        ("--ray-address auto", "--ray-address .*--executor ray"),
        ("--ray-wait", "--ray-wait .*--executor ray"),
        ("--ray-runtime-env x", "--ray-runtime-env .*--executor ray"),
        ("--cpus-per-run 0", "`--cpus-per-run`.* 0[.]0, .* 0[.]01"),
        ("--cpus-per-run 4000", "4000 CPUs"),
        ("--gpus-per-run 2", "`--gpus-per-run`.* 2[.]0,"),
        ("--executor ray --ray-address nonsense", "'nonsense'.* auto, HOST:PORT"),
        ("--executor ray --ray-address a:99999", "'a:99999'.* auto, HOST:PORT"),
        ("--executor ray --ray-address http://a:1", "'http://a:1'.* auto, HOST:PORT"),
        ("--executor ray --ray-runtime-env x.yaml", "x.yaml: No such file"),
        ("--executor ray --ray-runtime-env fifo.yaml", "fifo.yaml: .*FIFO"),
        ("--executor ray --ray-runtime-env no.yaml", "no.yaml .*YAML: while parsing"),
        ("--executor ray --ray-runtime-env list.yaml", "list.yaml .*names"),
    ],
)
def test_wrong_options_are_refused_before_training(kmlp, runs, command, options, said):
    result = kmlp(command, *COMMANDS[command], *options.split())
    assert result.code == 2
    assert re.search(said, result.err)
    assert "Traceback" not in result.err
    assert not runs.exists()


def test_all_that_is_wrong_is_said_at_once(kmlp, runs):
    result = kmlp("train", "--width", "0", "--ray-address", "auto", "--cpus-per-run", "-1")
    assert result.code == 2
    assert len(result.err.splitlines()) == 3


@pytest.mark.trains
def test_shares_say_how_many_run_here(kmlp, runs):
    """As many as without, to the same results."""
    work = ["ablate", "--param", "width", "--values", "4,8", "--seeds", "1", "--epochs", "1",
            "--train-size", "512", "--depth", "1"]  # fmt: skip
    shared = kmlp(*work, "--cpus-per-run", "0.5", "--jobs", "2")
    assert shared.code == 0
    assert numbers(shared.err.splitlines()[-1]) == [2, 0]
    again = kmlp(*work, "--jobs", "1")
    assert numbers(again.err.splitlines()[-1]) == [0, 2]
    assert again.out == shared.out


@pytest.mark.parametrize("width", [80, 140])
def test_the_display_says_where_a_run_is_trained(width):
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    request = RunRequest(RunConfig(width=512), Target(10))
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
    monkeypatch.setattr("kmlp.executors.ray._helper_process._SECONDS_TO_CONNECT", 2.0)
    result = kmlp("info", "--ray-address", "127.0.0.1:9")
    assert (result.code, result.out) == (2, "")
    assert re.match("Error: .*127.0.0.1:9", result.err)
