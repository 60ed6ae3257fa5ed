import math
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import made_up_ablation as made_up

from kmlp.statistics import seeds_range
from kmlp.studies._planned import Planned
from kmlp.studies.conclusion import partition
from kmlp.studies.level_conclusion import conclude
from kmlp.studies.level_result import LevelResult

pytestmark = pytest.mark.once

ACCURACIES = {
    8: [0.80, 0.81, 0.82, 0.8, 0.81], 16: [0.90, 0.91, 0.92, 0.91, 0.9],
    32: [0.905, 0.911, 0.93, 0.909, 0.909], 64: [0.1, math.nan, 0.1, 0.1, 0.1],
}  # fmt: skip
CLEAR = {1: [0.90, 0.901, 0.902], 2: [0.95, 0.951, 0.9521], 3: [0.97, 0.971, 0.9719]}
AT = "At learning_rate=0.1 (not retuned),"
EDGE = "width=3 is the largest value here: a larger one may be better."
CLOSE = {1: [0.90, 0.95, 0.92], 2: [0.91, 0.93, 0.94]}


def with_baseline(accuracies, baseline):
    """Return a study with a baseline that was chosen before its results."""
    study = made_up(accuracies)
    [planned] = [study.text(level) for level in study.levels if level.value == baseline]
    return replace(study, planned=Planned(baseline=planned)).compared_with(baseline)


def values(levels: tuple[LevelResult, ...]):
    return [level.value for level in levels]


def test_a_conclusion_is_data():
    conclusion = conclude(made_up(ACCURACIES))
    assert conclusion.outcome == "compared"
    assert (conclusion.best.value, conclusion.reference.value, conclusion.seeds) == (
        32,
        32,
        4,
    )
    assert values(conclusion.levels.better) == []
    assert values(conclusion.levels.worse) == [8, 64]
    assert values(conclusion.levels.undecided) == [16]
    assert 2 < conclusion.advice.fewest < 13 < conclusion.advice.most
    assert 0.003 < conclusion.advice.excluded < 0.02
    assert [
        (caveat.problem, values([caveat.levels[0][0]])) for caveat in conclusion.caveats
    ] == [
        ("diverged", [64]), ("did not learn", [64]),
    ]  # fmt: skip


UP_AND_DOWN = [0.90, 0.95, 0.93, 0.96, 0.91]
OVERFITS = [0.90, 0.96, 0.94, 0.92, 0.91]
STEADY = [0.90, 0.94, 0.96, 0.96, 0.958]


@pytest.mark.parametrize(
    ("curve", "problem", "said"),
    [
        (
            UP_AND_DOWN,
            "ends in dips",
            "8 ends in dips: .* 5.00 points lower .*; a lower learn",
        ),
        (OVERFITS, "declines", "8 declines after .* 5.00 points lower .*; fewer epochs"),
    ],
)
def test_a_level_that_ends_worse_than_it_was_is_named_with_the_reason(curve, problem, said):
    study = made_up({8: [curve] * 3, 16: [STEADY] * 3})
    [caveat] = conclude(study).caveats
    assert (caveat.problem, [(level.value, runs) for level, runs in caveat.levels]) == (
        problem,
        [(8, 3)],
    )
    assert re.search(said, conclude(study).text)
    [same] = conclude(study.viewed(at="last")).caveats
    assert (same.problem, len(same.levels)) == (caveat.problem, 1)


def test_several_levels_that_end_in_dips_are_named_in_one_sentence():
    milder = [0.90, 0.94, 0.93, 0.95, 0.91]
    study = made_up({8: [UP_AND_DOWN] * 3, 16: [milder] * 3, 32: [STEADY] * 3})
    assert ("their means are 5.00 and 4.00 points lower than at the best;") in conclude(
        study
    ).text
    assert "width=8 and 16 end in dips" in conclude(study).text


