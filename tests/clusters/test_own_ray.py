"""A local Ray, which no other user can use."""

import os
import tempfile
from pathlib import Path

import psutil
import pytest
from helpers.processes import set_traps
from helpers.ray_clusters import EPOCHS, RUNS, WORK

from kmlp.errors import ClusterError
from kmlp.executors.ray._installation import check_installed

pytestmark = pytest.mark.once


def test_a_local_ray_listens_to_this_machine_only_and_asks_for_a_token(
    tmp_path, kmlp, monkeypatch
):
    mark = set_traps(tmp_path / "foreign")
    kmlp.folder = tmp_path / "foreign"
    kmlp.command = [str(Path(os.sys.executable).with_name("kmlp"))]
    short = tempfile.mkdtemp(prefix="k")  # a socket's path has 107 characters at most
    home = tmp_path / "home"
    process = kmlp.start(*WORK, "--executor", "ray", HOME=str(home), TMPDIR=short)
    kmlp.wait_for_epochs(1, process)
    family = psutil.Process(process.pid).children(recursive=True)
    listening = [
        connection.laddr.ip.removeprefix("::ffff:")
        for member in family
        for connection in member.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    tokens = {
        process.environ().get("RAY_AUTH_TOKEN")
        for process in family
        if "raylet" in process.name()
    }
    shown = " ".join(word for member in family for word in member.cmdline())
    folders = [
        path.stat().st_mode & 0o777 for path in Path(short).iterdir() if path.is_dir()
    ]
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"{RUNS * EPOCHS} epochs trained" in err
    assert len(listening) > 3 and set(listening) == {"127.0.0.1"}
    assert [len(token) for token in tokens] == [64]
    assert not any(token in shown for token in tokens)
    assert set(folders) == {0o700}
    assert not [*Path(short).iterdir()]
    assert not (home / ".ray").exists()
    assert not mark.exists(), mark.read_text()


def test_a_ray_that_cannot_ask_for_a_token_is_refused(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.51.1")
    with pytest.raises(ClusterError, match=r"2\.51\.1.* 2\.52"):
        check_installed()
