"""Datasets as uint8 arrays, in fixed splits, with a fingerprint."""

from kmlp.data.dataset import Dataset, Split
from kmlp.data.load import load_dataset

__all__ = ["Dataset", "Split", "load_dataset"]
