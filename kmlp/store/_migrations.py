"""The schema in numbered steps. An older store gets the steps that it lacks."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from importlib.resources import files

from kmlp.store import _checksums, validity
from kmlp.store._best_epoch import update_best

VERSION = 7
"""The number of the newest schema, which SQLite stores as `user_version`."""

_KINDS = {"train": "run", "trials": "configs"}
"""The kinds of studies that step 4 renames."""
_KEYS = {
    "axis": "param",
    "trials": "configs",
    "confirm": "replicates",
    "confirmed": "replications",
    "places": "rungs",
}
"""The keys of a study's specification that step 4 renames."""


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the schema up to date. The caller has begun a transaction.

    Args:
        connection: The connection to the database.
        version: The version of its schema, from 0 (no tables) to `VERSION`.
    """
    for step in range(version + 1, VERSION + 1):
        script = files("kmlp.store").joinpath(f"schema/{step}.sql")
        for statement in script.read_text(encoding="utf-8").split(";\n"):
            connection.execute(statement)  # `executescript` would commit first
        if step == 4:
            _name_keys_of_studies(connection)
    if 1 < version < 6:
        _take_accuracies_of_best_epochs(connection)
    if version == 1:
        _seal_what_is_valid(connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _name_keys_of_studies(connection: sqlite3.Connection) -> None:
    """Turn the specification of each study from a list of four values into an object.

    An intact study gets a new checksum. A specification that is not such a list remains as
    it is, so that the study is recognized as damaged.
    """
    for row in connection.execute("SELECT * FROM studies").fetchall():
        try:
            identity, extent, epochs, runs_by_level = json.loads(row["spec"])
            progress = extent.pop("log", {})
            if "chance_limits" in extent:
                progress["chance_limits"] = extent.pop("chance_limits")
            identity, extent, progress = (
                {_KEYS.get(key, key): value for key, value in part.items()}
                for part in (identity, extent, progress)
            )
        except (TypeError, ValueError, AttributeError, RecursionError):
            continue
        spec = {
            "identity": identity,
            "extent": extent,
            "progress": progress,
            "epochs": epochs,
            "runs_by_level": runs_by_level,
        }
        intact = _checksums.is_intact(connection, "studies", row)
        connection.execute(
            "UPDATE studies SET kind = ?, spec = ? WHERE id = ?",
            (_KINDS.get(row["kind"], row["kind"]), json.dumps(spec), row["id"]),
        )
        if intact:
            _checksums.seal(connection, "studies", row["id"])


def _take_accuracies_of_best_epochs(connection: sqlite3.Connection) -> None:
    """Replace the accuracies in the rows of runs, which are those of the last epoch.

    A damaged run gets no new checksum, so that it is recognized as damaged.
    """
    for row in connection.execute("SELECT * FROM runs WHERE epochs > 0").fetchall():
        epochs = validity.epochs_of(connection, row["id"])
        with suppress(TypeError):  # a cell that is not a number, a text or bytes
            if (
                _checksums.is_intact(connection, "runs", row)
                and _checksums.of_epochs(row["key"], epochs) == row["history"]
                and _has_accuracies_of_last_epoch(row, epochs)
            ):
                update_best(connection, row["id"])
                _checksums.seal(connection, "runs", row["id"])


def _has_accuracies_of_last_epoch(row: sqlite3.Row, epochs: list[sqlite3.Row]) -> bool:
    return bool(epochs) and all(
        row[name] == epochs[-1][name] for name in ("val_accuracy", "test_accuracy")
    )


def _seal_what_is_valid(connection: sqlite3.Connection) -> None:
    """Add checksums to the rows of a store of the first version, which had none.

    A row that is not valid gets no checksum, so that it is recognized as damaged.
    """
    settings = {}
    for row in connection.execute("SELECT * FROM environments").fetchall():
        if validity.environment_problem(row) is None:
            settings[row["id"]] = json.loads(row["description"]).get("settings", {})
            _checksums.seal(connection, "environments", row["id"])
    for row in connection.execute("SELECT * FROM studies").fetchall():
        if validity.study_problem(connection, row) is None:
            _checksums.seal(connection, "studies", row["id"])
    for row in connection.execute("SELECT * FROM runs").fetchall():
        epochs = validity.epochs_of(connection, row["id"])
        known = row["environment"] in settings
        with suppress(TypeError):  # a cell that is not a number, a text or bytes
            history = _checksums.of_epochs(row["key"], epochs)
            stated = json.dumps(settings.get(row["environment"], {}))
            connection.execute(
                "UPDATE runs SET settings = ?, history = ? WHERE id = ?",
                (stated, history, row["id"]),
            )
        if _has_accuracies_of_last_epoch(row, epochs):
            update_best(connection, row["id"])
        updated = connection.execute(
            "SELECT * FROM runs WHERE id = ?", (row["id"],)
        ).fetchone()
        if (
            validity.run_problem(updated) is None
            and validity.epochs_problem(updated, epochs) is None
            # The key depends on the settings. If they are lost, only a key that fits
            # without settings shows that there were none.
            and validity.key_fits(updated) in ([True, None] if known else [True])
        ):
            _checksums.seal(connection, "runs", row["id"])
