"""The choices that were made before a study was shown, and that later commands keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from kmlp.errors import StoreError
from kmlp.model.metrics import ACCURACY
from kmlp.store import Store, StudyRecord
from kmlp.store.studies import get_study
from kmlp.studies.judging import stored_at
from kmlp.training.run import At


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """The choices that were made before a study was shown. None: unknown."""

    baseline: str | None = None
    """The text of the value that the others are compared with. None: the best."""
    margin: float | None = None
    """The difference up to which two levels count as the same."""
    at: At | None = None
    """The epoch at which each run is judged."""
    metric: str | None = None
    """The name of the metric by which the runs are compared."""
    values: tuple[str, ...] | None = None
    """The texts of the values."""
    seeds: tuple[int, ...] | None = None
    """The seeds. None, too, if the study chooses their number."""

    @classmethod
    def restored(cls, progress: Mapping[str, Any]) -> Self:
        """Return the choices that `StudyRecord.progress` has."""
        values, seeds = progress.get("values"), progress.get("seeds")
        return cls(
            baseline=progress.get("baseline"),
            margin=progress.get("margin"),
            at=stored_at(progress) if "at" in progress else None,
            # Studies without the entry are of versions with this metric only.
            metric=progress.get("metric", ACCURACY.name) if "at" in progress else None,
            values=None if values is None else tuple(values),
            seeds=None if seeds is None else tuple(seeds),
        )

    def changes_of_values(self, values: Sequence[str]) -> tuple[bool, bool]:
        """Return if values were added, and if values were left out.

        Values that have none in common with the planned ones are another question.

        Args:
            values: The texts of the values that are asked for now.
        """
        planned, now = set(self.values or ()), set(values)
        if not planned & now:
            return False, False
        return bool(now - planned), bool(planned - now)


def as_planned(store: Store, record: StudyRecord, names: Sequence[str]) -> StudyRecord:
    """Return a record with the choices that were made before the study was shown.

    What is chosen later may be chosen by the results. The numbers of seeds of earlier looks
    are kept, too.

    Args:
        store: The store, which may have the study.
        record: The study as it is asked for now.
        names: The entries of `StudyRecord.progress` that are such choices.
    """
    try:
        stored = get_study(store, record.name)
    except StoreError:
        return replace(record, progress={**record.progress, "looks": []})
    kept: dict[str, Any] = {}
    if stored.looks:
        known = {"baseline": None, **stored.progress}
        kept = {name: known[name] for name in names if name in known}
    looks = {"looks": stored.looks}
    return replace(record, progress={**record.progress, **kept, **looks})
