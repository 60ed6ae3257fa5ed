"""Several processes that need the same dataset, and one that is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PREPARE = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from made_up_data import images
from kmlp.data import cache, load_images, sources

def fill(name, folder, tfds_data_dir):
    with Path("log").open("a") as log:
        log.write(f"{{os.getpid()}}\\n")
    cache.write(folder, name, images())
    {then}

sources._fill = fill
print(load_images("kmnist").fingerprint)
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


def test_one_that_is_killed_half_way_leaves_nothing_that_is_trusted(folders):
    killed = start(folders, "time.sleep(100)")
    log = folders / "log"
    for _ in range(600):
        if log.exists() and killed.poll() is None:
            break
        time.sleep(0.1)
    time.sleep(0.5)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    datasets = folders / "cache" / "datasets"
    assert [path.name for path in datasets.iterdir() if path.is_dir()] == [
        f".kmnist.new-{killed.pid}"
    ]
    after = start(folders, "pass")
    out, err = after.communicate(timeout=60)
    assert after.returncode == 0, err
    assert len(out.strip()) == 64
    assert [path.name for path in datasets.iterdir() if path.is_dir()] == ["kmnist"]
    assert len(log.read_text().splitlines()) == 2