def test_the_noise_of_runs_that_did_not_learn_is_not_called_dips():
    noise = [0.095, 0.105, 0.1, 0.11, 0.1]
    study = made_up({8: [noise] * 3, 16: [STEADY] * 3})
    [caveat] = conclude(study).caveats
    assert caveat.problem == "did not learn"


def test_its_text_is_made_of_the_finding_the_advice_and_the_caveats():
    conclusion = conclude(made_up(ACCURACIES))
    assert conclusion.text.startswith(conclusion.finding)
    assert repr(conclusion) == str(conclusion) == conclusion.text
    rest = conclusion.text.removeprefix(conclusion.finding)
    advice = f"{conclusion.advice.fewest} to {conclusion.advice.most} seeds"
    assert rest.index(advice) < rest.index("diverged")


def test_as_plain_values_levels_are_their_values():
    baseline = with_baseline({(3, 2): [0.8, 0.81], 16: [0.9, 0.911]}, (3, 2))
    evidence = conclude(baseline).to_dict()
    assert (evidence["best"], evidence["reference"]) == (16, [3, 2])
    assert (evidence["better"], evidence["worse"], evidence["undecided"]) == ([16], [], [])
    assert (evidence["seeds_needed"], evidence["caveats"]) == (None, [])


@pytest.mark.parametrize(
    ("accuracies", "baseline", "outcome"),
    [
        ({8: [math.nan]}, None, "everything lost"),
        ({8: [0.9]}, None, "one level"),
        ({8: [0.9, 0.9], 16: [math.nan, math.nan]}, None, "one level left"),
        ({8: [0.9, 0.9], 16: [math.nan, 0.9]}, None, "one seed"),
        ({8: [math.nan, math.nan], 16: [0.9, 0.9]}, 8, "baseline lost"),
        ({8: [0.1, 0.1], 16: [0.1, 0.1]}, None, "nothing learned"),
        ({8: [0.8], 16: [0.9]}, None, "one seed"),
    ],
)
def test_the_reason_why_nothing_is_compared(accuracies, baseline, outcome):
    study = made_up(accuracies)
    conclusion = conclude(study if baseline is None else study.compared_with(baseline))
    assert conclusion.outcome == outcome
    assert values((*conclusion.levels.better, *conclusion.levels.worse)) == []
    assert conclusion.text


def test_levels_are_parted_by_significance():
    study = made_up(ACCURACIES).compared_with(16)
    differences = dict(zip(study.levels, study.differences(), strict=True))
    parts = partition(
        {level: change for level, change in differences.items() if change is not None}
    )
    assert values(parts.worse) == [8, 64]
    assert values(parts.undecided) == [32]


