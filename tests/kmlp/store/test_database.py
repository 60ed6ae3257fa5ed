"""Opening databases: new, empty, damaged."""

from contextlib import closing

import pytest
from helpers.stores import A, made_up_task

from kmlp.errors import StoreError
from kmlp.store import Store
from kmlp.store._database import open_database
from kmlp.store._migrations import VERSION
from kmlp.store.listing import list_runs

pytestmark = pytest.mark.once


def test_opening_to_read_creates_nothing(tmp_path):
    with pytest.raises(StoreError, match="no runs"):
        Store(tmp_path / "runs", writable=False)
    assert not list(tmp_path.iterdir())


def test_a_database_without_tables_has_no_runs(tmp_path):
    """Such a file remains if a command is killed at its start."""
    (tmp_path / "kmlp.sqlite").touch()
    with pytest.raises(StoreError, match="no runs"):
        Store(tmp_path, writable=False)


def test_a_damaged_database_is_refused_to_readers(store):
    store.append(A, *made_up_task(1), fresh=False)
    path = store.folder / "kmlp.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with (
        pytest.raises(StoreError, match="damaged"),
        Store(store.folder, writable=False) as other,
    ):
        list_runs(other, {})


def test_the_database_is_one_file_with_a_version(store):
    with closing(open_database(store.folder)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
