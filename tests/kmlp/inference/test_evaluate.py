"""`kmlp.evaluate` takes classifiers and regressions, of images and of tables."""

import keras
import numpy as np
import pytest
from helpers.made_up_data import table_examples

from kmlp import ConfigError, RegressionEvaluation, RunConfig, evaluate
from kmlp.data._dataset import make_dataset
from kmlp.model.build import build_for
from kmlp.model.run_data import split_for

pytestmark = pytest.mark.once


def of_table(task, dataset):
    made = make_dataset("made_up", table_examples(task=task), validation_fraction=0.25)
    config = RunConfig(dataset=dataset, width=4, depth=1)
    return build_for(config, made), made, split_for(config, made).test


def one_output(activation):
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation)])


def test_a_regression_fills_in_missing_values_and_knows_its_target():
    model, made, complete = of_table("regression", "diabetes")
    raw = made.test
    assert np.isnan(raw.x).any()
    evaluation = evaluate(model, raw.x, raw.y)
    expected = model.predict(complete.x, verbose=0)[:, 0]
    np.testing.assert_allclose(evaluation.predicted, expected, rtol=1e-5)
    assert (evaluation.target, evaluation.unit) == ("t", made.schema.unit)
    assert "RMSE" in repr(evaluation) and made.schema.unit in repr(evaluation)
    other = evaluate(model, raw.x, raw.y, target="price", unit="")
    assert (other.target, other.unit) == ("price", "")


def test_a_classifier_of_a_table_knows_its_classes():
    model, made, _ = of_table("classification", "wine")
    x, y = made.test.x, made.test.y
    assert evaluate(model, x, y).class_names == made.class_names
    assert evaluate(model, x, y, class_names=["p", "q"]).class_names == ("p", "q")
    with pytest.raises(ConfigError) as refusal:
        evaluate(model, x, y, target="price", unit="EUR")
    assert len(refusal.value.problems) == 2


def test_a_model_of_one_number_is_a_regression_unless_it_is_a_probability():
    x, y = np.zeros((3, 6), "float32"), np.array([0, 1, 1])
    evaluation = evaluate(one_output("linear"), x, y)
    assert isinstance(evaluation, RegressionEvaluation)
    assert (evaluation.target, evaluation.unit) == ("target", "")
    for model, options in (
        (one_output("sigmoid"), {}),
        (one_output("linear"), {"class_names": ["no", "yes"]}),
    ):
        with pytest.raises(ConfigError, match="each of at least two classes"):
            evaluate(model, x, y, **options)
