"""`Conclusion`: what follows from a study, as data and as plain sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kmlp.statistics import Difference

Subject = TypeVar("Subject")


class Conclusion(ABC):
    """The conclusion that the evidence of a study allows.

    Each class of conclusions has its evidence as fields, and alone says it in words.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def text(self) -> str:
        """The conclusion in a sentence or two."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The evidence as plain values, which JSON can hold: levels by their values."""

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Partition(Generic[Subject]):
    """What was compared with a reference, by what the seeds show of each."""

    better: tuple[Subject, ...]
    worse: tuple[Subject, ...]
    undecided: tuple[Subject, ...]
    """Those that the seeds do not separate from the reference."""


def partition(differences: Mapping[Subject, Difference]) -> Partition[Subject]:
    """Part what was compared: it is better or worse only where a difference is
    significant.
    """
    shown = {subject: it for subject, it in differences.items() if it.significant}
    return Partition(
        better=tuple(subject for subject, it in shown.items() if it.mean > 0),
        worse=tuple(subject for subject, it in shown.items() if it.mean < 0),
        undecided=tuple(subject for subject in differences if subject not in shown),
    )
