"""Two nodes with different addresses, in network namespaces, and a link between them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from helpers.ray_clusters import WORK, wait_until
from helpers.results import without_seconds

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip"),
        reason="network namespaces need root and `ip`",
    ),
]

ADDRESSES = ["10.77.1.1", "10.77.1.2"]
QUICK = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    # How soon a node that does not answer is given up: by default after a minute.
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


@contextlib.contextmanager
def namespaces():
    """The prefixes of commands in each of two namespaces, and the second one's link."""
    names = [f"kmlp{os.getpid()}{end}" for end in "ab"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            "node0",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            "node0",
            "netns",
            names[1],
        )
        for name, address in zip(names, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "node0")
            for link in ("lo", "node0"):
                ip("-n", name, "link", "set", link, "up")
        yield [["ip", "netns", "exec", name] for name in names], names[1]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


@contextlib.contextmanager
def ray_node(prefix, *options):
    process = subprocess.Popen(
        [
            *prefix,
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            "--num-cpus=1",
            "--block",
            *options,
        ],
        env={**os.environ, **QUICK},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_cable_is_pulled(kmlp, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    head = f"{ADDRESSES[0]}:6379"
    with contextlib.ExitStack() as stack:
        (here, there), other = stack.enter_context(namespaces())
        stack.enter_context(
            ray_node(
                here,
                "--head",
                "--port=6379",
                "--include-dashboard=false",
                f"--node-ip-address={ADDRESSES[0]}",
            )
        )
        stack.enter_context(
            ray_node(there, f"--address={head}", f"--node-ip-address={ADDRESSES[1]}")
        )
        options = ["--executor", "ray", "--ray-address", head, "--json"]
        command = [sys.executable, "-m", "kmlp_cli"]

        def both_are_there():
            asked = [*here, *command, "info", "--ray-address", head, "--json"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            if done.returncode:
                return False
            return [
                node["address"] for node in json.loads(done.stdout)["cluster"]
            ] == ADDRESSES

        wait_until(both_are_there, seconds=60)
        kmlp.command = [*here, *command]
        process = kmlp.start(*WORK, "--epochs", "12", *options)

        def both_have_trained():
            assert process.poll() is None
            with contextlib.suppress(Exception):  # the database is not there yet
                rows = kmlp.query("SELECT description FROM environments")
                return {json.loads(text).get("address") for (text,) in rows} >= {*ADDRESSES}

        wait_until(both_have_trained, seconds=60)
        ip("-n", other, "link", "set", "node0", "down")
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "was lost" in err
    result = without_seconds(json.loads(out))
    kmlp.command = command
    _, out, _ = kmlp.run(*WORK, "--epochs", "12", "--json", "--fresh", "--jobs", "2")
    assert without_seconds(json.loads(out)) == result
