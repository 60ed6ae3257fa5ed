"""Pools of other libraries: results are the same in any pool."""

import re
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.processes import run

from kmlp import ConfigError, FuturesExecutor, RunConfig, ablate, load_dataset
from kmlp.engine import Target, Task, TaskFailed
from kmlp.training.identity import identify

SMALL = RunConfig(train_size=704, width=8, depth=1)
DOCS = Path(__file__).parents[3] / "docs" / "guides" / "clusters.md"

pytestmark = pytest.mark.once


def losses(executor=None, **options):
    study = ablate(
        "width", [8, 4], base=SMALL, seeds=1, epochs=2, runs_dir=":memory:",
        executor=executor or "local", **options,
    )  # fmt: skip
    return [run.test_loss for run in study.runs]


def test_threads_train_one_run_at_a_time_to_the_same_numbers():
    with ThreadPoolExecutor(2) as pool:
        assert losses(FuturesExecutor(pool, jobs=2)) == losses(jobs=1)


def test_the_processes_of_the_documentation_have_the_same_results(tmp_path):
    """The code of the documentation, with a smaller study."""
    [block] = re.findall(
        r"^```python\n(from concurrent.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE
    )
    values = 'study = ablate("width", [32, 128],'
    small = values + " base=BASE, seeds=1, epochs=2,"
    code = block.replace('ablate("width", [32, 128],', small).replace(
        'if __name__ == "__main__":',
        "from kmlp import RunConfig\n"
        "BASE = RunConfig(train_size=704, width=8, depth=1)\n\n"
        'if __name__ == "__main__":',
    )
    code += "    print([run.test_loss for run in study.runs])\n"
    (tmp_path / "script.py").write_text(code)
    study = ablate("width", [32, 128], base=SMALL, seeds=1, epochs=2, jobs=1)
    done = run(sys.executable, "script.py", cwd=tmp_path, KMLP_RUNS_DIR="runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{[run.test_loss for run in study.runs]}\n"


class Dying:
    """A pool whose workers die."""

    def submit(self, function, *arguments):
        future = Future()
        future.set_exception(ConnectionError("the worker is gone"))
        return future


def test_a_task_whose_worker_died_has_failed_and_may_be_tried_again():
    executor = FuturesExecutor(Dying(), jobs=3)
    task = Task(identify(SMALL, fused=True), Target(1))
    executor.submit(task, load_dataset("mnist"))
    assert executor.free() == 2
    failed = executor.result()
    assert isinstance(failed, TaskFailed)
    assert (failed.task, failed.final, failed.error) == (task, False, None)
    assert failed.reason == "ConnectionError: the worker is gone"
    assert executor.free() == 3


class Idle:
    """A pool that is busy with something else."""

    def submit(self, function, *arguments):
        return Future()


def test_waiting_for_a_result_ends_after_the_timeout():
    executor = FuturesExecutor(Idle(), jobs=1)
    executor.submit(Task(identify(SMALL, fused=True), Target(1)), load_dataset("mnist"))
    assert executor.result(timeout=0.01) is None
    assert executor.free() == 0


@pytest.mark.parametrize("jobs", [0, True, "2", None])
def test_the_number_of_workers_is_checked(jobs):
    with pytest.raises(ConfigError, match="`jobs`"):
        FuturesExecutor(Idle(), jobs=jobs)