@pytest.mark.parametrize(
    ("accuracies", "text"),
    [
        (
            CLEAR,
            f"{AT} width=3 is better than width=1 and 2 after 1 epoch: the differences are "
            f"significant with 3 seeds. {EDGE}",
        ),
        (
            CLOSE,
            f"{AT} width=2 has the highest mean after 1 epoch, but 3 seeds do not separate it from "
            "width=1: no value is shown to be better.",
        ),
        (
            {1: [0.80, 0.801, 0.8021], 2: [0.90, 0.93, 0.95], 3: [0.95, 0.951, 0.952]},
            f"{AT} width=3 is better than width=1 after 1 epoch; 3 seeds do not separate it from "
            f"width=2, so no single best value is shown. {EDGE}",
        ),
        (
            {1: [0.90, 0.91, 0.92], 2: [0.91, 0.92, 0.90]},
            f"{AT} width=1 and 2 tie for the highest mean after 1 epoch: no value is shown to be "
            "better.",
        ),
        (
            {1: [0.9], 2: [0.5]},
            f"{AT} width=1 has the highest validation accuracy after 1 epoch, but one seed cannot "
            "show whether this is chance: use at least 5 seeds.",
        ),
        (
            {1: [0.9], 2: [0.9], 3: [0.5]},
            f"{AT} width=1 and 2 share the highest validation accuracy after 1 epoch, but one seed "
            "cannot show whether this is chance: use at least 5 seeds.",
        ),
        (
            {1: [0.9, math.nan], 2: [math.nan, 0.5]},
            f"{AT} width=1 has the highest validation accuracy after 1 epoch, but one seed cannot "
            "show whether this is chance: use at least 5 seeds. width=1 (1 of 2 runs) and 2 "
            "(1 of 2 runs) diverged.",
        ),
        (
            {1: [0.9, 0.91, math.nan], 2: [math.nan, 0.8, 0.81]},
            f"{AT} width=1 has the highest mean validation accuracy after 1 epoch, but no two "
            "seeds finished with the same two values: use more seeds. width=1 (1 of 3 runs) "
            "and 2 (1 of 3 runs) diverged.",
        ),
        (
            {1: [0.9, math.nan], 2: [math.nan, math.nan]},
            "Only width=1 has a finished run, so there is nothing to compare. width=1 (1 of 2 "
            "runs) and 2 (2 of 2 runs) diverged.",
        ),
        ({4: [0.9, 0.91]}, "Only width=4 was trained: there is nothing to compare."),
        (
            {1: [0.9, 0.91], 2: [math.nan] * 2},
            "Only width=1 has no diverged runs, so there is nothing to compare. "
            "width=2 (2 of 2 runs) diverged.",
        ),
        (
            {1: [0.1, 0.1], 2: [0.1, 0.11]},
            "No run learned, so there is nothing to compare. width=1 (2 of 2 runs) and "
            "2 (2 of 2 runs) did not learn.",
        ),
    ],
)
def test_the_text_of_a_conclusion(accuracies, text):
    assert conclude(made_up(accuracies)).text == text


@pytest.mark.parametrize(
    ("accuracies", "text"),
    [
        (
            CLEAR,
            f"{AT} width=3 is better and width=1 is worse than width=2 after 1 epoch: the "
            f"differences are significant with 3 seeds. {EDGE}",
        ),
        (
            CLOSE,
            f"{AT} no value is shown to differ from width=2 after 1 epoch; 3 seeds do not separate "
            "width=2 from width=1.",
        ),
        (
            {1: [0.9, 0.91], 2: [math.nan] * 2},
            "Every run of width=2, the baseline, diverged. width=2 (2 of 2 runs) diverged.",
        ),
        (
            {2: [0.9, 0.91, 0.9201], 1: [0.8, 0.81, math.nan], 3: [0.7, 0.69, 0.71]},
            f"{AT} width=3 is worse than width=2 after 1 epoch; 2 seeds do not separate width=2 "
            "from width=1. The differences of all runs are equal, so their spread is "
            "unknown: use more seeds. width=1 (1 of 3 runs) diverged.",
        ),
    ],
)
def test_the_text_of_a_conclusion_on_the_baseline_2(accuracies, text):
    assert conclude(with_baseline(accuracies, 2)).text == text


def test_one_diverged_run_does_not_rank_a_level_behind():
    conclusion = conclude(
        made_up({1: [0.99, math.nan, 0.9901], 2: [0.5, 0.5, 0.5], 3: [0.4, 0.4, 0.4002]})
    )
    assert (conclusion.best.value, values(conclusion.levels.worse)) == (1, [2, 3])
    assert problems(conclusion) == [("diverged", 1, 1)]


def test_a_level_that_diverges_more_often_ranks_behind_however_good_its_other_runs_are():
    nan = math.nan
    conclusion = conclude(
        made_up(
            {1: [nan, nan, nan, nan, 0.99, 0.99], 2: [0.5, 0.5, 0.5001, 0.5, 0.5, 0.5]}
            | {3: [0.4, 0.4, 0.41, 0.4, 0.4, 0.4]}
        )
    )
    assert (conclusion.best.value, values(conclusion.levels.worse)) == (2, [3])
    assert problems(conclusion) == [("diverged", 1, 4)]


