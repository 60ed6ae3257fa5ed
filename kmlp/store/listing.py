"""Lists of runs, without their epochs: 10,000 runs take a moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from kmlp.errors import ConfigError, call_all, raise_problems, shown, unknown_name
from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.store._store import Store
from kmlp.store._study_record import iso_time
from kmlp.store.studies import keys_of_study
from kmlp.training.run import Status


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RunSummary:
    """A run in a list of runs."""

    key: str
    config: RunConfig
    backend: str
    fused: bool
    settings: dict[str, str]
    """The settings that differ from their defaults: see `kmlp.settings`."""
    parameters: int
    epochs: int
    status: Status
    failure: str | None
    val_accuracy: float | None
    """Validation accuracy at the best epoch; None if the run diverged or has no epoch."""
    test_accuracy: float | None
    """Test accuracy at the same epoch."""
    metrics: dict[str, float | None]
    """The other metrics at that epoch, such as `val_rmse` of a regression; it is the epoch
    with the lowest validation RMSE then. None if the run diverged."""
    seconds: float
    updated: float
    """Unix time of the last training."""

    def __repr__(self) -> str:
        """The configuration and its outcome."""
        return (
            f"RunSummary({self.config!r}, backend={self.backend!r}, epochs={self.epochs}, "
            f"status={self.status!r}, val_accuracy={self.val_accuracy!r}, "
            f"test_accuracy={self.test_accuracy!r})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as values that JSON can hold."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"config": self.config.to_dict(), "updated": iso_time(self.updated)}


def parse_filters(texts: Iterable[str], *, status: str | None = None) -> dict[str, Any]:
    """Parse filters of the form `field=value`: a field of `RunConfig`, or `backend`.

    Args:
        texts: The filters.
        status: The status that runs must have. Defaults to None: any.

    Returns:
        Values by field, as `list_runs` takes them.

    Raises:
        ConfigError: with all problems at once.

    Example:
    >>> parse_filters(["width=32", "backend=jax"], status="failed")
    {'status': 'failed', 'width': 32, 'backend': 'jax'}
    """
    filters: dict[str, Any] = {}
    if status is not None:
        if status not in get_args(Status):
            raise ConfigError([unknown_name("status", status, get_args(Status))])
        filters["status"] = status

    def parse(text: str) -> None:
        name, equals, value = text.partition("=")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ConfigError([f"{shown(text)} is not a text in UTF-8."]) from None
        names = [*config_fields(), "backend"]
        if not equals:
            raise ConfigError([f'"{text}" is not of the form FIELD=VALUE, as width=32 is.'])
        if name not in names:
            raise ConfigError([unknown_name("field", name, names)])
        if name in filters:
            raise_problems([f"The field `{name}` is given twice."])
        field = config_fields().get(name)
        filters[name] = value if field is None or field.type is str else field.parse(value)
        if isinstance(filters[name], tuple) and len(set(filters[name])) == 1:
            layers, one = len(filters[name]), filters[name][0]
            raise ConfigError(
                [
                    f'"{text}" fits no run: equal widths are stored as one number. '
                    f"Give {name}={one} and depth={layers}."
                ]
            )

    call_all(partial(parse, text) for text in texts)
    return filters


def check_filters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters with each value in the type of its field.

    Raises:
        ConfigError: if a name is neither a field of `RunConfig`, nor `backend` or
            `status`, or if a field cannot have the value.

    Example:
    >>> check_filters({"width": [300, 100], "backend": "jax"})
    {'width': (300, 100), 'backend': 'jax'}
    """
    fields, others = config_fields(), ("status", "backend")
    raise_problems(
        unknown_name("field", name, [*fields, *others])
        for name in filters
        if name not in fields and name not in others
    )
    status = filters.get("status", "finished")
    if status not in get_args(Status):
        raise ConfigError([unknown_name("status", str(status), get_args(Status))])

    def convert(name: str, value: Any) -> Any:
        field = fields.get(name)  # a text may name a missing function
        return value if field is None or field.type is str else field.convert(value)

    values = call_all(partial(convert, name, value) for name, value in filters.items())
    return dict(zip(filters, values, strict=True))


def list_runs(
    store: Store, filters: Mapping[str, Any], *, study: str | None = None
) -> list[RunSummary]:
    """Return the runs that match all filters. The run that was trained last comes first.

    Damaged runs are left out: their errors are added to `store.damaged`.

    Args:
        store: The store.
        filters: Values by field, as `parse_filters` returns them.
        study: The name of the study that the runs must belong to. Defaults to None: any.

    Raises:
        StoreError: if the store has no study of that name.
    """
    keys = None if study is None else keys_of_study(store, study)
    with store.reading():
        rows = [
            row
            for row in store.rows()
            if not row["fresh"] and (keys is None or row["key"] in keys)
        ]
    matching = [
        run
        for run in map(_summary, rows)
        if all(_value_of(run, name) == value for name, value in filters.items())
    ]
    order = {row["key"]: (row["updated"], row["id"]) for row in rows}
    return sorted(matching, key=lambda run: order[run.key], reverse=True)


def _summary(row: sqlite3.Row) -> RunSummary:
    names = (
        "key", "backend", "parameters", "epochs", "status", "failure", "val_accuracy",
        "test_accuracy", "seconds", "updated",
    )  # fmt: skip
    return RunSummary(
        config=RunConfig.restored(json.loads(row["config"])),
        fused=bool(row["fused"]),
        settings=json.loads(row["settings"]),
        metrics=json.loads(row["metrics"]),
        **{name: row[name] for name in names},
    )


def _value_of(run: RunSummary, name: str) -> Any:
    """Return the value of a run for the field of a filter."""
    return getattr(run if name in ("status", "backend") else run.config, name)
