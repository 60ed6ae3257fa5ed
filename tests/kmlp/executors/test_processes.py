import contextlib
import errno
import json
import os
import platform
import re
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import partial

import keras
import pytest
from helpers.processes import run
from helpers.results import without_seconds
from loky.backend.queues import Queue

from kmlp import ConfigError, RunConfig, ablate, backend, load_dataset, train
from kmlp.engine import Target, Task, TaskFailed
from kmlp.errors import BackendError, ResourceError
from kmlp.executors import InProcessExecutor, ProcessExecutor, _in_worker, run_task
from kmlp.model.activations import ACTIVATIONS
from kmlp.studies.as_json import ablation_to_dict
from kmlp.training.checkpoint import CheckpointCodec
from kmlp.training.identity import identify

MNIST = load_dataset("mnist")
CONFIG = RunConfig(train_size=704, width=8, depth=1, momentum=0.9)


def weights(result, config=CONFIG, epoch=None):
    """The weights after an epoch; by default after the last one."""
    codec = CheckpointCodec(config, MNIST)
    checkpoint = codec.load(0, result.checkpoints[epoch or result.records[-1].epoch])
    return [array.tobytes() for array in (*checkpoint.weights, *checkpoint.optimizer)]


def do(executor, before, target, config=CONFIG, patience=None):
    accuracies, checkpoint_bytes = (), None
    if before is not None:
        new = (record.val_accuracy for record in before.records)
        accuracies = (*before.task.val_values, *new)
        checkpoint_bytes = before.checkpoint_bytes
    identity = identify(config, fused=True)
    executor.submit(
        Task(identity, Target(target, patience), accuracies, checkpoint_bytes), MNIST
    )
    return executor.result()


DIPS = replace(CONFIG, train_size=1024, width=16, momentum=0.0, learning_rate=1.0)
"""The third of its first six epochs is the best."""


@pytest.mark.jax_first
@pytest.mark.parametrize("make", [InProcessExecutor, partial(ProcessExecutor, 1)])
def test_a_task_has_the_models_of_the_best_and_of_the_last_epoch(make):
    executor = make(seconds=60)
    with contextlib.ExitStack() as stack:
        stack.callback(getattr(executor, "close", lambda: None))
        whole = do(executor, None, 5, DIPS)
        assert sorted(whole.checkpoints) == [3, 5]
        third = do(executor, None, 3, DIPS)
        assert sorted(third.checkpoints) == [3]
        assert weights(third, DIPS) == weights(whole, DIPS, epoch=3)
        rest = do(executor, third, 6, DIPS)
        assert sorted(rest.checkpoints) == [6]  # the fourth to the sixth are worse
        assert rest.records[1].val_accuracy == whole.records[4].val_accuracy


@pytest.mark.jax_first
def test_tasks_do_not_change_results():
    """Cut by time, cut by a fresh executor, or not cut: the same bytes."""
    whole = do(InProcessExecutor(seconds=60), None, 3)
    assert len(whole.records) == 3
    impatient = InProcessExecutor(seconds=0)
    result = do(impatient, None, 3)
    assert len(result.records) == 1
    result = do(impatient, result, 3)
    result = do(InProcessExecutor(seconds=60), result, 3)
    assert weights(result) == weights(whole)
    assert result.records[-1].test_loss == whole.records[-1].test_loss


def test_early_stopping_leaves_out_the_epochs_after_it():
    whole = do(InProcessExecutor(seconds=60), None, 6, DIPS)
    stopped = do(InProcessExecutor(seconds=60), None, 6, DIPS, patience=2)
    assert [record.epoch for record in stopped.records] == [1, 2, 3, 4, 5]
    for one, other in zip(stopped.records, whole.records, strict=False):
        assert one.step_losses.tolist() == other.step_losses.tolist()
        assert (one.val_loss, one.test_loss) == (other.val_loss, other.test_loss)
    assert weights(stopped, DIPS, epoch=3) == weights(whole, DIPS, epoch=3)
    third = do(InProcessExecutor(seconds=60), None, 3, DIPS)
    cut = do(InProcessExecutor(seconds=60), third, 6, DIPS, patience=2)
    assert len(cut.records) == 2  # the epochs of earlier tasks count
    assert weights(cut, DIPS) == weights(stopped, DIPS)


@pytest.mark.jax_first
def test_a_session_continues_only_from_its_own_checkpoint():
    executor = InProcessExecutor(seconds=0)
    first = do(executor, None, 5)
    do(executor, first, 5)
    again = do(executor, first, 5)
    assert again.records[0].epoch == 2
    fresh = do(executor, None, 5)
    assert weights(fresh) == weights(first)


def test_takes_one_task_at_a_time():
    executor = InProcessExecutor()
    with pytest.raises(RuntimeError, match="No task"):
        executor.result()
    executor.submit(Task(identify(CONFIG, fused=True), Target(1)), MNIST)
    assert executor.free() == 0
    with pytest.raises(RuntimeError, match="task"):
        executor.submit(Task(identify(CONFIG, fused=True), Target(1)), MNIST)


