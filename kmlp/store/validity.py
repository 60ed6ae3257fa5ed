"""What rows of the store can be. Whatever is read from it is checked here first, since a
checksum can be forged, and stores of earlier versions had none.
"""

from __future__ import annotations

import json
import math
import re
import shlex
import sqlite3
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from kmlp.data.known import BUNDLED
from kmlp.errors import KmlpError
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.config import RunConfig, config_fields, dataset_of
from kmlp.model.losses import LOSSES
from kmlp.training.run import FIGURES, NUMERICS_VERSION, Status, run_key

_KEY = re.compile("[0-9a-f]{64}")

_LAST_SECOND = 253_402_214_400
"""Of times that can be shown: the year 9999 in any time zone."""

_TEXTS = {str: str}
_ENVIRONMENT = {"command", "device", "platform", "revision", "threads", "versions"}
"""What is noted of every environment (see `kmlp.training.environment`), if anything is."""
_SPEC = {
    "identity": {"backend": str, "fused": bool},
    "extent": dict,
    "progress": dict,
    "epochs": int,
    "runs_by_level": [[str]],
}
"""The specification of a study of any kind, at the least; what else a kind has,
`Store.study_problem` checks."""


def study_problem(connection: sqlite3.Connection, row: sqlite3.Row) -> str | None:
    """Why a row of `studies` is none; None: it is one."""
    kind = row["kind"]
    if not isinstance(row["name"], str) or not row["name"].strip():
        return "its name is no text"
    if not isinstance(kind, str):
        return "its kind is not a text"
    spec = _json(row["spec"], _SPEC)
    if spec is None or spec.keys() != _SPEC.keys() or spec["epochs"] < 1:
        return "its specification cannot be read"
    identity, progress, levels = (
        spec[name] for name in ("identity", "progress", "runs_by_level")
    )
    if not fits(identity.get("settings", {}), _TEXTS):
        return "its settings cannot be read"
    configs = [identity[name] for name in ("base", "config") if name in identity]
    if not all(isinstance(it, dict) and _is_config(it) for it in configs):
        return "its configuration cannot be read"
    if "param" in identity and identity["param"] not in config_fields():
        return "its parameter is unknown"
    for name, shape in (("epochs", [int]), ("chance_limits", [float])):
        of_levels = progress.get(name)
        if of_levels is not None and not (
            fits(of_levels, shape) and len(of_levels) == len(levels)
        ):
            return f"its `{name}` are not those of its levels"
    asked = connection.execute(
        "SELECT key FROM study_runs WHERE study = ?", (row["id"],)
    ).fetchall()
    keys = {key for (key,) in asked}
    if not all(map(is_key, keys)) or not {key for it in levels for key in it} <= keys:
        return "its runs are not known by their keys"
    return None if _is_time(row["updated"]) else "its time cannot be"


def environment_problem(row: sqlite3.Row) -> str | None:
    """Why a row of `environments` is none; None: it is one."""
    environment = _json(row["description"], dict)
    if environment == {}:  # nothing was noted, or it was damaged and is lost
        return None
    texts = ("command", "backend", "device", "platform", "processor", "host", "revision")
    if (
        environment is None
        or not environment.keys() >= _ENVIRONMENT
        or not all(isinstance(environment.get(it, ""), str | None) for it in texts)
        or not all(fits(environment.get(it, {}), _TEXTS) for it in ("versions", "settings"))
        or not isinstance(environment.get("threads", 1), int)
    ):
        return "its description cannot be read"
    try:
        words = shlex.split(environment["command"] or "")
    except ValueError:
        words = []
    if not words:
        return "its command cannot be read"
    return None


def run_problem(row: sqlite3.Row) -> str | None:
    """Why a row of `runs` is none; None: it is one."""
    if not is_key(row["key"]):
        return "its key is not one"
    config = _json(row["config"], dict)
    if config is None or not _is_config(config):
        return "its configuration cannot be read"
    if _json(row["settings"], _TEXTS) is None:
        return "its settings cannot be read"
    numbers = [row[it] for it in ("fresh", "fused", "parameters", "epochs")]
    if not fits(numbers, [int]) or min(numbers) < 0 or max(numbers[:2]) > 1:
        return "its numbers cannot be"
    failed = row["failure"] is not None
    if (
        not isinstance(row["backend"], str)
        or row["status"] not in get_args(Status)
        or failed != (row["status"] == "failed")
        or not isinstance(row["failure"], str | None)
        or not (row["epochs"] or failed)
    ):
        return "its status cannot be"
    figures = (row["val_accuracy"], row["test_accuracy"])
    if not all(it is None or _is_share(it) for it in figures):
        return "its accuracy cannot be"
    if not (_is_time(row["updated"]) and _is_number(row["seconds"])):
        return "its time cannot be"
    return None


