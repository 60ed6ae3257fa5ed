"""What a machine lacks ends a study with its reason, and makes no failed runs."""

import os
import re
import subprocess

import pytest
from helpers.killing import WORK

pytestmark = pytest.mark.once

ABLATE = [*WORK, "--seeds", "1", "--epochs", "1"]


@pytest.fixture(scope="module", autouse=True)
def compiled(expected):
    """The programs of `WORK`, which the commands read."""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_backend_that_cannot_be_imported(kmlp, tmp_path, jobs):
    (tmp_path / "broken" / "jax").mkdir(parents=True)
    (tmp_path / "broken" / "jax" / "__init__.py").write_text(
        'raise ImportError("no libcuda")'
    )
    code, out, err = kmlp.run(*ABLATE, "--jobs", jobs, PYTHONPATH=str(tmp_path / "broken"))
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert re.match(r"Error: .*backend jax .*\(ImportError: no libcuda\)", line)
    assert kmlp.query("SELECT count(*) FROM runs") == [(0,)]
    assert kmlp.query("SELECT count(*) FROM leases") == [(0,)]


def test_a_backend_that_ends_its_process(kmlp):
    code, out, err = kmlp.run(*ABLATE, "--jobs", "2", XLA_FLAGS="--nonsense")
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert re.match(r"Error: .*backend jax .*died.*XLA_FLAGS: --nonsense", line)
    assert kmlp.query("SELECT count(*) FROM runs") == [(0,)]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 KiB; only root can have one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("needs root and mount")  # executors/test_processes.py has it fail, too
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("jobs", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_a_full_temporary_folder(kmlp, small_disk, jobs):
    code, out, err = kmlp.run(*ABLATE, "--jobs", jobs, TMPDIR=str(small_disk))
    assert (code, out) == (1, "")
    [line] = err.splitlines()
    assert re.match(f"Error: .*temporary folder {small_disk}", line)
    assert "(No space left on device)" in line
    assert kmlp.query("SELECT count(*) FROM runs") == [(0,)]
    code, _, err = kmlp.run(*ABLATE, "--jobs", jobs)
    assert code == 0, err
