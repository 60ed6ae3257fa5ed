"""Events on a cluster, none of which changes or loses results."""

import json
import os
import signal
import time

import pytest
from helpers.ray_clusters import EPOCHS, RUNS, WORK, Nodes, on, one_node, wait_until
from helpers.results import without_seconds

pytestmark = pytest.mark.once


def result(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return without_seconds(json.loads(out)), err


def test_a_cluster_has_the_same_results_as_this_machine(kmlp, lasting_cluster, expected):
    result_json, err = result(kmlp.start(*WORK, "--json", *on(lasting_cluster)))
    assert result_json == expected
    assert f"{RUNS * EPOCHS} epochs trained, 0 runs from the store." in err
    environments = [
        json.loads(row) for (row,) in kmlp.query("SELECT description FROM environments")
    ]
    assert all("ablate" in environment["command"] for environment in environments)
    assert [
        environment["device"] for environment in environments if "address" in environment
    ] == ["cpu"]
    code, _out, err = kmlp.run("show", result_json["name"])
    assert (code, err) == (0, "")  # the machines are alike


def test_a_search_on_a_cluster_has_the_same_results(kmlp, lasting_cluster):
    """Promoted trials continue on any node that has room. A regression has its unit there."""
    search = [
        "tune", "--learning-rate", "1e-3:1e-1:log", "--width", "8", "--depth", "1", "--activation",
        "relu", "--batch-size", "32", "--dataset", "diabetes", "--max-trials", "5", "--max-epochs",
        "4", "--replicates", "1", "--json",
    ]  # fmt: skip
    there, err = result(kmlp.start(*search, *on(lasting_cluster)))
    here, again = result(kmlp.start(*search, "--fresh", "--jobs", "1"))
    assert there == here
    assert err.splitlines()[-1] == again.splitlines()[-1]  # so many epochs trained


def test_a_killed_worker_loses_only_its_task(kmlp, lasting_cluster, expected):
    process = kmlp.start(*WORK, "--json", *on(lasting_cluster))
    kmlp.wait_for_epochs(1, process)
    os.kill(lasting_cluster.workers()[0], signal.SIGKILL)
    result_json, err = result(process)
    assert "was lost (its process died); its last task is repeated." in err
    assert result_json == expected


def test_a_slow_worker_delays_only_its_run(kmlp, lasting_cluster, expected):
    process = kmlp.start(*WORK, "--json", *on(lasting_cluster))
    kmlp.wait_for_epochs(1, process)
    slow, *_ = lasting_cluster.workers()
    os.kill(slow, signal.SIGSTOP)
    kmlp.wait_for_epochs(EPOCHS * (RUNS - 1), process)
    assert process.poll() is None
    os.kill(slow, signal.SIGCONT)
    result_json, _err = result(process)
    assert result_json == expected


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_leaves_no_worker_on_the_cluster(
    kmlp, lasting_cluster, expected, number, code
):
    process = kmlp.start(*WORK, "--json", *on(lasting_cluster))
    kmlp.wait_for_epochs(1, process)
    process.send_signal(number)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "same command" in err
    wait_until(lambda: not lasting_cluster.workers(), seconds=10)
    result_json, _ = result(kmlp.start(*WORK, "--json", *on(lasting_cluster)))
    assert result_json == expected


def test_a_killed_command_leaves_no_worker_on_the_cluster(kmlp, lasting_cluster):
    process = kmlp.start(*WORK, *on(lasting_cluster))
    kmlp.wait_for_epochs(1, process)
    assert lasting_cluster.workers()
    process.kill()
    wait_until(lambda: not lasting_cluster.workers(), seconds=20)


def test_a_lost_node_loses_only_its_tasks(kmlp, cluster, expected):
    process = kmlp.start(*WORK, "--json", *on(cluster))
    kmlp.wait_for_epochs(1, process)
    wait_until(lambda: len(cluster.workers()) == 2)
    cluster.do("kill-node")
    result_json, _ = result(process)
    assert result_json == expected


def test_a_node_that_joins_is_used_and_idle_workers_are_released(kmlp):
    """The command trains three runs, the last of which takes long."""
    work = [
        "ablate", "--param", "batch_size", "--values", "512,256,1", "--seeds", "1", "--epochs",
        "24", "--depth", "1", "--learning-rate", "0.01",
    ]  # fmt: skip
    with one_node() as cluster:
        process = kmlp.start(*work, "--json", *on(cluster))
        kmlp.wait_for_epochs(1, process)
        assert len(cluster.workers()) == 1
        cluster.do("node", num_cpus=1)
        wait_until(lambda: len(cluster.workers()) == 2)
        kmlp.wait_for_epochs(24 * 2 + 1, process)
        wait_until(lambda: len(cluster.workers()) == 1, seconds=45)
        assert process.poll() is None
        result_json, err = result(process)
    assert "72 epochs trained" in err
    assert [len(value["runs"]) for value in result_json["levels"]] == [1, 1, 1]


def test_an_empty_cluster_is_waited_for_if_requested(kmlp, expected):
    with Nodes().do("head", num_cpus=0) as cluster:
        process = kmlp.start(*WORK, "--json", "--ray-wait", *on(cluster))
        wait_until(
            lambda: "No node has room for a run now; waiting." in process.stderr.readline()
        )
        cluster.do("node", num_cpus=1)
        result_json, _ = result(process)
    assert result_json == expected


def test_a_lost_head_ends_the_command_which_continues_elsewhere(kmlp, cluster, expected):
    process = kmlp.start(*WORK, "--json", *on(cluster))
    kmlp.wait_for_epochs(1, process)
    started = time.monotonic()
    cluster.do("kill-head")
    out, err = process.communicate(timeout=120)
    assert time.monotonic() - started < 60
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[-1].startswith("Error: The Ray cluster ")
    assert "Traceback" not in err
    [(stored,)] = kmlp.query("SELECT count(*) FROM epochs")
    result_json, err = result(kmlp.start(*WORK, "--json", "--jobs", "2"))
    assert f"{RUNS * EPOCHS - stored} epochs trained" in err
    assert result_json == expected