@pytest.mark.parametrize(
    ("second", "seeds"), [([0.8, math.nan], 1), ([math.nan, 0.8], 0)], ids=["one", "none"]
)
def test_only_seeds_that_finished_with_both_levels_count(second, seeds):
    conclusion = conclude(made_up({1: [0.9, math.nan], 2: second}))
    assert (conclusion.outcome, conclusion.best.value) == ("one seed", 1)
    assert conclusion.seeds == seeds
    assert problems(conclusion) == [("diverged", 1, 1), ("diverged", 2, 1)]


def test_a_level_that_did_not_learn_is_compared_and_named():
    conclusion = conclude(made_up({1: [0.90, 0.901, 0.902], 2: [0.1, 0.1, 0.1]}))
    assert (conclusion.best.value, values(conclusion.levels.worse)) == (1, [2])
    assert problems(conclusion)[0] == ("did not learn", 2, 3)


def test_all_levels_can_be_better_than_a_baseline():
    conclusion = conclude(with_baseline(CLEAR, 1))
    assert values(conclusion.levels.better) == [2, 3]
    assert (conclusion.outcome, conclusion.seeds) == ("compared", 3)
    assert conclusion.advice is None
    assert problems(conclusion) == [("edge of the values", 3, 3)]


def test_a_baseline_has_nothing_to_compare_with_if_all_other_runs_diverged():
    conclusion = conclude(with_baseline({1: [0.9, 0.91], 2: [math.nan] * 2}, 1))
    assert conclusion.outcome == "one level left"
    assert problems(conclusion) == [("diverged", 2, 2)]


def test_a_baseline_with_a_diverged_run_is_compared():
    conclusion = conclude(
        with_baseline(
            {1: [0.9, 0.93, 0.92], 2: [0.8, 0.81, math.nan], 3: [0.7, 0.69, 0.71]}, 2
        )
    )
    assert (values(conclusion.levels.undecided), conclusion.seeds) == ([1, 3], 2)
    assert conclusion.advice is None  # of fewer than five seeds
    assert problems(conclusion) == [("diverged", 2, 1)]


def test_equal_differences_have_no_known_spread():
    conclusion = conclude(with_baseline({1: [0.9, 0.91], 2: [0.8, 0.81]}, 2))
    assert values(conclusion.levels.undecided) == [1]
    assert conclusion.advice.spread_is_unknown
    assert (conclusion.advice.fewest, conclusion.advice.most) == (None, None)


def shares(*counts):
    """Return accuracies on 10,000 images as training gives them."""
    return [float(np.float32(count / 10_000)) for count in counts]


def test_differences_that_are_equal_but_for_rounding_conclude_nothing():
    study = made_up({32: shares(9275, 9213, 9307), 64: shares(9277, 9215, 9309)})
    conclusion = conclude(study)
    assert values(conclusion.levels.undecided) == [32]
    assert study.differences()[0].p_value is None
    assert "spread is unknown" in conclusion.text


def test_a_single_best_value_needs_no_correction():
    """Three unadjusted tests are significant, but Holm's first step is not."""
    study = made_up(
        {
            1: shares(9520, 9520, 9500),
            2: shares(9525, 9521, 9503),
            3: shares(9600, 9640, 9650),
        }
    )
    conclusion = conclude(study)
    first, second, _ = study.differences()
    assert 0.05 / 3 < first.p_value < 0.05 and first.p_value < second.p_value < 0.05
    assert values(conclusion.levels.worse) == [1, 2]
    assert not conclusion.levels.undecided


SAME = {
    1: shares(9700, 9712, 9701, 9705, 9709), 2: shares(9702, 9711, 9702, 9706, 9707),
    3: shares(9500, 9512, 9501, 9505, 9519),
}  # fmt: skip


def test_values_that_differ_by_less_than_the_margin_are_the_same():
    conclusion = conclude(made_up(SAME))
    assert values(conclusion.levels.same) == [1]
    assert values(conclusion.levels.worse) == [3]
    assert "width=1 is the same within 0.2 points" in conclusion.text
    narrow = conclude(replace(made_up(SAME), margin=0.0001))
    assert values(narrow.levels.undecided) == [1]


