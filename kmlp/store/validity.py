"""The checks of rows. Every row that is read from a store is checked here first.

Checksums are not enough: they can be forged, and the first version of kmlp had none.
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
from kmlp.model.config import RunConfig
from kmlp.model.custom import named_objects
from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import METRICS_BY_NAME, RMSE
from kmlp.model.params import all_fields
from kmlp.model.run_data import dataset_of
from kmlp.statistics import looks
from kmlp.training.identity import NUMERICS_VERSION, run_key
from kmlp.training.run import FIGURES, At, Status

_KEY = re.compile("[0-9a-f]{64}")
_FIGURE = re.compile("[a-z0-9_]{1,100}")

_LAST_SECOND = 253_402_214_400
"""The largest Unix time that can be shown: the year 9999 in any time zone."""

_TEXTS = {str: str}
_ENVIRONMENT = {"command", "device", "platform", "revision", "threads", "versions"}
"""The keys of every environment that is not empty: see `kmlp.training.environment`."""
_SPEC = {
    "identity": {"backend": str, "fused": bool},
    "extent": dict,
    "progress": dict,
    "epochs": int,
    "runs_by_level": [[str]],
}
"""The shape of the specification of every study. `Store.study_problem` checks the values
that a kind adds."""
_RETUNED = {"fields": dict, "trials": int, "seed": int, "at": str, "metric": str}
"""The shape of what identifies a retuned study."""


def _retuning_problem(
    identity: Mapping[str, Any], progress: Mapping[str, Any]
) -> str | None:
    """Return the problem of what a retuned study keeps of it; None if it is valid."""
    retuned = identity["retune"]
    if (
        not fits(retuned, _RETUNED)
        or retuned["at"] not in get_args(At)
        or retuned["metric"] not in METRICS_BY_NAME
        or not (retuned["trials"] > 0 and retuned["seed"] >= 0 and retuned["fields"])
        or not all(
            name in config_fields() and (given is None or _is_range(given))
            for name, given in retuned["fields"].items()
        )
    ):
        return "its retuning cannot be read"
    configs = progress.get("configs")
    if not fits(progress.get("levels"), int) or not isinstance(configs, list):
        return "its levels are not valid"
    if progress["levels"] != len(configs) or not all(
        isinstance(config, dict) and _is_config(config) for config in configs
    ):
        return "its levels are not valid"
    return None


def _is_range(given: Any) -> bool:
    """Return True for the low end, the high end and the sampling of a range."""
    if not (isinstance(given, list) and len(given) == 3 and fits(given[:2], [float])):
        return False
    low, high, sampling = given
    return bool(low < high and (sampling == "linear" or (sampling == "log" and low > 0)))


def study_problem(connection: sqlite3.Connection, row: sqlite3.Row) -> str | None:
    """Return the problem of a row of `studies`; None if the row is valid."""
    kind = row["kind"]
    if not isinstance(row["name"], str) or not row["name"].strip():
        return "its name is not a text"
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
    patience = identity.get("patience", 1)
    stops = "patience" in identity
    if not fits(patience, int) or patience < 1 or (stops and progress.get("at") == "last"):
        return "its patience is not valid"
    configs = [identity[name] for name in ("base", "config") if name in identity]
    if not all(isinstance(config, dict) and _is_config(config) for config in configs):
        return "its configuration cannot be read"
    if "param" in identity and identity["param"] not in list(all_fields()):
        return "its parameter is unknown"
    if "retune" in identity and (problem := _retuning_problem(identity, progress)):
        return problem
    if "retune" in identity and not 1 <= progress["levels"] <= len(levels) // 2:
        return "its levels are not valid"
    # Of a retuned study, only the first rows are levels.
    own = progress["levels"] if "retune" in identity else len(levels)
    sizes = (("epochs", [int], len(levels)), ("chance_limits", [float | None], own))
    for name, shape, size in sizes:
        values = progress.get(name)
        if values is not None and not (fits(values, shape) and len(values) == size):
            return f"its `{name}` do not fit its levels"
    for name, least, some in (("validation_images", 1, int), ("classes", 2, int | None)):
        counts = progress.get(name)
        if "chance_limit" in progress and counts is not None:
            counts = [counts] * own  # one dataset for all levels
        if counts is not None and not (
            fits(counts, [some])
            and len(counts) == own
            and all(count is None or count >= least for count in counts)
        ):
            return f"its `{name}` are not valid"
    if not fits(progress.get("looks", []), [int]):
        return "its looks cannot be read"
    if not fits(progress.get("values", []), [str]):
        return "its values cannot be read"
    if not fits(progress.get("seeds", []), [int]):
        return "its seeds cannot be read"
    metrics = [part.get("metric", "accuracy") for part in (identity, progress)]
    if not all(isinstance(it, str) and it in METRICS_BY_NAME for it in metrics):
        return "its metric is not valid"
    if not isinstance(progress.get("unit", ""), str):
        return "its unit is not valid"
    baseline, margin = progress.get("baseline"), progress.get("margin", 0.5)
    if "param" in identity and not (
        baseline is None or _is_text_of(identity["param"], baseline)
    ):
        return "its baseline is not a value of its parameter"
    no_margin = margin is None and METRICS_BY_NAME[metrics[1]].margin is None
    if not (no_margin or (fits(margin, float) and 0 < margin < _most(*metrics))):
        return "its margin is not valid"
    if "seeds" in identity and not _is_number_of_seeds(identity["seeds"]):
        return "its number of seeds is not valid"
    rows = connection.execute(
        "SELECT key FROM study_runs WHERE study = ?", (row["id"],)
    ).fetchall()
    keys = {key for (key,) in rows}
    if not all(map(is_key, keys)) or not {key for level in levels for key in level} <= keys:
        return "the keys of its runs are not valid"
    return None if _is_time(row["updated"]) else "its time is not valid"


def _most(*metrics: str) -> float:
    """Return the limit of a margin: 1 for a share."""
    return 1.0 if all(METRICS_BY_NAME[name].share for name in metrics) else math.inf


def environment_problem(row: sqlite3.Row) -> str | None:
    """Return the problem of a row of `environments`; None if the row is valid."""
    environment = _json(row["description"], dict)
    if environment == {}:  # none was given, or a repair emptied the row
        return None
    texts = ("command", "backend", "device", "platform", "processor", "host", "revision")
    if (
        environment is None
        or not environment.keys() >= _ENVIRONMENT
        or not all(isinstance(environment.get(key, ""), str | None) for key in texts)
        or not fits(environment.get("versions", {}), _TEXTS)
        or not fits(environment.get("settings", {}), _TEXTS)
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
    """Return the problem of a row of `runs`; None if the row is valid."""
    if not is_key(row["key"]):
        return "its key is not valid"
    config = _json(row["config"], dict)
    if config is None or not _is_config(config):
        return "its configuration cannot be read"
    if _json(row["settings"], _TEXTS) is None:
        return "its settings cannot be read"
    numbers = [row[name] for name in ("fresh", "fused", "parameters", "epochs")]
    if not fits(numbers, [int]) or min(numbers) < 0 or max(numbers[:2]) > 1:
        return "its numbers are not valid"
    failed = row["failure"] is not None
    if (
        not isinstance(row["backend"], str)
        or row["status"] not in get_args(Status)
        or failed != (row["status"] == "failed")
        or not isinstance(row["failure"], str | None)
        or not (row["epochs"] or failed)
    ):
        return "its status is not valid"
    if not _are_metrics(row["metrics"]):
        return "its metrics cannot be read"
    figures = (row["val_accuracy"], row["test_accuracy"])
    if not all(figure is None or _is_fraction(figure) for figure in figures):
        return "its accuracy is not valid"
    if not (_is_time(row["updated"]) and _is_number(row["seconds"])):
        return "its time is not valid"
    return None


def epochs_problem(run: sqlite3.Row, epochs: list[sqlite3.Row]) -> str | None:
    """Return the problem of the epochs of a run; None if they are valid.

    Args:
        run: The row of the run.
        epochs: The rows of its epochs, as `epochs_of` returns them.
    """
    if [row["epoch"] for row in epochs] != list(range(1, run["epochs"] + 1)):
        return "some of its epochs are missing"
    for row in epochs:
        figures = [row[name] for name in FIGURES]
        diverged = row["loss"] is None
        if diverged and row is not epochs[-1]:
            return f"its epoch {row['epoch']} has no loss"
        if not all(figure is None or _is_number(figure) for figure in figures) or not all(
            row[name] is None or _is_fraction(row[name])
            for name in FIGURES
            if name.endswith("accuracy")
        ):
            return f"the figures of its epoch {row['epoch']} are not valid"
        if not _are_metrics(row["metrics"]):
            return f"the metrics of its epoch {row['epoch']} cannot be read"
        if not diverged and None in [row[name] for name in _needed(row)]:
            return f"its epoch {row['epoch']} lacks figures"
        losses = row["losses"]
        if not isinstance(losses, bytes) or not losses or len(losses) % 4:
            return f"the losses of its epoch {row['epoch']} cannot be read"
        if not _is_number(row["seconds"]) or not isinstance(row["environment"], int):
            return f"the time of its epoch {row['epoch']} is not valid"
    if epochs:
        last = epochs[-1]
        diverged = last["loss"] is None
        if diverged != (run["status"] == "diverged") and run["status"] != "failed":
            return "its status does not match its last epoch"
        best = last if diverged else max(epochs, key=_rank)
        names = ("val_accuracy", "test_accuracy", "metrics")
        if any(run[name] != best[name] for name in names):
            return "its accuracy does not match its best epoch"
    return None


def _rank(row: sqlite3.Row) -> float:
    """Return the validation accuracy of an epoch; without one, minus its RMSE."""
    if row["val_accuracy"] is not None:
        return float(row["val_accuracy"])
    return -float(json.loads(row["metrics"]).get(RMSE.figure()) or 0.0)


def _needed(row: sqlite3.Row) -> tuple[str, ...]:
    """Return the columns that an epoch has if it did not diverge.

    Without any accuracy, it is that of a regression.
    """
    losses, accuracies = ("loss", "val_loss"), ("accuracy", "val_accuracy")
    regression = all(row[name] is None for name in (*accuracies, "test_accuracy"))
    return losses if regression else (*losses, *accuracies)


def _are_metrics(text: Any) -> bool:
    """True for a JSON object of finite numbers, or of null, by the names of figures."""
    metrics = _json(text, dict)
    return metrics is not None and all(
        _FIGURE.fullmatch(name) and (value is None or fits(value, float))
        for name, value in metrics.items()
    )


def key_fits(row: sqlite3.Row) -> bool | None:
    """True if the key of a run was derived from its configuration; None if unknown.

    It is unknown if the dataset may have changed since, or if a function is custom.
    """
    config = RunConfig.restored(json.loads(row["config"]))
    if config.dataset != BUNDLED or any(
        registry.is_custom(name) or name not in registry.names
        for registry, name in named_objects(config)
    ):
        return None
    try:
        fingerprint = dataset_of(config).fingerprint
    except KmlpError:  # an earlier version allowed other fractions
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
    """Return the rows of a run's epochs with the losses of their steps, in order.

    Args:
        connection: The connection to the database.
        run: The `id` of the run's row.
        first: The first epoch to return. Defaults to None: all rows, whatever their
            numbers.
    """
    return connection.execute(
        "SELECT epochs.*, losses FROM epochs LEFT JOIN step_losses USING (run, epoch) "
        "WHERE run = ? AND (? IS NULL OR epoch >= ?) ORDER BY epoch",
        (run, first, first),
    ).fetchall()


def _json(text: Any, shape: Any) -> Any:
    """Parse a cell as JSON; None if the value does not have the shape."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if fits(value, shape) else None


