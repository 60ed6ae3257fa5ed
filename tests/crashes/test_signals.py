"""Ctrl-C, a batch system whose time is up, a terminal that closes: real commands end with
what is finished kept and said, and leave nothing behind.
"""

import os
import pty
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from helpers.killing import WORK, workers

pytestmark = pytest.mark.once

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
NOISE = re.compile("Traceback|leaked|died|failed|Error")


@pytest.fixture
def folder(tmp_path):
    """The temporary folder of the commands."""
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def is_alive(pid):
    try:
        return (
            "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        )
    except OSError:
        return False


def wait_until(true, seconds=10):
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
    ids=lambda it: it.name,
)
def test_all_processes_get_a_signal_twice(kmlp, folder, number):
    """As `timeout` and batch systems send it. A worker alone ends with its command only."""
    process = kmlp.start(*WORK, TMPDIR=str(folder))
    kmlp.wait_for_epochs(1, process)
    pids = workers(process)
    assert len(pids) == 2
    os.kill(pids[0], number)
    time.sleep(0.2)
    assert all(map(is_alive, pids))
    for _ in range(2):
        os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (CODES[number], "")
    by = "" if number == signal.SIGINT else f" by {number.name}"
    assert re.search(rf"^Interrupted{by}: \d of 8 runs finished\.$", err, re.MULTILINE)
    assert "same command" in err.splitlines()[-1]
    assert not NOISE.search(err), err
    assert kmlp.query("SELECT count(*) FROM leases") == [(0,)]
    assert list(folder.iterdir()) == []
    wait_until(lambda: not any(map(is_alive, pids)))


def test_at_any_moment_of_its_start(kmlp, folder):
    """While Python starts nothing of kmlp's is there to be said or left."""
    moments = random.Random(20261129)
    for number in CODES:
        process = kmlp.start(*WORK, TMPDIR=str(folder))
        time.sleep(moments.uniform(1, 3))
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (CODES[number], -number)
        assert not NOISE.search(err.replace("KeyboardInterrupt", "")), err
        assert list(folder.iterdir()) == []


def test_a_terminal_that_closes(kmlp, folder):
    """What is written to it fails from then on."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *kmlp.command, *WORK],
        cwd=kmlp.folder, stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "KMLP_RUNS_DIR": "runs", "TMPDIR": str(folder), "TERM": "xterm"},
    )  # fmt: skip
    kmlp.started.append(process)
    os.close(terminal)
    kmlp.wait_for_epochs(1, process)
    os.close(controller)
    assert process.wait(timeout=60) == 129
    assert kmlp.query("SELECT count(*) FROM leases") == [(0,)]
    assert list(folder.iterdir()) == []


def test_under_nohup_it_goes_on_without_a_terminal(kmlp):
    kmlp.command.insert(0, "nohup")
    process = kmlp.start(
        "train",
        "--train-size",
        "1000",
        "--depth",
        "1",
        "--epochs",
        "40",
        "--batch-size",
        "1",
    )
    kmlp.wait_for_epochs(1, process)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "40 epochs trained" in err


def test_while_a_process_prepares_a_dataset(kmlp, folder, tmp_path):
    process = kmlp.start(
        "data", "prepare", "kmnist",
        TMPDIR=str(folder), KMLP_CACHE_DIR="cache", TFDS_DATA_DIR=str(tmp_path / "tfds"),
    )  # fmt: skip
    readers = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(lambda: process.poll() is not None or readers.read_text(), seconds=60)
    [reader] = map(int, readers.read_text().split())
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (143, "Interrupted by SIGTERM.\n")
    wait_until(lambda: not is_alive(reader))
    assert list(folder.iterdir()) == []
    assert [path.name for path in (tmp_path / "cache" / "datasets").glob("[!.]*")] == []


def test_at_a_prompt_nothing_is_removed(kmlp):
    small = ["train", "--name", "a", "--train-size", "256", "--width", "4", "--epochs", "1"]
    assert kmlp.run(*small)[0] == 0
    with subprocess.Popen(
        [*kmlp.command, "rm", "a"], cwd=kmlp.folder, text=True,
        env={**os.environ, "KMLP_RUNS_DIR": "runs"},
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        process.stderr.readline()
        assert process.stderr.read(1) == "R"  # of its question
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        assert process.returncode == 143
        assert process.stderr.read().endswith("Interrupted by SIGTERM.\n")
    assert kmlp.query("SELECT name FROM studies") == [("a",)]
