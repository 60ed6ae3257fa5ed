"""A search on a table that is killed at any moment comes to what one comes to that never was."""

import json
import random
import time

import pytest
from helpers.results import without_seconds

from kmlp_tuning import tune

pytestmark = pytest.mark.once

SEARCH = [
    "tune", "--learning-rate", "1e-2:1:log", "--batch-size", "16,32", "--width", "8", "--depth",
    "1", "--activation", "relu", "--dataset", "moons:4000:0.2", "--train-size", "2016", "--max-trials", "9", "--max-epochs", "9",
    "--replicates", "1", "--json",
]  # fmt: skip


@pytest.fixture(scope="module")
def expected():
    """The output with one job and without interruption: trained here, so that the commands
    read the programs.
    """
    search = tune(
        learning_rate="1e-2:1:log", batch_size=[16, 32], width=8, depth=1, activation="relu",
        dataset="moons:4000:0.2", train_size=2016, max_trials=9, max_epochs=9, replicates=1, jobs=1,
    )  # fmt: skip
    return without_seconds(json.loads(json.dumps(search.to_dict())))


def test_a_search_killed_at_three_moments(kmlp, expected):
    moments = random.Random(20261125)
    before = killed = 0
    for _ in range(3):
        process = kmlp.start(*SEARCH, "--jobs", "2")
        kmlp.wait_for_epochs(before + 2, process)
        time.sleep(moments.uniform(0, 0.5))
        killed += process.poll() is None
        process.kill()
        process.communicate()
        [(epochs,)] = kmlp.query("SELECT count(*) FROM epochs")
        assert epochs >= before
        before = epochs
    assert killed >= 2
    code, out, err = kmlp.run(*SEARCH, "--jobs", "2")
    assert code == 0, err
    assert without_seconds(json.loads(out)) == expected
    trained = int(err.splitlines()[-1].split()[0])
    [(epochs,)] = kmlp.query("SELECT count(*) FROM epochs")
    assert before + trained == epochs
