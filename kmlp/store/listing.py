"""Lists of runs, without their epochs: 10,000 of them in a moment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from kmlp.config import RunConfig, config_fields
from kmlp.errors import ConfigError, gather, raise_problems, unknown_name
from kmlp.run import Status
from kmlp.store.runs import Store
from kmlp.store.studies import get_study, iso_time


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """A line on a run."""

    key: str
    config: RunConfig
    backend: str
    fused: bool
    settings: dict[str, str]
    """See `kmlp.settings`: those that were not as they are by default."""
    parameters: int
    epochs: int
    status: Status
    failure: str | None
    val_accuracy: float | None
    """After the last epoch; None if it diverged or has none."""
    test_accuracy: float | None
    seconds: float
    updated: float
    """When it was trained last, in seconds since 1970."""

    def to_dict(self) -> dict[str, Any]:
        """The line as plain values, which JSON can hold."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"config": self.config.to_dict(), "updated": iso_time(self.updated)}


def parse_filters(texts: Iterable[str], *, status: str | None = None) -> dict[str, Any]:
    """Filters given as `field=value`: a field of `RunConfig`, or `backend`.

    Raises:
        ConfigError: with every problem at once.

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
                    f'"{text}" fits no run: layers of equal width are kept as one number. '
                    f"Give {name}={one} and depth={layers}."
                ]
            )

    gather(partial(parse, text) for text in texts)
    return filters


def list_runs(
    store: Store,
    filters: Mapping[str, Any],
    *,
    study: str | None = None,
    limit: int | None = None,
) -> list[RunSummary]:
    """The runs that fit, the one that was trained last first.

    Args:
        store: Where they are.
        filters: What `parse_filters` gives.
        study: The name of a study that they are to belong to. Defaults to None: any.
        limit: How many at the most. Defaults to None: all.

    Raises:
        StoreError: if there is no such study.
    """
    where, values = _where(store, filters, study)
    with store.reading():
        rows = store.connection.execute(
            "SELECT runs.*, json_extract(facts, '$.settings') AS settings FROM runs "
            "JOIN environments ON environments.id = runs.environment "
            f"WHERE {where} ORDER BY updated DESC, runs.id DESC LIMIT ?",
            (*values, -1 if limit is None else limit),
        ).fetchall()
    names = (
        "key", "backend", "parameters", "epochs", "status", "failure", "val_accuracy",
        "test_accuracy", "seconds", "updated",
    )  # fmt: skip
    return [
        RunSummary(
            config=RunConfig.restored(json.loads(row["config"])),
            fused=bool(row["fused"]),
            settings=json.loads(row["settings"] or "{}"),
            **{name: row[name] for name in names},
        )
        for row in rows
    ]


def count_runs(store: Store, filters: Mapping[str, Any], *, study: str | None) -> int:
    """How many runs fit; takes what `list_runs` does."""
    where, values = _where(store, filters, study)
    query = f"SELECT count(*) FROM runs WHERE {where}"
    with store.reading():
        return int(store.connection.execute(query, values).fetchone()[0])


def _as_in_sqlite(value: Any) -> Any:
    """A value as SQLite reads it from JSON: whole numbers beyond 64 bits as floats."""
    large = isinstance(value, int) and abs(value) >= 2**63
    return float(value) if large else value


def _where(
    store: Store, filters: Mapping[str, Any], study: str | None
) -> tuple[str, list[Any]]:
    """A condition on runs, and its values."""
    conditions = ["fresh = 0"]
    values = [  # of an array, json_extract gives the JSON without spaces
        json.dumps(value, separators=(",", ":")) if isinstance(value, tuple) else value
        for value in map(_as_in_sqlite, filters.values())
    ]
    for name in filters:
        column = name in ("status", "backend")
        conditions.append(
            f"{name} = ?" if column else f"json_extract(config, '$.{name}') IS ?"
        )
    if study is not None:
        get_study(store, study)
        conditions.append(
            "key IN (SELECT key FROM study_runs JOIN studies ON studies.id = study "
            "WHERE name = ?)"
        )
        values.append(study)
    return " AND ".join(conditions), values
