"""The metric of a study is one that the runs on its datasets record and share."""

import pytest

from kmlp import ConfigError
from kmlp.model.metrics import ACCURACY, R2
from kmlp.studies.measure import metric_of

pytestmark = pytest.mark.once


def test_a_classification_is_compared_by_accuracy_and_a_regression_by_rmse():
    assert metric_of(["mnist"]) is ACCURACY
    assert metric_of(["iris", "moons"], "loss").name == "loss"
    assert metric_of(["iris", "mnist"], "macro_f1").name == "macro_f1"
    assert metric_of(["diabetes"]).name == "rmse"
    assert metric_of(["diabetes"], R2).name == "r2"


@pytest.mark.parametrize(
    ("datasets", "metric", "message"),
    [
        (["iris", "diabetes"], None, r"different tasks.*iris; regression: diabetes"),
        (["mnist"], "rmse", '"rmse"'),
        (["diabetes"], "accuracy", '"accuracy"'),
    ],
)
def test_a_metric_that_the_runs_do_not_share_is_refused(datasets, metric, message):
    with pytest.raises(ConfigError, match=message):
        metric_of(datasets, metric)


def test_errors_in_different_units_are_not_compared(monkeypatch):
    import kmlp.studies.measure as module

    targets = {"houses": ("price", "EUR"), "flats": ("price", "EUR"), "cars": ("power", "")}
    monkeypatch.setattr(module, "_target_of", targets.get)
    regression = module.facts_of("diabetes")
    monkeypatch.setattr(module, "facts_of", lambda name: regression)
    assert metric_of(["houses", "flats"]).unit == "EUR"
    with pytest.raises(ConfigError, match=r"rmse is in the unit.*houses and cars.*r2"):
        metric_of(["houses", "cars"])
    assert metric_of(["houses", "cars"], "r2").unit == ""
