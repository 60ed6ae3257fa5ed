"""Datasets reach worker processes whole, and files of the cache stay mapped."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up_data import images

from kmlp import DataError, load_dataset
from kmlp.data import cache
from kmlp.data._load import forget_datasets
from kmlp.data._split import Split
from kmlp.executors._datasets import (
    DATASETS_KEPT,
    DatasetCache,
    dataset_key,
    pack_dataset,
    unpack_dataset,
)

pytestmark = pytest.mark.once


@pytest.fixture
def cached(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    forget_datasets()
    with cache.locked("kmnist"), cache.atomic_folder("kmnist") as aside:
        cache.write(aside, "kmnist", images())
    yield "kmnist"
    forget_datasets()


@pytest.mark.parametrize("fraction", [1 / 6, None])
def test_a_dataset_arrives_as_it_was(cached, fraction):
    sent = load_dataset(cached, validation_fraction=fraction)
    received = unpack_dataset(pack_dataset(sent))
    assert dataset_key(received) == dataset_key(sent)
    assert received.class_names == sent.class_names
    assert received.validates_on_test == sent.validates_on_test == (fraction is None)
    for name in ("train", "validation", "test"):
        ours, theirs = getattr(sent, name), getattr(received, name)
        np.testing.assert_array_equal(theirs.x, ours.x)
        np.testing.assert_array_equal(theirs.y, ours.y)
        assert (theirs.x.dtype, theirs.y.dtype) == (ours.x.dtype, ours.y.dtype)
        assert not theirs.x.flags.writeable and not theirs.y.flags.writeable


def test_mapped_arrays_are_mapped_in_the_other_process(cached):
    sent = load_dataset(cached)
    packed = pack_dataset(sent)
    assert sent.test.x.tobytes() not in packed
    received = unpack_dataset(packed)
    assert isinstance(received.test.x, np.memmap)


def test_a_file_that_was_replaced_since_is_refused(cached):
    packed = pack_dataset(load_dataset(cached))
    with cache.locked(cached), cache.atomic_folder(cached) as aside:
        cache.write(aside, cached, images(seed=1))
    with pytest.raises(DataError, match="replaced"):
        unpack_dataset(packed)


def test_a_part_of_a_mapped_array_is_sent_as_values(cached):
    sent = load_dataset(cached)
    part = replace(sent, test=Split(x=sent.test.x[2:], y=sent.test.y[2:]))
    received = unpack_dataset(pack_dataset(part))
    np.testing.assert_array_equal(received.test.x, sent.test.x[2:])


def test_datasets_with_other_splits_have_other_keys(cached):
    keys = {
        dataset_key(load_dataset(cached, validation_fraction=fraction))
        for fraction in (1 / 6, 1 / 3, None)
    }
    assert len(keys) == 3


def test_the_last_of_many_datasets_are_kept():
    datasets = DatasetCache()
    for number in range(DATASETS_KEPT + 2):
        datasets.put(("made up", str(number), 1, 1), number)
    assert [*datasets.values()] == [*range(2, DATASETS_KEPT + 2)]
