"""Real processes, really killed. What is tested does not depend on the backend: one is
enough, and `make test` chooses it.
"""

import json

import pytest
from helpers.killing import WORK, Commands
from helpers.results import without_seconds


@pytest.fixture
def kmlp(tmp_path):
    with Commands(tmp_path) as commands:
        yield commands


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    """What `WORK` comes to when nothing happens."""
    code, out, err = Commands(tmp_path_factory.mktemp("alone")).run(*WORK, "--json")
    assert code == 0, err
    return without_seconds(json.loads(out))
