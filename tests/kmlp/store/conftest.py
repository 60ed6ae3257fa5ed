"""Fixtures of the tests of the store."""

import pytest
from helpers.stores import A

from kmlp.store import Store


@pytest.fixture
def store(tmp_path):
    """A new store, which has leased the run `A`."""
    with Store(tmp_path / "runs") as opened:
        assert opened.acquire(A)
        yield opened
