"""What the Tuning Playbook asks before a conclusion, on made-up curves."""

from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation as made_up
from helpers.made_up import made_up_run

from kmlp import RunConfig
from kmlp.model.metrics import ACCURACY, LOSS
from kmlp.studies._checks import edge, fixed_rates, late_gain
from kmlp.studies.level_conclusion import conclude
from kmlp.studies.single_run import RunConclusion

pytestmark = pytest.mark.once

RISING = [0.80, 0.82, 0.84, 0.86, 0.88, 0.90, 0.91, 0.92, 0.93, 0.94]
FLAT = [0.80, 0.90, 0.93, 0.95, 0.95, 0.95, 0.95, 0.95, 0.9504, 0.95]


def problems(study):
    return [caveat["problem"] for caveat in conclude(study).to_dict()["caveats"]]


@pytest.mark.parametrize(
    ("curves", "gain"),
    [
        ([RISING], 0.03),
        ([FLAT], 0.0),
        ([RISING, [*RISING[:7], 0.91, 0.91, 0.91]], 0.015),
        ([[0.5, 0.6]], 0.1),
        ([[0.5, 0.6, 0.7]], 0.1),
        ([[0.9, 0.8, 0.7, 0.6]], 0.0),
        ([[0.9]], 0.0),
        ([], 0.0),
    ],
)
def test_the_gain_in_the_last_quarter_is_that_of_the_mean_curve(curves, gain):
    runs = [made_up_run(curve) for curve in curves]
    assert late_gain(runs, ACCURACY) == pytest.approx(gain)


def test_a_loss_gains_if_it_falls_by_a_part_of_its_value():
    assert late_gain([made_up_run([0.5, 0.6, 0.7, 0.8])], LOSS) == pytest.approx(0.1)
    slow = made_up_run([0.5, 0.5, 0.5, 0.501], [0.5, 0.5, 0.5, 0.499])
    assert late_gain([slow], LOSS) == 0.0


def test_levels_that_still_improve_are_named_with_their_gains():
    study = made_up({8: [RISING] * 3, 16: [FLAT] * 3})
    assert problems(study) == ["still improves"]
    assert (
        "width=8 still improves at the end, by 3.00 points in the last quarter of 10 epochs: "
        "more epochs may change the answer." in conclude(study).text
    )
    both = made_up({8: [RISING] * 3, 16: [[it + 0.01 for it in RISING]] * 3})
    assert (
        "width=8 and 16 still improve at the end, by 3.00 and 3.00" in conclude(both).text
    )


def test_patience_and_epochs_as_the_parameter_say_it_in_another_way():
    stopped = replace(made_up({8: [RISING] * 3, 16: [FLAT] * 3}), patience=3)
    assert "still improves" not in problems(stopped)


def test_a_level_that_jumps_or_that_did_not_learn_does_not_improve():
    jumps = [0.80, 0.95, 0.93, 0.96, 0.91]
    noise = [0.095, 0.1, 0.1, 0.1, 0.11]
    study = made_up({8: [jumps] * 3, 16: [noise] * 3, 32: [[0.9] * 5] * 3})
    assert "still improves" not in problems(study)


def test_a_single_run_that_still_improves_says_so():
    text = RunConclusion(run=made_up_run(RISING)).text
    assert "still improved by 3.00 points in the last quarter of its epochs" in text
    assert "improved" not in RunConclusion(run=made_up_run(FLAT)).text
    assert "improved" not in RunConclusion(run=made_up_run(RISING), patience=2).text


LOW, HIGH = [0.90, 0.901, 0.9021], [0.95, 0.951, 0.9519]
SAME = [0.9501, 0.951, 0.9519]


@pytest.mark.parametrize(
    ("param", "columns", "best"),
    [
        ("width", {8: LOW, 16: HIGH}, 16),
        ("width", {16: HIGH, 8: LOW}, 16),
        ("width", {8: HIGH, 16: LOW}, 8),
        ("width", {1: HIGH, 16: LOW}, None),  # none is smaller
        ("width", {8: LOW, 16: HIGH, 32: LOW}, None),
        ("width", {8: LOW, 16: SAME, 32: HIGH}, None),  # it is flat there
        ("width", {(8, 8): LOW, 16: HIGH}, None),
        ("width", {8: LOW, 16: LOW}, None),
        ("depth", {0: HIGH, 2: LOW}, None),
        ("momentum", {0.0: HIGH, 0.5: LOW}, None),
        ("momentum", {0.5: LOW, 0.9: HIGH}, 0.9),
        ("dropout", {0.2: HIGH, 0.5: LOW}, 0.2),
        ("learning_rate", {0.1: LOW, 1.0: HIGH}, 1.0),
        ("learning_rate", {0.1: HIGH, 1.0: LOW}, 0.1),
        ("activation", {"relu": LOW, "tanh": HIGH}, None),
        ("train_size", {100: LOW, 200: HIGH}, None),
        ("label_noise", {0.1: HIGH, 0.2: LOW}, None),
    ],
)
def test_the_best_is_at_the_edge_if_a_value_beyond_may_be_better(param, columns, best):
    found = edge(made_up(columns, param=param))
    assert (found and found.value) == best


