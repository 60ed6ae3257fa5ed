"""The facts about a dataset that are known without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kmlp.data import cache
from kmlp.data._built_in import built_in_of
from kmlp.data._schema import Task
from kmlp.data.known import SUGGESTED
from kmlp.errors import DataError

Kind = Literal["images", "table"]
"""The kind of a dataset: images, or a table with rows and columns."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a dataset on which defaults depend."""

    kind: Kind
    """The kind of the dataset: "images" or "table"."""
    task: Task
    """What is predicted: "classification" or "regression"."""

    @property
    def noun(self) -> str:
        """The word for the examples: "images", or "rows" of a table."""
        return "rows" if self.kind == "table" else "images"


IMAGES = Facts("images", "classification")


def facts_of(name: str) -> Facts:
    """Return the facts about a dataset, which is not loaded.

    A dataset that is not on this machine can only be one of TFDS: images with classes. The
    same is returned if there is no dataset of that name, or if its description is damaged,
    which `check_dataset` and `load_dataset` report.

    Args:
        name: The name of the dataset.

    Example:
    >>> facts_of("mnist")
    Facts(kind='images', task='classification')
    >>> facts_of("diabetes")
    Facts(kind='table', task='regression')
    """
    return _facts_at_hand(name) or IMAGES


def noun_of(name: str) -> str:
    """Return the word for the examples of a dataset, which is not loaded.

    Args:
        name: The name of the dataset.

    Returns:
        "images", or "rows" of a table. "examples" if the dataset is not on this machine, as
        after `kmlp data rm`, and not one that kmlp suggests: it can have been either.

    Example:
    >>> noun_of("mnist"), noun_of("wine"), noun_of("a_table_that_was_removed")
    ('images', 'rows', 'examples')
    """
    facts = _facts_at_hand(name)
    return facts.noun if facts else "examples"


def _facts_at_hand(name: str) -> Facts | None:
    if name in SUGGESTED:
        return IMAGES
    try:
        entry = cache.find(name)
    except DataError:
        return None
    if entry is not None:
        task: Task = "classification" if entry.class_names else "regression"
        return Facts("table" if entry.schema else "images", task)
    table = built_in_of(name)
    return Facts("table", table.task) if table else None
