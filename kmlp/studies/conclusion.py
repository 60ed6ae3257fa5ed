"""`Conclusion`: the conclusion of a study, as data and as plain sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kmlp.statistics import Difference

Subject = TypeVar("Subject")


class Conclusion(ABC):
    """The conclusion that the evidence of a study allows.

    Each class of conclusions holds its evidence as fields. No other code puts this evidence
    into words.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def text(self) -> str:
        """The conclusion in a sentence or two."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as plain values for JSON; a level is given by its value."""

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Partition(Generic[Subject]):
    """The subjects of a comparison with a reference, by verdict."""

    better: tuple[Subject, ...] = ()
    worse: tuple[Subject, ...] = ()
    same: tuple[Subject, ...] = ()
    """The subjects whose difference is shown to be below the margin."""
    undecided: tuple[Subject, ...] = ()
    """The subjects that the seeds do not separate from the reference."""


VERDICTS = ("better", "worse", "same", "undecided")
"""The verdicts on a pair, which are also the fields of a `Partition`."""


def partition(differences: Mapping[Subject, Difference]) -> Partition[Subject]:
    """Return the subjects of a comparison by the verdict on their difference.

    Args:
        differences: The difference of each subject from the reference.
    """
    parts: dict[str, list[Subject]] = {verdict: [] for verdict in VERDICTS}
    for subject, difference in differences.items():
        parts[difference.verdict].append(subject)
    return Partition(**{verdict: tuple(subjects) for verdict, subjects in parts.items()})
