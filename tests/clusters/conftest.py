"""Clusters of two nodes. What is tested does not depend on the backend."""

import json

import pytest
from helpers.killing import Commands
from helpers.ray_clusters import WORK, two_nodes
from helpers.results import without_seconds


@pytest.fixture(scope="session")
def lasting_cluster():
    """A cluster that all tests share, and that no test may damage."""
    with two_nodes() as nodes:
        yield nodes


@pytest.fixture
def cluster():
    with two_nodes() as nodes:
        yield nodes


@pytest.fixture
def kmlp(tmp_path):
    with Commands(tmp_path) as commands:
        yield commands


@pytest.fixture(scope="session")
def expected(tmp_path_factory):
    """The results of `WORK` on the local executor."""
    commands = Commands(tmp_path_factory.mktemp("local"))
    code, out, err = commands.run(*WORK, "--json", "--jobs", "1")
    assert code == 0, err
    return without_seconds(json.loads(out))
