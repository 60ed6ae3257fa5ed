"""The resources of a run, and the number of runs that fit on a machine."""

import math
import re
import sys

import pytest

from kmlp import ConfigError, ProcessExecutor
from kmlp.executors import resources as here
from kmlp.executors.resources import Resources, local_capacity, make_resources, visible_gpus

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("resources", "cpus", "gpus", "places"),
    [
        (Resources(1.5), 8, 0, 5),
        (Resources(0.1), 0.3, 0, 3),  # 0.3 / 0.1 is less than 3 in floating point
        (Resources(2), 1, 4, 0),
        (Resources(1, 0.25), 16, 2, 8),
        (Resources(1, 0.25), 3, 2, 3),
        (Resources(1, 0.4), 16, 1, 2),
        (Resources(1, 0.4), 16, 2, 4),  # none lies on two GPUs
        (Resources(1, 1), 16, 0, 0),
    ],
)
def test_the_number_of_runs_that_fit(resources, cpus, gpus, places):
    assert resources.fits(cpus, gpus) == places


@pytest.mark.parametrize("cpus", [0, -1, 1e-5, math.inf, math.nan, True, "2", None])
@pytest.mark.parametrize("gpus", [-0.1, 1.5, 0.001, math.nan, "a"])
def test_wrong_resources_are_all_named_at_once(cpus, gpus):
    with pytest.raises(ConfigError) as caught:
        make_resources(cpus, gpus)
    one, other = caught.value.problems
    assert re.search(rf"`cpus_per_run` is {re.escape(repr(cpus))}, .*>= 0\.01", one)
    assert f"`gpus_per_run` is {gpus!r}, " in other


def test_processes_share_gpus(monkeypatch):
    """Four processes share each of two GPUs, with a limit of its memory."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setattr(here, "cpu_count", lambda: 16)
    executor = ProcessExecutor(gpus_per_run=0.25)
    environments = [process._environment for process in executor._idle]
    assert [variables["CUDA_VISIBLE_DEVICES"] for variables in environments] == [
        "3",
        "5",
    ] * 4
    assert {variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] for variables in environments} == {
        "0.225"
    }
    assert {variables["TF_FORCE_GPU_ALLOW_GROWTH"] for variables in environments} == {
        "true"
    }
    alone = ProcessExecutor(gpus_per_run=1)._idle
    assert [process._environment["CUDA_VISIBLE_DEVICES"] for process in alone] == ["3", "5"]
    assert not any(
        "XLA_PYTHON_CLIENT_MEM_FRACTION" in process._environment for process in alone
    )


def test_processes_without_gpus_see_none(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setattr(here, "cpu_count", lambda: 2)
    environments = [
        process._environment for process in ProcessExecutor(gpus_per_run=0)._idle
    ]
    assert [variables["CUDA_VISIBLE_DEVICES"] for variables in environments] == ["", ""]
    assert all(
        "CUDA_VISIBLE_DEVICES" not in process._environment
        for process in ProcessExecutor(2)._idle
    )


def test_the_list_of_gpus_ends_where_cuda_ends_it(monkeypatch):
    for chosen, visible in (("0,-1,1", ["0"]), ("NoDevFiles", []), ("", []), ("2", ["2"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        assert visible_gpus() == visible


def test_without_resources_one_run_has_the_whole_gpu(monkeypatch):
    monkeypatch.setattr(here, "cpu_count", lambda: 8)
    monkeypatch.setattr("kmlp.backend.accelerated", lambda: True)
    assert ProcessExecutor().free() == ProcessExecutor(cpus_per_run=2).free() == 1
    assert ProcessExecutor(3).free() == 3
    assert ProcessExecutor(gpus_per_run=0).free() == 8


@pytest.mark.parametrize("jobs", [0, -1, "2", 1.5])
def test_wrong_jobs_are_refused(jobs):
    with pytest.raises(ConfigError, match="`jobs`"):
        ProcessExecutor(jobs)


def test_jobs_limit_the_number_of_runs(monkeypatch):
    monkeypatch.setattr(here, "cpu_count", lambda: 8)
    assert ProcessExecutor(cpus_per_run=1.5).free() == 5
    assert ProcessExecutor(3, cpus_per_run=1.5).free() == 3
    assert ProcessExecutor(7, cpus_per_run=1.5).free() == 5
    assert ProcessExecutor(20).free() == 20


def test_a_machine_without_room_for_one_run_says_so(monkeypatch):
    monkeypatch.setattr(here, "cpu_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match=r"2\.5 CPUs.* \(cores: 2\)"):
        local_capacity(Resources(2.5))
    with pytest.raises(ConfigError, match=r"1 CPU and 0\.5 GPUs, .* \(cores: 2, GPUs: 0\)"):
        local_capacity(Resources(1, 0.5))


def test_gpus_are_counted_without_a_backend(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
    command = tmp_path / "nvidia-smi"
    command.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "assert sys.argv[1:] == ['-L']\n"
        "print('GPU 0: NVIDIA H100 (UUID: GPU-1)\\n  MIG 1g.10gb\\nGPU 1: NVIDIA H100')\n"
    )
    command.chmod(0o755)
    assert visible_gpus() == ["0", "1"]