def fits(value: Any, shape: Any) -> bool:
    """True if a value that was read from JSON has the given shape.

    Args:
        value: The value.
        shape: The shape. A type stands for itself. `[shape]` is a list of any length.
            `[shape, shape, ...]` is a list with one element of each shape, in order. A
            dict is an object with at least these keys. `{str: str}` is an object of texts
            with any keys.

    >>> fits({"a": [1, 2], "b": None}, {"a": [int]}), fits([1, "2"], [int])
    (True, False)
    """
    if shape == _TEXTS:
        return isinstance(value, dict) and fits(list(value.values()), [str])
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            key in value and fits(value[key], inner) for key, inner in shape.items()
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


def _is_text_of(param: str, text: Any) -> bool:
    """True for the text of a value of a parameter.

    The text may name a function that does not exist in this process.
    """
    if not isinstance(text, str):
        return False
    field = all_fields()[param]
    try:
        field.parse(text)
    except KmlpError:
        return field.could_be(text)
    return True


def _is_number_of_seeds(text: Any) -> bool:
    """True for the text of a study that chooses its number of seeds, such as `auto:20`."""
    form = re.fullmatch(r"auto:([0-9]{1,3})", text) if isinstance(text, str) else None
    if form is None:
        return False
    try:
        looks(int(form[1]))
    except ValueError:
        return False
    return True


def _is_config(values: Mapping[str, Any]) -> bool:
    try:
        return all(
            _is_value(name, tuple(value) if isinstance(value, list) else value)
            for name, value in values.items()
        )
    except TypeError:  # an object, or a list of lists, cannot be hashed
        return False


@lru_cache(maxsize=10_000, typed=True)
def _is_value(name: str, value: Any) -> bool:
    """True if a field of a configuration can have the value.

    The value may name a function that does not exist in this process.
    """
    field = config_fields().get(name)
    return field is not None and field.could_be(value)


def is_key(value: Any) -> bool:
    """True if a cell is a valid key of a run, from which file names are derived."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_fraction(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_time(value: Any) -> bool:
    return _is_number(value) and abs(value) < _LAST_SECOND