def test_with_a_baseline_the_best_is_at_the_edge_if_it_is_better_than_that():
    study = made_up({8: LOW, 16: HIGH})
    assert edge(study.compared_with(8)).value == edge(study.compared_with(16)).value == 16
    assert edge(made_up({8: HIGH, 16: SAME}).compared_with(8)) is None


def with_training_accuracy(study, accuracy):
    levels = tuple(
        replace(
            level,
            runs=tuple(
                replace(
                    run, history=tuple(replace(it, accuracy=accuracy) for it in run.history)
                )
                for run in level.runs
            ),
        )
        for level in study.levels
    )
    return replace(study, levels=levels)


def test_the_best_level_overfits_if_most_of_its_error_is_not_made_in_training():
    study = made_up({8: LOW, 16: HIGH})
    assert "overfits" not in problems(with_training_accuracy(study, 0.97))
    overfitted = with_training_accuracy(study, 0.99)
    assert problems(overfitted) == ["overfits", "edge of the values"]
    assert (
        "width=16 overfits: its gap between training and validation accuracy is 3.90"
        in (conclude(overfitted).text)
    )


@pytest.mark.parametrize(
    ("param", "values", "rates"),
    [
        ("width", (8, 16), (0.1,)),
        ("depth", (0, 1), (0.1,)),
        ("batch_size", (1, 2), (0.1,)),
        ("activation", ("relu", "tanh"), (0.1,)),
        ("initializer", ("zeros", "he_normal"), (0.1,)),
        ("normalization", ("none", "batch"), (0.1,)),
        ("scaling", ("unit", "none"), (0.1,)),
        ("momentum", (0.0, 0.9), (0.1,)),
        ("loss", ("cross_entropy", "mse"), (0.1,)),
        ("schedule", ("constant", "cosine:9"), (0.1,)),
        ("clipnorm", (None, 1.0), (0.1,)),
        ("weight_decay", (0.0, 0.1), (0.1,)),
        ("optimizer", ("sgd", "adam"), (0.1, 0.001)),
        ("learning_rate", (0.1, 0.2), ()),
        ("dropout", (0.0, 0.5), ()),
        ("train_size", (10, 20), ()),
        ("validation_fraction", (0.1, 0.2), ()),
    ],
)
def test_the_rate_is_said_where_the_best_one_depends_on_the_value(param, values, rates):
    study = made_up(dict(zip(values, (LOW, HIGH), strict=True)), param=param)
    assert fixed_rates(study) == rates
    conclusion = conclude(study)
    assert conclusion.to_dict()["fixed_learning_rates"] == list(rates)
    condition = {
        0: "",
        1: "At learning_rate=0.1 (not retuned), ",
        2: "At the default learning_rate of each (not retuned), ",
    }[len(rates)]
    assert conclusion.text.startswith(f"{condition}{param}=")


def test_a_rate_that_was_given_to_all_optimizers_is_the_one_that_is_said():
    study = made_up({"sgd": LOW, "adam": HIGH}, param="optimizer")
    levels = tuple(
        replace(
            level,
            runs=tuple(
                replace(run, config=run.config.with_fields(learning_rate=0.03))
                for run in level.runs
            ),
        )
        for level in study.levels
    )
    assert fixed_rates(replace(study, levels=levels)) == (0.03,)


def test_nothing_that_was_not_compared_has_a_condition():
    assert conclude(made_up({8: LOW})).fixed_rates == ()
    text = conclude(made_up({8: [0.1] * 3, 16: [0.1] * 3})).text
    assert text.startswith("No run learned")


def test_configurations_that_differ_in_their_rates_have_no_condition():
    study = made_up({8: LOW, 16: HIGH})
    first, second = study.levels
    runs = tuple(
        replace(run, config=RunConfig(width=16, learning_rate=0.3, seed=run.config.seed))
        for run in second.runs
    )
    numbered = replace(
        study, param="configuration", levels=(first, replace(second, runs=runs))
    )
    assert fixed_rates(numbered) == ()
    assert fixed_rates(replace(study, param="configuration")) == (0.1,)
