"""Removing a study, with the runs that only this study uses."""

from __future__ import annotations

import time
from collections.abc import Callable

from kmlp.errors import StoreError, StoreWriteError
from kmlp.store import _removal, validity
from kmlp.store._store import Store
from kmlp.store.leases import SECONDS_BETWEEN_LOOKS, Holder
from kmlp.store.studies import study_row

_USES = (
    "SELECT key, (SELECT count(*) FROM study_runs AS other WHERE other.key = mine.key) "
    "AS uses FROM study_runs AS mine WHERE study = ?"
)
"""The query for the keys of a study's runs, and the number of studies that use each run."""


def runs_of_study(store: Store, name: str) -> tuple[list[str], list[str]]:
    """Return the keys of a study's runs: those only this study uses, and the shared ones.

    Raises:
        StoreError: if the store has no such study.
    """
    number = study_row(store, name)["id"]
    alone: list[str] = []
    shared: list[str] = []
    with store.reading():
        for row in store.connection.execute(
            f"{_USES} AND key IN (SELECT key FROM runs)", (number,)
        ):
            (alone if row["uses"] == 1 else shared).append(row["key"])
    return alone, shared


def remove_study(
    store: Store, name: str, *, waits: Callable[[Holder], None] = lambda holder: None
) -> None:
    """Remove a study, and the runs that no other study uses: all of them or nothing.

    Args:
        store: The store.
        name: The name of the study.
        waits: Called with the holder of a lease, once, if it takes up to
            `SECONDS_UNTIL_EXPIRED` to know that this process is dead.

    Raises:
        StoreError: if the store has no such study, or one of its runs is being trained.
        StoreWriteError: if a file cannot be removed.
    """
    called = False
    number = study_row(store, name)["id"]
    while (holder := _remove_unless_leased(store, number, name)) is not None:
        if not called:
            waits(holder)
        called = True
        time.sleep(SECONDS_BETWEEN_LOOKS)
    try:
        with store.writing():
            store.settle_removal()
    except StoreWriteError as error:
        raise StoreWriteError(
            f'"{name}" is removed, but some of its files are not ({error.__cause__}). The '
            f"next command that writes to {store.folder} deletes them."
        ) from error


def _remove_unless_leased(store: Store, number: int, name: str) -> Holder | None:
    """Remove the rows of a study, and put the files of its runs aside.

    Args:
        store: The store.
        number: The `id` of the study's row: a damaged name may not be a text.
        name: The name of the study, for messages.

    Returns:
        The holder of a lease who may be training one of the runs; nothing is removed then.
        None if the study is removed.
    """
    files: list[str] = []
    try:
        with store.writing():
            rows = [
                row
                for row in store.connection.execute(_USES, (number,)).fetchall()
                if validity.is_key(row["key"])  # a damaged key belongs to no run
            ]
            holders = [
                holder for row in rows if (holder := store.leases.holder(row["key"]))
            ]
            living = [holder for holder in holders if holder.lives]
            if living:
                raise StoreError(
                    f'{len(living)} runs of "{name}" are being trained by another process '
                    f"({living[0]}). End that process first."
                )
            if holders:
                return holders[0]
            alone = [row["key"] for row in rows if row["uses"] == 1]
            for row in rows:
                store.leases.forget(row["key"])
            files = store.files_of(alone)
            for key in alone:
                store.delete(key)
            store.connection.execute("DELETE FROM studies WHERE id = ?", (number,))
            _removal.put_aside(store.checkpoint_folder, files)
    except BaseException as error:
        _removal.put_back(store.checkpoint_folder, files)
        if isinstance(error, StoreWriteError) and isinstance(error.__cause__, OSError):
            why = error.__cause__.strerror or error.__cause__
            raise StoreWriteError(
                "Nothing was removed, because a file in "
                f"{store.checkpoint_folder} cannot be removed ({why}). Make the folder "
                "writable, then run the same command again."
            ) from error
        raise
    return None
