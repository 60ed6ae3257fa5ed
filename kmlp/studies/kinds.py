"""The registry of the kinds of studies.

A kind is registered by an entry point of the group `kmlp.studies`, or by `register_kind`.
The registry gives this package access to charts and reports, which it does not import.
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
    """A kind of study: the functions that load, list, show, draw and write its studies.

    The class of a study does not refer to tables, charts and reports; only its kind does.
    """

    name: str
    """The name of the kind, which the store keeps."""
    spec: Mapping[str, Any]
    """The parts that a stored study must have, by the fields of `StudyRecord`; see
    `kmlp.store.validity.fits`."""
    load: Callable[[Store, StudyRecord], Any]
    """Loads a study from a store. Raises `StoreError` if the study has no run yet."""
    summarize: Callable[[StudyRecord], str]
    """Returns the subject of a study, such as its values and seeds, in one line."""
    tables: Callable[[Any, bool], tuple[Table, ...]]
    """Makes the tables of a study. The second argument is `brief`: see `Study.tables`."""
    to_dict: Callable[[Any], dict[str, Any]]
    """Returns a study as plain values that JSON can hold."""
    discuss: Callable[[Any], Discussion]
    """Writes the text of a report on a study."""
    charts: tuple[str, ...]
    """The names of its charts, the default first."""
    draw: Callable[[Any, str], altair.TopLevelMixin]
    """Draws a chart of a study. Raises `ConfigError` if the study lacks the data for it."""
    report: Callable[[Any, Path, str | None], object]
    """Writes a study as a page with a title. None: the title is the study's question."""
    export: Callable[[Any, Path], object]
    """Writes the rows of a study to a file."""


def register_kind(kind: StudyKind) -> None:
    """Register a kind of study. It replaces a kind of the same name."""
    _kinds()[kind.name] = kind


def all_kinds() -> tuple[StudyKind, ...]:
    """Return every registered kind, sorted by name."""
    return tuple(kind for _, kind in sorted(_kinds().items()))


def kind_named(name: str) -> StudyKind:
    """Return the kind with a name.

    Raises:
        StoreError: if no installed package provides this kind.
    """
    if name not in _kinds():
        raise StoreError(
            f"{unknown_name('kind of study', name, _kinds())} Install the package that "
            "provides it; if it is kmlp's own, install kmlp again."
        )
    return _kinds()[name]


def kind_of(study: Any) -> StudyKind:
    """Return the kind of a study."""
    return kind_named(study.kind)


def spec_problem(record: StudyRecord) -> str | None:
    """Return the reason why a stored study is not valid for its kind.

    Returns:
        The reason; None if the study is valid, or if its kind is not installed.
    """
    from kmlp.store.validity import fits

    kind = _kinds().get(record.kind)
    if kind is None:
        return None
    parts = {name: getattr(record, name) for name in kind.spec}
    return None if fits(parts, kind.spec) else "its specification cannot be read"


def summarize(record: StudyRecord) -> str:
    """Return the subject of a stored study, such as its values and seeds, in one line."""
    kind = _kinds().get(record.kind)
    if kind is None:
        return f"a study of the kind {record.kind}, which is not installed"
    patience = "" if record.patience is None else f", patience {record.patience}"
    return f"{kind.summarize(record)}{patience}"


@cache
def _kinds() -> dict[str, StudyKind]:
    kinds = [entry.load() for entry in entry_points(group=GROUP)]
    return {kind.name: kind for kind in kinds}
