"""Datasets as uint8 arrays, in fixed splits, with a fingerprint."""

from kmlp.data.dataset import Dataset, Split
from kmlp.data.load import check_dataset, load_dataset

__all__ = ["Dataset", "Split", "check_dataset", "load_dataset"]
