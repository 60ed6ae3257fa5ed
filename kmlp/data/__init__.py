"""Datasets: examples in fixed splits, with a fingerprint. Images, or rows of a table."""

from kmlp.data._dataset import Dataset
from kmlp.data._examples import Examples
from kmlp.data._facts import Facts, facts_of, noun_of
from kmlp.data._importing import import_dataset, remove_dataset
from kmlp.data._load import load_dataset
from kmlp.data._missing import filled
from kmlp.data._rows import Rows, read_rows
from kmlp.data._schema import Column, Schema, Task
from kmlp.data._split import Split
from kmlp.data.sources.lookup import check_dataset, is_at_hand, load_examples

__all__ = [
    "Column",
    "Dataset",
    "Examples",
    "Facts",
    "Rows",
    "Schema",
    "Split",
    "Task",
    "check_dataset",
    "facts_of",
    "filled",
    "import_dataset",
    "is_at_hand",
    "load_dataset",
    "load_examples",
    "noun_of",
    "read_rows",
    "remove_dataset",
]
