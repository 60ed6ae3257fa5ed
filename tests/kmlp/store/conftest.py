"""Fixtures of the tests of the store."""

import pytest
from helpers.made_up import made_up_record
from helpers.made_up_studies import RUNS, WIDTHS
from helpers.stores import A

from kmlp.store import Store
from kmlp.store.studies import put_study


@pytest.fixture
def store(tmp_path):
    """A new store, which has leased the run `A`."""
    with Store(tmp_path / "runs") as opened:
        assert opened.acquire(A)
        yield opened


@pytest.fixture
def widths_store():
    """A store in memory with the study `WIDTHS` and an epoch of each of its runs."""
    with Store(None) as opened:
        for index, run in enumerate(RUNS):
            assert opened.acquire(run)
            records = (made_up_record(1, index / 10),)
            opened.append(run, records, {records[-1].epoch: b""}, fresh=False)
            opened.release(run)
        put_study(opened, WIDTHS)
        yield opened
