"""The examples of a run follow from its configuration, and what is learnt from them is
learnt from those to train on alone."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers.made_up_data import table_examples

from kmlp import ConfigError, RunConfig, load_dataset
from kmlp.data._dataset import make_dataset
from kmlp.data._split import Split
from kmlp.model.build import build_for
from kmlp.model.input_table import table_of_model
from kmlp.model.run_data import dataset_of, split_for, training_size
from kmlp.training import Session
from kmlp.training.fused import CompiledModelCache

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


ROWS = make_dataset("made_up", table_examples(80), validation_fraction=0.25)


def changed(part, row):
    """The dataset with other numbers in a row, some of which were or become missing."""
    split = getattr(ROWS, part)
    x = split.x.copy()
    x[row] = [1e6, np.nan, 0, 0, 1, -1e6]
    return replace(ROWS, **{part: Split(x=x, y=split.y)})


@pytest.mark.trains
@pytest.mark.parametrize("scaling", ["standard", "unit"])
def test_a_row_that_is_not_trained_on_changes_no_weight(scaling):
    """To the bit, with missing values, and with all that the model has from the rows."""
    models = CompiledModelCache()

    def trained(dataset, **fields):
        config = RunConfig(
            dataset="wine", scaling=scaling, width=4, depth=1, batch_size=5, **fields
        )
        session = Session(config, dataset, compiled_models=models)
        session.train_epoch()
        weights = [weight.tobytes() for weight in session.checkpoint().weights]
        session.close()
        model = build_for(config, dataset)
        scaled = model.get_layer("normalization").get_config()
        return weights, scaled, table_of_model(model).to_dict()

    expected = trained(ROWS)
    assert trained(changed("validation", 3)) == expected
    assert trained(changed("test", 3)) == expected
    assert trained(changed("train", 3))[0] != expected[0]
    # Rows beyond `train_size`, and those that `resplit` takes for validation.
    assert trained(changed("train", 50), train_size=40) == trained(ROWS, train_size=40)
    validation = ROWS.resplit(0).validation.x[:, 1]
    held_out = np.isin(ROWS.train.x[:, 1], validation).argmax()
    own = {"resplit": True, "seed": 0}
    assert trained(changed("train", held_out), **own) == trained(ROWS, **own)


def test_missing_values_are_filled_in_from_the_training_rows_of_the_run():
    for fields in ({}, {"train_size": 20}, {"resplit": True, "seed": 3}):
        config = RunConfig(dataset="wine", **fields)
        split = split_for(config, ROWS)
        raw = (
            ROWS.resplit(3) if "seed" in fields else ROWS.with_train_size(config.train_size)
        )
        known = raw.train.x[: len(split.train), 0]
        filled = split.test.x[np.isnan(ROWS.test.x[:, 0]), 0]
        np.testing.assert_allclose(filled, np.nanmean(known, dtype="float64"), rtol=1e-6)
        for part in (split.train, split.validation, split.test):
            assert not np.isnan(part.x).any()


def test_a_column_without_a_value_in_the_training_rows_of_a_run_is_refused():
    x = ROWS.train.x.copy()
    x[:10, 1] = np.nan
    dataset = replace(ROWS, train=Split(x=x, y=ROWS.train.y))
    assert len(split_for(RunConfig(dataset="wine"), dataset).train) == 60
    with pytest.raises(ConfigError, match=r"'b' has no value .* 10 training rows"):
        split_for(RunConfig(dataset="wine", train_size=10), dataset)
