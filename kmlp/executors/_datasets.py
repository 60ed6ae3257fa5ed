"""Datasets on their way to worker processes of this machine."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any

from numpy.typing import NDArray

from kmlp.data import Dataset, Split
from kmlp.data.mapped import MappedFile, file_of

DatasetKey = tuple[str, str, int, int]

DATASETS_KEPT = 4
"""The number of datasets that a worker keeps. Older ones are sent again when needed."""


def dataset_key(dataset: Dataset) -> DatasetKey:
    """Return a key that is different for datasets with different images or splits."""
    validation = 0 if dataset.validates_on_test else len(dataset.validation)
    return dataset.name, dataset.fingerprint, len(dataset.train), validation


def pack_dataset(dataset: Dataset) -> bytes:
    """Pack a dataset for another process of this machine.

    Of an array that is a mapped file, only the path and the position are packed.
    """
    splits = [dataset.train, dataset.test]
    if not dataset.validates_on_test:
        splits.append(dataset.validation)
    return pickle.dumps(
        (
            dataset.name,
            dataset.class_names,
            dataset.fingerprint,
            dataset.schema,
            [(_packed(split.x), _packed(split.y)) for split in splits],
        ),
        protocol=pickle.HIGHEST_PROTOCOL,
    )


def unpack_dataset(packed: bytes) -> Dataset:
    """Return the dataset that `pack_dataset` packed, with read-only arrays.

    Raises:
        DataError: if a mapped file was replaced since then.
    """
    name, class_names, fingerprint, schema, arrays = pickle.loads(packed)
    train, test, *validation = [Split(x=_opened(x), y=_opened(y)) for x, y in arrays]
    return Dataset(
        name=name,
        train=train,
        validation=validation[0] if validation else test,
        test=test,
        class_names=class_names,
        fingerprint=fingerprint,
        schema=schema,
    )


class DatasetCache(OrderedDict[DatasetKey, Any]):
    """A dictionary of the last `DATASETS_KEPT` entries.

    A worker process and the process that sends datasets to it have one cache each. They add
    the same keys in the same order, so that the sender knows which datasets the worker has.
    """

    def put(self, key: DatasetKey, value: Any) -> None:
        """Add an entry, and remove the oldest one if there are too many."""
        self[key] = value
        if len(self) > DATASETS_KEPT:
            self.popitem(last=False)


def _packed(array: NDArray[Any]) -> NDArray[Any] | MappedFile:
    return file_of(array) or array


def _opened(array: NDArray[Any] | MappedFile) -> NDArray[Any]:
    if isinstance(array, MappedFile):
        return array.open()
    array.setflags(write=False)
    return array
