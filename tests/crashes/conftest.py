"""Real processes, really killed. What is tested does not depend on the backend: one is
enough, and `make test` chooses it.
"""

import pytest
from helpers import killing
from helpers.killing import Commands


@pytest.fixture
def kmlp(tmp_path):
    with Commands(tmp_path) as commands:
        yield commands


@pytest.fixture(scope="session")
def expected():
    """The output of `WORK`. Its programs are compiled here, for all processes to read."""
    return killing.uninterrupted()
