"""Several processes prepare a dataset once, and a killed one leaves no damage."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.made_up_data import images
from helpers.processes import python

from kmlp.data import cache

pytestmark = pytest.mark.once

PREPARE = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from helpers.made_up_data import images
from kmlp.data import cache, load_examples
from kmlp.data.sources import lookup

def fill(name, folder, tfds_data_dir):
    with Path("log").open("a") as log:
        log.write(f"{{os.getpid()}}\\n")
    cache.write(folder, name, images())
    {then}

lookup._fill = fill
print(load_examples("kmnist").fingerprint)
"""
TESTS = str(Path(__file__).parents[1])


def start(folder, then):
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE.format(tests=TESTS, then=then)],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_processes_prepare_a_dataset_once(folders):
    both = [start(folders, "time.sleep(2)") for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    assert len((folders / "log").read_text().splitlines()) == 1


def test_a_process_that_is_killed_while_writing_leaves_no_dataset(folders):
    killed = start(folders, "Path('written').touch(); time.sleep(100)")
    log, written = folders / "log", folders / "written"
    while not written.exists():
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.1)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    datasets = folders / "cache" / "datasets"
    [leftover] = [path.name for path in datasets.iterdir() if path.is_dir()]
    assert leftover.startswith(".kmnist.new-")
    second = start(folders, "pass")
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert len(out.strip()) == 64
    assert [path.name for path in datasets.iterdir() if path.is_dir()] == ["kmnist"]
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_a_cached_dataset_is_read_without_tensorflow(folders, name):
    """TFDS is not imported either, since it imports TensorFlow."""
    with cache.locked("kmnist"), cache.atomic_folder("kmnist") as folder:
        cache.write(folder, "kmnist", images())
    code = """
import sys
from kmlp import backend, load_dataset
backend.load()
load_dataset("kmnist")
unwanted = [m for m in ("tensorflow", "tensorflow_datasets") if m in sys.modules]
print(unwanted)
"""
    result = python(code, KERAS_BACKEND=name)
    assert result.stdout == "[]\n", result.stderr
