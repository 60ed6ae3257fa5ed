"""A model of a table is used with its columns, from a file or from Python."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up_data import table_examples

from kmlp import ConfigError, RunConfig, evaluate
from kmlp.data._dataset import make_dataset
from kmlp.inference.tables import load_table_model, table_model, table_of_examples
from kmlp.model.build import build_for
from kmlp.model.input_table import table_of_file, table_of_model
from kmlp.model.run_data import split_for

pytestmark = pytest.mark.once

EXAMPLES = table_examples()
DATASET = make_dataset("made_up", EXAMPLES, validation_fraction=0.25)
CONFIG = RunConfig(dataset="wine", width=4, depth=1)


def test_a_live_model_fills_in_missing_values_as_its_file_does(tmp_path):
    model, split = build_for(CONFIG, DATASET), split_for(CONFIG, DATASET)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = load_table_model(path, table_of_file(path))
    raw, complete = DATASET.test, split.test
    assert np.isnan(raw.x).any()
    np.testing.assert_array_equal(loaded.rows_of(DATASET, raw).x, complete.x)
    live = evaluate(model, raw.x, raw.y, class_names=DATASET.class_names)
    assert (live.noun, live.size) == ("rows", len(raw))
    assert live.confusion == loaded.evaluate(complete.x, complete.y).confusion


def test_other_columns_or_classes_are_refused():
    model = build_for(CONFIG, DATASET)
    table = table_of_model(model)
    usable = table_model(model, table, "model.keras")
    columns = DATASET.schema.columns
    other = replace(DATASET.schema, columns=(replace(columns[0], name="z"), *columns[1:]))
    for changed in (
        replace(DATASET, schema=other),
        replace(DATASET, class_names=("a", "b")),
    ):
        with pytest.raises(ConfigError, match=r"columns a, b.*\(no, yes\).*made_up"):
            usable.rows_of(changed, changed.test)
    short = replace(table, schema=replace(table.schema, columns=columns[:1]))
    with pytest.raises(ConfigError, match=r"model\.keras takes .* 1 features"):
        table_model(model, short, "model.keras")


def test_the_table_of_a_dataset_fills_in_nothing():
    table = table_of_examples(EXAMPLES)
    assert (table.fill_values, table.schema.missing) == (None, None)
    assert table.schema.features == DATASET.schema.features
