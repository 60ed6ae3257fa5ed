"""Nodes with other versions or too few resources, and workers that die."""

import json
import os
import queue
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import ray
from helpers.ray_clusters import WORK, on, one_node, wait_until

import kmlp as package
from kmlp import ConfigError, ProcessExecutor, RayExecutor, RunConfig, ablate, backend
from kmlp.data._importing import import_dataset
from kmlp.engine import EpochFinished, RunFailed, Target, Task, TaskRetried
from kmlp.errors import ClusterError, ClusterLostError
from kmlp.executors.ray._pool import Pool, _Queued, _Worker
from kmlp.executors.resources import Resources
from kmlp.model.activations import ACTIVATIONS
from kmlp.training.identity import identify

pytestmark = [
    pytest.mark.once,
    # On a busy machine, a worker takes longer than this warning waits.
    pytest.mark.filterwarnings("ignore:No worker has become ready:RuntimeWarning"),
]

SMALL = RunConfig(train_size=1024, width=8, depth=1)
MNIST = ("mnist", "fingerprint", 50_000, 10_000)


def other_kmlp(folder, code):
    """The options of a node that has another kmlp, or none."""
    package = folder / "other" / "kmlp"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    return {"env_vars": {"PYTHONPATH": str(package.parent)}}


LACKING = "raise ModuleNotFoundError(\"No module named 'kmlp'\")"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            LACKING,
            "kmlp missing (ModuleNotFoundError: No module named 'kmlp') instead of 0.1.0",
        ),
        (
            "__version__ = '0.0.9'",
            "kmlp missing (ModuleNotFoundError: No module named 'kmlp.training')",
        ),
    ],
    ids=["none", "another"],
)
def test_a_node_with_another_kmlp_is_an_error_before_training(
    kmlp, tmp_path, code, message
):
    with one_node(**other_kmlp(tmp_path, code)) as cluster:
        code, out, err = kmlp.run(*WORK, *on(cluster))
    assert (code, out) == (2, "")
    assert "Error: Nodes of the cluster have another Python than this one: " in err
    assert message in err
    assert not kmlp.database.exists()


def test_a_runtime_environment_installs_the_packages_that_a_node_lacks(kmlp, tmp_path):
    source = Path(package.__file__).parent
    (tmp_path / "env.yaml").write_text(f"py_modules: [{source}]")
    options = ["--ray-runtime-env", str(tmp_path / "env.yaml"), "--json"]
    with one_node(**other_kmlp(tmp_path, LACKING)) as cluster:
        code, out, err = kmlp.run(*WORK, *on(cluster), *options)
    assert code == 0, err
    assert len(json.loads(out)["levels"]) == 2


def test_a_node_that_joins_with_another_kmlp_is_left_out(kmlp, tmp_path):
    with one_node() as cluster:
        process = kmlp.start(*WORK, "--epochs", "24", *on(cluster))
        kmlp.wait_for_epochs(1, process)
        cluster.do("node", num_cpus=1, **other_kmlp(tmp_path, "__version__ = '0.0.9'"))
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err.count("Warning: ") == 1
    assert "96 epochs trained" in err


def test_a_dataset_larger_than_the_object_store_is_sent(tmp_path, monkeypatch):
    """The dataset has 100 MiB, and the object store 80 MiB, so Ray uses the disk.

    The nodes have no copy of the images, and do not look for one.
    """
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "here"))
    elsewhere = {"KMLP_CACHE_DIR": str(tmp_path / "there")}
    generator = np.random.default_rng(0)
    arrays = {}
    for split, size in (("train", 25_000), ("test", 600)):
        labels = arrays[f"y_{split}"] = generator.integers(0, 10, size)
        images = generator.integers(0, 100, (size, 64, 64), np.uint8)
        arrays[f"x_{split}"] = images + (15 * labels)[:, None, None].astype(np.uint8)
    np.savez(tmp_path / "large.npz", **arrays)
    import_dataset("large", tmp_path / "large.npz")
    question = "learning_rate", [0.1, 0.05]
    options = {"base": replace(SMALL, dataset="large"), "seeds": 1, "epochs": 2}
    with (
        one_node(object_store_memory=80 * 2**20, env_vars=elsewhere) as cluster,
        RayExecutor(cluster.address) as executor,
    ):
        there = ablate(*question, **options, executor=executor)
    here = ablate(*question, **options, jobs=1)
    assert [run.test_loss for run in there.runs] == [run.test_loss for run in here.runs]
    assert {run.status for run in here.runs} == {"finished"}
    assert not (tmp_path / "there").exists()


