"""The images of a run follow from its configuration."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from kmlp import RunConfig, load_dataset
from kmlp.model.build import build_for
from kmlp.model.run_data import dataset_of, split_for, training_size

pytestmark = pytest.mark.once


def test_the_images_of_a_run_are_those_of_its_seed_and_size():
    dataset = load_dataset("mnist")
    config = RunConfig(train_size=500)
    fixed, drawn, larger, other = (
        split_for(replace(config, **change), dataset)
        for change in (
            {},
            {"resplit": True},
            {"resplit": True, "train_size": 700},
            {"resplit": True, "seed": 1},
        )
    )
    assert split_for(replace(config, seed=1), dataset).train.x.base is fixed.train.x.base
    assert len({split.train.x.tobytes() for split in (fixed, drawn, other)}) == 3
    assert len({split.validation.x.tobytes() for split in (fixed, drawn, other)}) == 3
    np.testing.assert_array_equal(larger.train.x[:500], drawn.train.x)
    np.testing.assert_array_equal(larger.validation.x, drawn.validation.x)
    assert [len(split.train) for split in (fixed, drawn, other)] == [500] * 3


@pytest.mark.parametrize("size", [None, 20])
def test_the_seeds_of_a_run_with_folds_take_turns_at_the_folds(size):
    config = RunConfig(dataset="iris", folds=4, train_size=size)
    whole = dataset_of(config)
    splits = [split_for(replace(config, seed=seed), whole) for seed in range(8)]
    sizes = [training_size(replace(config, seed=seed)) for seed in range(8)]
    assert [len(split.train) for split in splits] == sizes
    assert not any(split.validates_on_test for split in splits)
    for division in (splits[:4], splits[4:]):
        held_out = np.concatenate([split.validation.x for split in division])
        np.testing.assert_array_equal(*map(_sorted_rows, (held_out, whole.train.x)))
    assert splits[0].validation.x.tobytes() != splits[4].validation.x.tobytes()


def _sorted_rows(array):
    return array[np.lexsort(array.T)]


@pytest.mark.trains
@pytest.mark.parametrize("fields", [{}, {"train_size": 300}, {"resplit": True}])
def test_the_standard_scaling_has_the_numbers_of_the_training_images_of_the_run(fields):
    config, mnist = RunConfig(scaling="standard", depth=0, **fields), load_dataset("mnist")
    images = split_for(config, mnist).train.x
    scaled = keras.ops.convert_to_numpy(build_for(config, mnist).layers[0](images))
    assert abs(scaled.mean(dtype="float64")) < 1e-6
    assert abs(scaled.std(dtype="float64") - 1) < 1e-6
