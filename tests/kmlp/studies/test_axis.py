"""The axes whose values are read from the same runs: epochs and patience."""

from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation

from kmlp import ConfigError, RunConfig, ablate, load_study
from kmlp.studies.ablation_plan import plan
from kmlp.studies.axis import axis_of
from kmlp.studies.plans import plan_rows

pytestmark = pytest.mark.once

CURVE = [0.5, 0.8, 0.7, 0.75, 0.9, 0.6, 0.6]


def run_of(curve):
    """A run with these accuracies, whose test accuracies are lower by 0.1."""
    [level] = made_up_ablation({8: [curve]}).levels
    history = [
        replace(record, test_accuracy=record.val_accuracy - 0.1)
        for record in level.runs[0].history
    ]
    return replace(level.runs[0], history=tuple(history))


@pytest.mark.parametrize(
    ("patience", "epochs", "kept"), [(1, 3, 2), (2, 4, 2), (3, 7, 5), (9, 7, 5)]
)
def test_a_patience_keeps_the_best_epoch_before_it_would_have_stopped(
    patience, epochs, kept
):
    run = axis_of("patience").read(run_of(CURVE), patience)
    assert (run.epochs, run.outcome.epoch) == (epochs, kept)
    assert run.test_accuracy == pytest.approx(CURVE[kept - 1] - 0.1)


def test_runs_are_planned_once_for_all_values():
    levels = plan("epochs", [2, 10, 4], base=RunConfig(train_size=1000), seeds=3)
    assert [level.epochs for level in levels] == [2, 10, 4]
    assert len({config for level in levels for config in level.configs}) == 3
    rows = plan_rows("epochs", levels)
    assert [(row["runs"], row["epochs"]) for row in rows] == [(3, 6), (0, 24), (0, 0)]


@pytest.mark.parametrize(
    ("param", "values", "options", "problem"),
    [
        ("epochs", [2, 4], {"epochs": 3}, "Leave the number of epochs out"),
        ("epochs", [2, 4], {"at": "best"}, "Leave `at` out"),
        ("epochs", [2, 2], {}, "given 2 times"),
        ("epochs", [0], {}, "epochs >= 1"),
        ("epochs", [10**9], {}, "epochs"),
        ("patience", [1, 2], {"at": "last"}, "Leave `at` out"),
        ("patience", [1, 2], {"patience": 3}, "Leave `patience` out"),
        ("epochs", [2, 4], {"patience": 1}, "Leave `patience` out, or vary"),
        ("width", [8], {"patience": 0}, "1 <= patience"),
        ("width", [8], {"patience": 3, "epochs": 3}, "none could stop early"),
        ("width", [8], {"patience": 3, "at": "last"}, "3 epochs past it"),
        ("patience", [1, 2], {"validation_fraction": None}, "validation_fraction"),
    ],
)
def test_wrong_requests_are_refused_before_training(param, values, options, problem):
    with pytest.raises(ConfigError, match=problem):
        ablate(param, values, runs_dir=":memory:", **options)


@pytest.mark.trains
def test_values_are_read_from_runs_that_are_trained_once(tmp_path):
    options = {"train_size": 100, "width": 4, "depth": 1, "seeds": 2, "runs_dir": tmp_path}
    study = ablate("epochs", [1, 3], jobs=1, **options)
    assert study.at == "last"
    assert [[run.epochs for run in level.runs] for level in study.levels] == [
        [1] * 2,
        [3] * 2,
    ]
    [one, three] = study.levels
    assert one.runs[0].val_accuracy == three.runs[0].history[0].val_accuracy
    assert len(study.study_runs().rows()) == 2 * 3  # each run once, with all of its epochs
    heard = []
    patience = ablate("patience", [1, 9], epochs=3, observer=heard.append, **options)
    assert not [event for event in heard if type(event).__name__ == "EpochFinished"]
    assert patience.figure == "test_accuracy"
    problems = {caveat.problem for caveat in patience.conclusion.caveats}
    assert not problems & {"ends in dips", "declines"}
    assert (
        patience.levels[1].runs[0].test_accuracy
        == max(three.runs[0].history, key=lambda record: record.val_accuracy).test_accuracy
    )
    for shown in (study, patience):
        again = load_study(shown.name, runs_dir=tmp_path)
        assert again.to_dict() == shown.to_dict()
        assert (again.asked, again.missing) == (2, 0)
