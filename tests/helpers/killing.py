"""What the tests need that kill real processes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import AbstractContextManager, closing
from functools import cache
from pathlib import Path

from helpers.results import without_seconds
from kmlp import Ablation, RunConfig, ablate
from kmlp.store import Store
from kmlp.studies.as_json import ablation_to_dict

RUNS, EPOCHS = 8, 8
WORK = [
    "ablate", "--param", "learning_rate", "--values", "0.003,0.001", "--seeds", "4",
    "--epochs", str(EPOCHS), "--train-size", "4992", "--depth", "1", "--batch-size", "16",
    "--jobs", "2", "--optimizer", "adam", "--schedule", "cosine:6", "--warmup", "2",
    "--dropout", "0.2", "--normalization", "batch", "--augmentation", "shift:2",
]  # fmt: skip
"""Runs with all kinds of state: of the optimizer, its schedule, moving statistics, draws."""
BASE = RunConfig(
    train_size=4992, depth=1, batch_size=16, optimizer="adam", schedule="cosine:6", warmup=2,
    dropout=0.2, normalization="batch", augmentation="shift:2",
)  # fmt: skip
"""The configuration of `WORK`."""


@cache
def uninterrupted_study() -> Ablation:
    """The study of `WORK` without interruption: trained one run after the other, here."""
    values = [0.003, 0.001]
    return ablate("learning_rate", values, base=BASE, seeds=4, epochs=EPOCHS, jobs=1)


@cache
def uninterrupted() -> dict:
    """The output of `WORK` without interruption."""
    study = uninterrupted_study()
    return without_seconds(json.loads(json.dumps(ablation_to_dict(study))))


def weights_of(runs) -> list[list[bytes]]:
    """The weights of each run's best epoch."""
    return [[array.tobytes() for array in run.model().get_weights()] for run in runs]


def best_models(folder) -> list[bytes]:
    """The model of the best epoch of every stored run."""
    with Store(folder, writable=False) as store:
        keys = [key for (key,) in store.connection.execute("SELECT key FROM runs")]
        return [store.run_of_key(key).checkpoint_bytes() for key in keys]


class Commands(AbstractContextManager):
    """Starts `kmlp` on one runs folder, in the background; what still runs is killed."""

    def __init__(self, folder):
        self.command = [sys.executable, "-m", "kmlp_cli"]
        self.folder = folder
        self.started = []

    def __exit__(self, *exception):
        for process in self.started:
            process.kill()
            process.communicate()

    def start(self, *arguments, **environment):
        process = subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.folder,
            env={**os.environ, "KMLP_RUNS_DIR": "runs", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that a signal can go to all of its processes
        )
        self.started.append(process)
        return process

    def run(self, *arguments, **environment):
        """Exit code, stdout, stderr."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    @property
    def database(self):
        return self.folder / "runs" / "kmlp.sqlite"

    def query(self, sql):
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()

    def stored_epochs(self):
        """The number of epochs in the database, which may be without tables yet."""
        if not self.query("SELECT 1 FROM sqlite_master WHERE name = 'epochs'"):
            return 0
        return self.query("SELECT count(*) FROM epochs")[0][0]

    def wait_for_epochs(self, count, process):
        """Until the store has that many epochs, or the command has ended."""
        while process.poll() is None:
            time.sleep(0.05)
            try:
                if self.query("SELECT count(*) FROM epochs")[0][0] >= count:
                    return
            except sqlite3.Error:  # it is not there yet
                continue


def workers(process):
    """The worker processes of a running command."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process.pid and "LokyProcess" in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except OSError:  # it has ended
            continue
    return found


def kill(pid):
    os.kill(pid, signal.SIGKILL)