def test_a_baseline_that_was_chosen_after_the_results_is_said_to_be():
    study = made_up(CLEAR)
    assert "chosen after the results" in conclude(study.compared_with(1)).text
    assert "chosen after" not in conclude(with_baseline(CLEAR, 1)).text
    other = with_baseline(CLEAR, 1).compared_with(2)
    assert problems(conclude(other)) == [
        ("edge of the values", 3, 3),
        ("baseline chosen after the results", None, None),
    ]


def test_seeds_that_were_added_after_a_look_are_said_to_be():
    study = replace(made_up(ACCURACIES), looks=(3, 5))
    assert "added after a look" in conclude(study).text
    assert "added after" not in conclude(replace(study, looks=(5,))).text


def test_levels_with_seeds_of_their_own_have_no_more_seeds_than_were_shown():
    """A list of configurations whose second one begins with another seed."""
    study = replace(made_up({8: [0.90, 0.91, 0.92, 0.93], 16: [0.95] * 4}), looks=(3,))
    first, second = study.levels
    levels = replace(first, runs=first.runs[:3]), replace(second, runs=second.runs[1:])
    assert study.grew_after_look
    assert not replace(study, levels=levels).grew_after_look


def test_advice_needs_five_seeds():
    few = {value: column[:4] for value, column in ACCURACIES.items() if value < 64}
    many = {value: column for value, column in ACCURACIES.items() if value < 64}
    assert conclude(made_up(few)).advice is None
    assert conclude(made_up(many)).advice.fewest > 2


def test_advice_begins_above_the_seeds_that_did_not_separate_the_levels():
    columns = {1: [0.90, 0.91, 0.92, 0.93, 0.94], 2: [0.915, 0.92, 0.94, 0.95, 0.935]}
    conclusion = conclude(made_up(columns))
    low, _ = seeds_range(np.subtract(columns[2], columns[1]))
    assert values(conclusion.levels.undecided) == [1]
    assert low <= 5 and conclusion.advice.fewest == 6


@pytest.mark.parametrize("bad", [math.nan, 0.1])
def test_several_values_in_a_row_with_a_problem_are_a_range(bad):
    columns = {width: [0.9, 0.91, 0.92] for width in (1, 2, 3, 4, 5, 6)}
    for width in (2, 3, 4):
        columns[width] = [bad] * 3
    text = conclude(made_up(columns)).text
    assert "width=2 to 4 (9 of 9 runs) di" in text
    columns[3] = [0.9, 0.91, 0.92]
    assert "width=2 (3 of 3 runs) and 4 (3 of 3 runs) di" in conclude(made_up(columns)).text


def test_advice_for_a_baseline_counts_every_other_value():
    columns = {
        1: shares(9700, 9712, 9701, 9705, 9709), 2: shares(9752, 9711, 9662, 9756, 9727),
        3: shares(9500, 9512, 9501, 9505, 9519), 4: shares(9400, 9412, 9401, 9405, 9419),
    }  # fmt: skip
    conclusion = conclude(with_baseline(columns, 1))
    assert values(conclusion.levels.undecided) == [2]
    differences = list(np.subtract(columns[2], columns[1]))
    advice = conclusion.advice.fewest, conclusion.advice.most
    assert advice == seeds_range(differences, comparisons=3)
    assert advice != seeds_range(differences)


def test_advice_is_for_the_value_that_is_the_hardest_to_separate():
    columns = {
        1: [0.90, 0.91, 0.92, 0.93, 0.94], 2: [0.92, 0.90, 0.95, 0.92, 0.96],
        3: [0.915, 0.93, 0.94, 0.93, 0.95],
    }  # fmt: skip
    conclusion = conclude(made_up(columns))
    assert values(conclusion.levels.undecided) == [1, 2]
    ranges = [seeds_range(np.subtract(columns[3], columns[value])) for value in (1, 2)]
    assert conclusion.advice.fewest == max(fewest for fewest, _ in ranges)
    assert len({fewest for fewest, _ in ranges}) == 2


