"""Datasets: images as uint8 arrays in fixed splits, with a fingerprint."""

from kmlp.data._importing import import_dataset, remove_dataset
from kmlp.data._load import load_dataset
from kmlp.data.dataset import Dataset, Images, Split
from kmlp.data.sources.lookup import check_dataset, is_at_hand, load_images

__all__ = [
    "Dataset",
    "Images",
    "Split",
    "check_dataset",
    "import_dataset",
    "is_at_hand",
    "load_dataset",
    "load_images",
    "remove_dataset",
]