@pytest.mark.once
def test_a_task_that_was_interrupted_is_done_from_its_beginning(monkeypatch):
    from kmlp.training import fused as compiled_models

    expected = do(InProcessExecutor(), None, 1)
    executor = InProcessExecutor()

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(compiled_models, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            do(executor, None, 1)
    assert weights(do(executor, None, 1)) == weights(expected)


@pytest.mark.once
def test_worker_processes_do_not_change_results(monkeypatch):
    """Tasks of one epoch, in workers of which one is replaced and one is killed."""
    from kmlp.executors import _processes

    whole = do(InProcessExecutor(seconds=60), None, 2)
    monkeypatch.setattr(_processes, "MAX_COMPILED", 0)
    with ProcessExecutor(1, seconds=0) as executor:
        result = do(executor, None, 3)
        assert len(result.records) == 1
        assert executor.pids() == []
        monkeypatch.setattr(_processes, "MAX_COMPILED", 16)
        before = do(executor, result, 3)
        [pid] = executor.pids()
        os.kill(pid, signal.SIGKILL)  # while it has nothing to do
        while executor._idle[0].pool._flags.broken is None:
            time.sleep(0.01)
        result = do(executor, result, 3)
        assert weights(result) == weights(before)
    assert executor.pids() == []
    assert weights(result) == weights(whole)
    assert (
        result.records[-1].step_losses.tobytes() == whole.records[-1].step_losses.tobytes()
    )


@pytest.mark.once
def test_an_error_in_training_is_the_result_of_the_task(monkeypatch):
    def broken(*arguments, **options):
        raise MemoryError("no room\nfor it")

    executor = InProcessExecutor()
    with monkeypatch.context() as patched:
        patched.setattr("kmlp.training.fused.evaluate", broken)
        failed = do(executor, None, 1)
    assert isinstance(failed, TaskFailed)
    assert (failed.reason, failed.final) == ("MemoryError: no room for it", False)
    assert weights(do(executor, None, 1)) == weights(do(InProcessExecutor(), None, 1))


@pytest.mark.once
def test_a_backend_that_cannot_start_and_a_full_folder_end_the_study(monkeypatch):
    def full(self, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("keras.Sequential.save", full)
        failed = do(InProcessExecutor(), None, 1)
    assert isinstance(failed.error, ResourceError)
    assert "temporary folder" in str(failed.error)
    assert re.search(r"\(No space left on device\).*TMPDIR", str(failed.error))
    with monkeypatch.context() as patched:
        patched.setattr("keras.ops.ones", full)
        failed = do(InProcessExecutor(), None, 1)
    assert isinstance(failed.error, BackendError)
    assert "backend jax" in str(failed.error)


@pytest.mark.once
def test_a_worker_has_a_temporary_folder_that_goes_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ProcessExecutor(1, seconds=0) as executor:
        do(executor, None, 1)
        [folder] = tmp_path.iterdir()
        (folder / "left").write_text("by a process that is killed")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
def test_no_thread_of_a_worker_outlives_it(monkeypatch):
    """Semaphores that loky removes while this process ends would be reported as leaked."""
    feed, before = Queue._feed, set(threading.enumerate())

    def ends_late(*arguments):
        feed(*arguments)
        time.sleep(0.5)

    monkeypatch.setattr(Queue, "_feed", ends_late)
    monkeypatch.setattr(_in_worker, "prepare", os._exit)
    with ProcessExecutor(jobs=1) as executor:
        executor.submit(
            Task(identify(CONFIG, fused=True), Target(1)), load_dataset("mnist")
        )
        assert set(threading.enumerate()) > before
    assert set(threading.enumerate()) == before


def test_processes_that_cannot_be_started_do_not_fail_runs(monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("kmlp.executors._worker_process.ProcessPoolExecutor", full)
    with ProcessExecutor(1) as executor, pytest.raises(ResourceError) as caught:
        do(executor, None, 1)
    assert "/dev/shm" in str(caught.value)


@pytest.mark.once
def test_loky_s_error_for_too_many_open_files_is_explained(monkeypatch):
    def too_few(*arguments, **options):
        try:
            raise OSError(errno.EMFILE, "Too many open files")
        finally:
            raise UnboundLocalError("cannot access local variable 'child_r'")

    monkeypatch.setattr("kmlp.executors._worker_process.ProcessPoolExecutor", too_few)
    with ProcessExecutor(1) as executor, pytest.raises(ResourceError) as caught:
        do(executor, None, 1)
    assert "(Too many open files)" in str(caught.value)


@pytest.mark.once
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.EMFILE, "Too many open files"),
            "Too many open files. To continue, let",
        ),
        (
            RuntimeError("can't start new thread"),
            "can't start new thread. To continue, let",
        ),
    ],
)
def test_a_refusal_of_the_system_during_training_does_not_fail_the_run(
    monkeypatch, error, message
):
    def refuse(*_, **__):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("keras.Sequential.save", refuse)
        failed = do(InProcessExecutor(), None, 1)
    assert isinstance(failed.error, ResourceError)
    assert str(failed.error).startswith(message)


