"""The schema, in numbered steps: a store of an earlier kmlp takes those that it lacks."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from importlib.resources import files

from kmlp.store import _checksums, validity

VERSION = 5
"""Of the schema; SQLite keeps it as `user_version`."""

_KINDS = {"train": "run", "trials": "configs"}
_KEYS = {
    "axis": "param",
    "trials": "configs",
    "confirm": "replicates",
    "confirmed": "replications",
    "places": "rungs",
}
"""The kinds and the keys of studies that step 4 renames."""


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Takes the steps that follow; within a transaction.

    Args:
        connection: Of the database.
        version: That it has, from 0, without any table, to `VERSION`.
    """
    for step in range(version + 1, VERSION + 1):
        script = files("kmlp.store").joinpath(f"schema/{step}.sql")
        for statement in script.read_text(encoding="utf-8").split(";\n"):
            connection.execute(statement)  # `executescript` would commit before
        if step == 4:
            _name_keys_of_studies(connection)
    if version == 1:
        _seal_what_is_valid(connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _name_keys_of_studies(connection: sqlite3.Connection) -> None:
    """Gives names to what a study's list of four held, and a new checksum if it was whole.

    What cannot be such a list stays as it is, and so is known as damaged.
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
        whole = _checksums.is_intact(connection, "studies", row)
        connection.execute(
            "UPDATE studies SET kind = ?, spec = ? WHERE id = ?",
            (_KINDS.get(row["kind"], row["kind"]), json.dumps(spec), row["id"]),
        )
        if whole:
            _checksums.seal(connection, "studies", row["id"])


def _seal_what_is_valid(connection: sqlite3.Connection) -> None:
    """Gives checksums to what was written before there were any.

    What cannot be right gets none, and so is known as damaged.
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
        with suppress(TypeError):  # a cell that is neither number nor text nor bytes
            history = _checksums.of_epochs(row["key"], epochs)
            stated = json.dumps(settings.get(row["environment"], {}))
            connection.execute(
                "UPDATE runs SET settings = ?, history = ? WHERE id = ?",
                (stated, history, row["id"]),
            )
        whole = connection.execute(
            "SELECT * FROM runs WHERE id = ?", (row["id"],)
        ).fetchone()
        if (
            validity.run_problem(whole) is None
            and validity.epochs_problem(whole, epochs) is None
            # Settings that can be read no more are in the key, too.
            and validity.key_fits(whole) in ([True, None] if known else [True])
        ):
            _checksums.seal(connection, "runs", row["id"])