def test_a_dataset_for_which_the_disk_has_no_room_is_an_error(monkeypatch):
    def full(value):
        raise ray.exceptions.OutOfDiskError("no room")

    pool = Pool(Resources(), 1, {}, {}, [].append, queue.SimpleQueue())
    monkeypatch.setattr(ray, "put", full)
    with pytest.raises(ClusterError, match=r"mnist .*--object-store-memory"):
        pool.put_dataset(("mnist", None), None)


def test_one_executor_serves_several_studies_and_sends_custom_functions(
    lasting_cluster, monkeypatch
):
    def steep(x, slope=3.0):
        import keras

        return keras.ops.tanh(slope * x)

    monkeypatch.setattr(ACTIVATIONS, "_custom", {"steep_on_ray": steep})
    with RayExecutor(lasting_cluster.address, cpus_per_run=0.5) as executor:
        assert executor.free() == 4
        there = ablate(
            "activation",
            ["steep_on_ray", "relu"],
            base=SMALL,
            seeds=1,
            epochs=1,
            executor=executor,
        )
        workers = lasting_cluster.workers()
        again = ablate("width", [8, 4], base=SMALL, seeds=1, epochs=1, executor=executor)
        assert {*lasting_cluster.workers()} <= {*workers}
    here = ablate(
        "activation", ["steep_on_ray", "relu"], base=SMALL, seeds=1, epochs=1, jobs=1
    )
    assert [run.test_loss for run in there.runs] == [run.test_loss for run in here.runs]
    assert len(again.runs) == 2
    wait_until(lambda: not lasting_cluster.workers())


@pytest.mark.parametrize("resources", [{"gpus_per_run": 1}, {"cpus_per_run": 64}], ids=str)
def test_a_run_that_fits_on_no_node_is_refused_at_once(lasting_cluster, resources):
    with pytest.raises(ConfigError, match="no node"):
        RayExecutor(lasting_cluster.address, **resources).free()


def test_nodes_are_described(lasting_cluster):
    nodes = RayExecutor(lasting_cluster.address).nodes()
    assert [node["cpus"] for node in nodes] == [1, 1]
    assert all(node["versions"]["kmlp"] == package.__version__ for node in nodes)
    assert all(backend.select() in node["versions"] for node in nodes)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            {"pipp": ["x"]},
            'Unknown field of the runtime environment "pipp": did you mean "pip"',
        ),
        ({"pip": 3}, "The runtime environment: runtime_env"),
        (["pip"], "The runtime environment is \\['pip'\\], but must have names"),
    ],
    ids=str,
)
def test_a_wrong_runtime_environment_is_refused_before_connecting(env, message):
    with pytest.raises(ConfigError, match=message):
        RayExecutor("127.0.0.1:9", runtime_env=env).free()


def test_an_address_of_the_environment_is_checked_too(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "garbage")
    with pytest.raises(ConfigError, match=r"'garbage' \(of RAY_ADDRESS\)"):
        RayExecutor()
    for address in ("", 3, "auto:", "host", "ray://host"):
        with pytest.raises(ConfigError, match=r"address.*Ray"):
            RayExecutor(address)
    for address in ("auto", "host:6379", "ray://10.0.0.1:10001", "[::1]:6379"):
        RayExecutor(address)


def test_an_address_without_a_cluster_is_an_error(monkeypatch):
    monkeypatch.setattr("kmlp.executors.ray._helper_process._SECONDS_TO_CONNECT", 2.0)
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:9.*answered"):
        RayExecutor("127.0.0.1:9").free()