@pytest.mark.once
def test_a_backend_is_not_started_with_too_few_threads(monkeypatch):
    start, started = threading.Thread.start, []

    def refuse(thread):
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr("threading.Thread.start", refuse)
        failed = do(InProcessExecutor(), None, 1)
    assert isinstance(failed.error, ResourceError)
    assert " 3 of them " in str(failed.error)
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.once
def test_a_worker_that_cannot_start_does_not_fail_the_run(monkeypatch):
    monkeypatch.setattr(_in_worker, "prepare", os._exit)
    with ProcessExecutor(1) as executor:
        failed = do(executor, None, 1)
    assert isinstance(failed.error, ResourceError)
    assert "A worker process cannot start: the worker process died" in str(failed.error)
    assert "`ulimit -a`" in str(failed.error)


def test_an_error_of_kmlp_is_not_tried_again():
    failed = do(InProcessExecutor(), None, 1, config=RunConfig(train_size=60_000))
    assert re.match("ConfigError: .*`train_size` is 60000", failed.reason)
    assert failed.final


SCRIPT = """
import json
from kmlp import RunConfig, ablate, register_activation
from kmlp.studies.as_json import ablation_to_dict
from kmlp.training.identity import identify

def steep(x, slope=3.0):
    import keras
    return keras.ops.tanh(slope * x)

register_activation("steep", steep)
import mymod
mymod.SLOPE = 3.0
register_activation("of_module", mymod.steep)
base = RunConfig(train_size=1024, width=8, depth=1)
study = ablate("activation", ["of_module", "steep"], base=base, seeds=2, epochs=1, jobs=2)
print(json.dumps([run.val_accuracy for run in study.runs]))
"""


@pytest.mark.once
def test_a_script_needs_no_guard_and_its_functions_are_sent_to_workers(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(
        ACTIVATIONS, "_custom", {"steep": lambda x: keras.ops.tanh(3.0 * x)}
    )
    config = RunConfig(train_size=1024, width=8, depth=1, activation="steep")
    here = [train(replace(config, seed=seed), epochs=1).val_accuracy for seed in range(2)]
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    (tmp_path / "mymod.py").write_text(
        "SLOPE = 1.0\ndef steep(x):\n    import keras\n    return keras.ops.tanh(SLOPE * x)\n"
    )
    done = run(sys.executable, str(path), cwd=tmp_path, KMLP_RUNS_DIR="runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == here * 2  # both activations are the same function


@pytest.mark.jax_first
@pytest.mark.usefixtures("compiled_anew")
def test_jobs_and_cores_do_not_change_results(tmp_path):
    """Wide enough that several threads would share a product, and change its sums."""
    base = RunConfig(width=512, depth=1, train_size=2000, momentum=0.9)
    here = ablate("batch_size", [200, 500], base=base, seeds=1, epochs=2, jobs=1)
    done = run(
        "taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-m", "kmlp_cli",
        "ablate", "--param", "batch_size", "--values", "200,500", "--width", "512", "--depth",
        "1", "--seeds", "1", "--epochs", "2", "--train-size", "2000", "--momentum", "0.9",
        "--json", "--quiet", "--jobs", "2", cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    expected = json.loads(json.dumps(ablation_to_dict(here)))
    assert without_seconds(json.loads(done.stdout)) == without_seconds(expected)


def test_a_function_that_cannot_be_sent_to_workers_is_refused(monkeypatch):
    import threading

    lock = threading.Lock()
    monkeypatch.setattr(ACTIVATIONS, "_custom", {"locked": lambda x: (x, lock)[0]})
    with (
        ProcessExecutor(2) as executor,
        pytest.raises(ConfigError, match="Train with `jobs=1`"),
    ):
        executor.submit(Task(identify(CONFIG, fused=True), Target(1)), MNIST)


@pytest.mark.once
def test_a_worker_that_would_compute_other_numbers_refuses(monkeypatch):
    run = identify(CONFIG, fused=True)
    monkeypatch.setattr("kmlp.training.identity.NUMERICS_VERSION", 0)
    failed = run_task(Task(run, Target(1)))
    assert failed.final
    assert "not the same" in failed.reason


@pytest.mark.once
def test_a_worker_on_another_backend_refuses():
    other = next(name for name in backend.BACKENDS if name != backend.select())
    run = replace(identify(CONFIG, fused=True), backend=other)
    failed = run_task(Task(run, Target(1)))
    assert failed.final
    assert re.match(f"BackendError: .*{backend.select()}", failed.reason)


def test_a_task_that_is_done_elsewhere_describes_the_machine():
    done = run_task(Task(identify(CONFIG, fused=True), Target(1)))
    assert done.environment["device"] == "cpu"
    assert done.place == f"{platform.node()} cpu"


@pytest.mark.once
@pytest.mark.parametrize("folder", [None, "."])
def test_the_messages_of_a_worker_go_into_no_file_of_others(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "stderr.txt").symlink_to("victim")
    with _in_worker.stderr_in_file(folder):
        os.write(2, b"message")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "stderr.txt").is_symlink()