def epochs_problem(run: sqlite3.Row, epochs: list[sqlite3.Row]) -> str | None:
    """Why rows of `epochs`, with their losses, are not those of a run; None: they are."""
    if [row["epoch"] for row in epochs] != list(range(1, run["epochs"] + 1)):
        return "its epochs are not there from the first to the last"
    for row in epochs:
        figures = [row[name] for name in FIGURES]
        diverged = row["loss"] is None
        if diverged and row is not epochs[-1]:
            return f"its epoch {row['epoch']} has no loss"
        if not all(it is None or _is_number(it) for it in figures) or not all(
            row[name] is None or _is_share(row[name])
            for name in FIGURES
            if name.endswith("accuracy")
        ):
            return f"the figures of its epoch {row['epoch']} cannot be"
        if not diverged and None in figures[:4]:
            return f"its epoch {row['epoch']} lacks figures"
        losses = row["losses"]
        if not isinstance(losses, bytes) or not losses or len(losses) % 4:
            return f"the losses of its epoch {row['epoch']} cannot be read"
        if not _is_number(row["seconds"]) or not isinstance(row["environment"], int):
            return f"the time of its epoch {row['epoch']} cannot be"
    if epochs:
        last = epochs[-1]
        diverged = last["loss"] is None
        if diverged != (run["status"] == "diverged") and run["status"] != "failed":
            return "its status is not that of its last epoch"
        if any(run[it] != last[it] for it in ("val_accuracy", "test_accuracy")):
            return "its accuracy is not that of its last epoch"
    return None


def key_fits(row: sqlite3.Row) -> bool | None:
    """Whether the key of a run is that of its configuration; None: that cannot be told.

    It cannot where the dataset may have changed since, or a function is the user's own.
    """
    config = RunConfig.restored(json.loads(row["config"]))
    names = (
        (ACTIVATIONS, config.activation),
        (ACTIVATIONS, config.output or "linear"),
        (LOSSES, config.loss),
    )
    if config.dataset != BUNDLED or any(
        registry.is_custom(name) or name not in registry.names for registry, name in names
    ):
        return None
    try:
        fingerprint = dataset_of(config).fingerprint
    except KmlpError:  # a fraction that an earlier version took
        return None
    return any(
        row["key"]
        == run_key(
            config,
            fingerprint,
            row["backend"],
            fused=bool(row["fused"]),
            settings=json.loads(row["settings"]),
            numerics=version,
        )
        for version in range(1, NUMERICS_VERSION + 1)
    )


def epochs_of(
    connection: sqlite3.Connection, run: int, *, first: int | None = None
) -> list[sqlite3.Row]:
    """The epochs of a run, with the losses of their steps, in their order.

    Args:
        connection: Of the database.
        run: The `id` of its row.
        first: The first of them. Defaults to None: all, whatever their numbers are.
    """
    return connection.execute(
        "SELECT epochs.*, losses FROM epochs LEFT JOIN step_losses USING (run, epoch) "
        "WHERE run = ? AND (? IS NULL OR epoch >= ?) ORDER BY epoch",
        (run, first, first),
    ).fetchall()


def _json(text: Any, shape: Any) -> Any:
    """What a cell holds as JSON, if it has a shape; else None."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if fits(found, shape) else None


def fits(value: Any, shape: Any) -> bool:
    """Whether a value of JSON has a shape.

    Args:
        value: Of any kind.
        shape: A type; a list of one shape: a list of such; a list of several: one of each
            in this order; a dict: at least these keys with such values; `{str: shape}`:
            any keys with such values.

    >>> fits({"a": [1, 2], "b": None}, {"a": [int]}), fits([1, "2"], [int])
    (True, False)
    """
    if shape == _TEXTS:
        return isinstance(value, dict) and fits(list(value.values()), [str])
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            key in value and fits(value[key], it) for key, it in shape.items()
        )
    if isinstance(shape, list):
        if not isinstance(value, list):
            return False
        shapes = shape * len(value) if len(shape) == 1 else shape
        return len(shapes) == len(value) and all(map(fits, value, shapes))
    if shape is float:
        return _is_number(value) or (isinstance(value, int) and not isinstance(value, bool))
    if shape is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, shape)


def _is_config(values: Mapping[str, Any]) -> bool:
    try:
        return all(
            _is_value(name, tuple(it) if isinstance(it, list) else it)
            for name, it in values.items()
        )
    except TypeError:  # a list of lists, an object: not hashable
        return False


@lru_cache(maxsize=10_000, typed=True)
def _is_value(name: str, value: Any) -> bool:
    """Whether a field of a configuration can have a value; what it names need not exist,
    such as a function of the user's that is not at hand.
    """
    field = config_fields().get(name)
    return field is not None and field.could_be(value)


def is_key(value: Any) -> bool:
    """Whether a cell is the key of a run, which is part of the names of its files."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_time(value: Any) -> bool:
    return _is_number(value) and abs(value) < _LAST_SECOND