@pytest.mark.parametrize("kind", ["ray", "processes"])
def test_an_executor_can_be_used_again_after_ctrl_c(lasting_cluster, kind):
    def interrupt(event):
        if isinstance(event, EpochFinished):
            raise KeyboardInterrupt

    make = {
        "ray": lambda: RayExecutor(lasting_cluster.address),
        "processes": lambda: ProcessExecutor(2),
    }
    with make[kind]() as executor:
        with pytest.raises(KeyboardInterrupt):
            ablate(
                "width", [8, 4], base=SMALL, epochs=2, executor=executor, observer=interrupt
            )
        study = ablate(
            "batch_size", [64, 32], base=SMALL, seeds=1, epochs=1, executor=executor
        )
        assert [run.status for run in study.runs] == ["finished"] * 2


def test_an_executor_connects_again_after_its_connection_was_lost(lasting_cluster):
    with RayExecutor(lasting_cluster.address) as executor:
        options = {"base": SMALL, "seeds": 1, "epochs": 1, "executor": executor}
        executor._helper._process.kill()
        with pytest.raises(ClusterLostError, match="ended"):
            ablate("width", [8, 4], **options)
        study = ablate("width", [8, 4], **options)
    assert [run.status for run in study.runs] == ["finished"] * 2


@pytest.mark.parametrize("kind", ["ray", "processes"])
def test_functions_that_are_registered_later_are_sent_too(
    lasting_cluster, monkeypatch, kind
):
    def twice(x):
        return 2 * x

    make = {
        "ray": lambda: RayExecutor(lasting_cluster.address, jobs=1),
        "processes": lambda: ProcessExecutor(1),
    }
    with make[kind]() as executor:
        ablate("width", [8], base=SMALL, seeds=1, epochs=1, executor=executor)
        monkeypatch.setattr(ACTIVATIONS, "_custom", {"twice": twice})
        study = ablate(
            "activation", ["twice"], base=SMALL, seeds=1, epochs=1, executor=executor
        )
        assert study.runs[0].failure is None


def test_workers_that_died_while_they_were_idle_cost_no_retry(lasting_cluster):
    lost = []

    def observer(event):
        if isinstance(event, TaskRetried | RunFailed):
            lost.append(event)

    with RayExecutor(lasting_cluster.address) as executor:
        options = {"base": SMALL, "seeds": 2, "epochs": 1, "executor": executor}
        ablate("width", [8, 4], **options)
        before = lasting_cluster.workers()
        assert before
        time.sleep(1)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        study = ablate("batch_size", [64, 32], **options, observer=observer)
    assert [run.status for run in study.runs] == ["finished"] * 4
    assert lost == []


def test_waiting_for_a_cluster_that_others_use_is_reported_once(monkeypatch):
    messages = []
    pool = Pool(Resources(), 8, {}, {}, messages.append, queue.SimpleQueue())
    monkeypatch.setattr("kmlp.executors.ray._pool.SECONDS_UNTIL_WARNED", 0)
    pool._workers = [_Worker(None)]
    pool.submit(1, Task(identify(SMALL, fused=True), Target(1)), MNIST)
    for _ in range(4):
        pool.dispatch()
    [(word, text)] = messages
    assert word == "warning"
    assert "others use " in text


def test_no_worker_is_released_between_two_tasks(monkeypatch):
    """A worker that is still starting would never become ready."""
    released = []
    pool = Pool(Resources(), 8, {}, {}, [].append, queue.SimpleQueue())
    monkeypatch.setattr(pool, "_release", released.append)
    pool._workers = workers = [_Worker(None, ready=n < 2) for n in range(3)]
    task = Task(identify(SMALL, fused=True), Target(1))
    for worker in workers[:2]:
        worker.assigned = _Queued(1, task, MNIST)
    pool.dispatch()
    assert released == []
    monkeypatch.setattr("kmlp.executors.ray._pool.SECONDS_IDLE", 0)
    pool.dispatch()
    assert released == [workers[2]]
