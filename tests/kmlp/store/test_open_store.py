"""An open store: the environment that is stored with each epoch."""

import pytest
from helpers.stores import A, made_up_task

from kmlp.store import Store

pytestmark = pytest.mark.once


def test_an_environment_is_stored_once(tmp_path):
    with Store(tmp_path, environment={"threads": 1}) as store:
        store.acquire(A)
        store.append(A, *made_up_task(1, 2), fresh=False)
        rows = store.connection.execute("SELECT description FROM environments").fetchall()
    assert [row["description"] for row in rows] == ['{"threads": 1}']