def test_a_value_without_a_common_seed_is_undecided_and_gets_no_advice():
    lost = math.nan
    columns = {
        1: [0.9, 0.91, 0.92, 0.9, 0.91, lost, lost], 2: [0.91, 0.9, 0.91, 0.92, 0.9, lost, lost],
        3: [lost, lost, lost, lost, lost, 0.9, 0.88],
    }  # fmt: skip
    conclusion = conclude(made_up(columns))
    assert 3 in values(conclusion.levels.undecided) and conclusion.advice is None


def test_a_single_common_seed_is_not_called_equal_differences():
    columns = {1: [0.9, 0.91, 0.92, 0.9, 0.91], 2: [0.93] + 4 * [math.nan]}
    columns[3] = [0.90, 0.92, 0.91, 0.91, 0.90]
    assert "equal for all seeds" not in conclude(made_up(columns)).text


def test_more_lost_runs_than_chance_explains_leave_one_value():
    columns = {1: 9 * [0.9] + [math.nan], 2: [0.95] + 9 * [math.nan]}
    text = conclude(made_up(columns)).text
    assert "more than chance explains" in text and "than of width=1" in text


def test_values_with_other_validation_images_are_compared_by_test_accuracy():
    study = made_up(
        {0.1: shares(9500, 9512, 9501), 0.2: shares(9100, 9110, 9120)},
        param="validation_fraction",
    )
    runs = [
        tuple(
            replace(run, history=(replace(run.history[0], test_accuracy=0.9 + seed / 100),))
            for seed, run in enumerate(level.runs)
        )
        for level in study.levels
    ]
    study = replace(
        study,
        levels=tuple(
            replace(level, runs=row) for level, row in zip(study.levels, runs, strict=True)
        ),
    )
    assert study.figure == "test_accuracy"
    first, second = study.levels
    assert (study.best(), study.tied) == (first, (second,))
    assert ("different images", None, None) in problems(conclude(study))
    assert "test accuracies are compared" in conclude(study).text


def test_values_with_other_datasets_are_not_compared_as_if_the_images_were_the_same():
    columns = {
        "mnist": shares(9100, 9110, 9120, 9099),
        "fashion_mnist": shares(9070, 9079, 9090, 9067),
    }
    study = made_up(columns, param="dataset")
    few, many = (
        replace(
            study,
            levels=tuple(replace(it, validation_images=images) for it in study.levels),
        )
        for images in (1000, 10**9)
    )
    assert study.figure == "val_accuracy"
    assert values(conclude(many).levels.worse) == ["fashion_mnist"]
    assert values(conclude(few).levels.undecided) == ["fashion_mnist"]
    assert values(conclude(study).levels.undecided) == ["fashion_mnist"]  # unknown
    assert "on different images" in conclude(few).text


def test_many_values_of_a_number_are_named_by_ranges():
    rates = [round(0.01 * 1.2**place, 5) for place in range(40)]
    random = np.random.default_rng(0)
    columns = {
        rate: shares(*(9500 - 20 * abs(place - 25) + random.integers(-15, 16, size=5)))
        for place, rate in enumerate(rates)
    }
    text = conclude(made_up(columns, param="learning_rate")).text
    assert " to " in text and len(text) < 500
    assert text.count(",") < 8


def problems(conclusion):
    """Return the caveats as problems, values and numbers of runs."""
    caveats = conclusion.to_dict()["caveats"]
    return [(caveat["problem"], caveat["value"], caveat["runs"]) for caveat in caveats]


def test_many_values_without_an_order_are_the_others_in_a_sentence():
    names = ["elu", "gelu", "hard_tanh", "relu", "sigmoid", "silu", "softsign", "tanh"]
    columns = {name: [0.5, 0.501, 0.5021] for name in names}
    columns["tanh"] = [0.9, 0.901, 0.9031]
    text = conclude(made_up(columns, param="activation")).text
    assert "activation=tanh is better than 7 other values" in text
