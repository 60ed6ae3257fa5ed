"""The registry of the kinds of studies.

A kind is registered by an entry point of the group `kmlp.studies`, or by `register_kind`.
What it draws and writes stands above this package, which knows it only by the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmlp.errors import StoreError, unknown_name

if TYPE_CHECKING:
    import altair

    from kmlp.store import Store, StudyRecord
    from kmlp.studies.discussion import Discussion
    from kmlp.studies.table import Table

GROUP = "kmlp.studies"


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyKind:
    """A kind of study: how it is loaded, listed, shown, drawn and written.

    A study does not know its tables, charts and reports: its kind joins them.
    """

    name: str
    """The kind's name, which the store keeps."""
    spec: Mapping[str, Any]
    """What a stored study has at the least, by the fields of `StudyRecord`; see
    `kmlp.store.validity.fits`."""
    load: Callable[[Store, StudyRecord], Any]
    """Loads a study as far as a store has it; raises `StoreError` if it has no run yet."""
    summarize: Callable[[StudyRecord], str]
    """Says in a line what a study asks, for `kmlp studies`."""
    tables: Callable[[Any, bool], tuple[Table, ...]]
    """Makes the tables of a study; brief, if the second argument is true: see
    `Study.tables`."""
    to_dict: Callable[[Any], dict[str, Any]]
    """Returns a study as plain values, which JSON can hold."""
    discuss: Callable[[Any], Discussion]
    """Says what a report says of a study."""
    charts: tuple[str, ...]
    """The names of its charts, the default first."""
    draw: Callable[[Any, str], altair.TopLevelMixin]
    """Draws a chart of a study; raises `ConfigError` if the study lacks what it shows."""
    report: Callable[[Any, Path, str | None], object]
    """Writes a study as a page, with a title; None: the study's question."""
    export: Callable[[Any, Path], object]
    """Writes the rows of a study into a file."""


def register_kind(kind: StudyKind) -> None:
    """Register a kind of study, in the place of one of the same name."""
    _kinds()[kind.name] = kind


def all_kinds() -> tuple[StudyKind, ...]:
    """Every kind that is registered, by name."""
    return tuple(kind for _, kind in sorted(_kinds().items()))


def kind_named(name: str) -> StudyKind:
    """The kind of a name.

    Raises:
        StoreError: if no installed package provides it.
    """
    if name not in _kinds():
        raise StoreError(
            f"{unknown_name('kind of study', name, _kinds())} Install the package that "
            "provides it; if it is kmlp's own, install kmlp again."
        )
    return _kinds()[name]


def kind_of(study: Any) -> StudyKind:
    """The kind of a study."""
    return kind_named(study.kind)


def spec_problem(record: StudyRecord) -> str | None:
    """The reason why a stored study cannot be of its kind; None: it can.

    A kind that is not installed has none.
    """
    from kmlp.store.validity import fits

    kind = _kinds().get(record.kind)
    if kind is None:
        return None
    parts = {name: getattr(record, name) for name in kind.spec}
    return None if fits(parts, kind.spec) else "its specification cannot be read"


def summarize(record: StudyRecord) -> str:
    """What a study asks, in a line."""
    kind = _kinds().get(record.kind)
    return (
        f"a study of the kind {record.kind}, which is not installed"
        if kind is None
        else kind.summarize(record)
    )


@cache
def _kinds() -> dict[str, StudyKind]:
    kinds = [entry.load() for entry in entry_points(group=GROUP)]
    return {kind.name: kind for kind in kinds}
