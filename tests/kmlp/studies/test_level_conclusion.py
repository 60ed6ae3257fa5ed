import math

import pytest
from helpers.made_up import made_up_ablation as made_up

from kmlp.studies.conclusion import partition
from kmlp.studies.level_conclusion import conclude
from kmlp.studies.results import LevelResult

pytestmark = pytest.mark.once

ACCURACIES = {
    8: [0.80, 0.81, 0.82], 16: [0.90, 0.91, 0.92], 32: [0.905, 0.911, 0.93],
    64: [0.1, math.nan, 0.1],
}  # fmt: skip
CLEAR = {1: [0.90, 0.901, 0.902], 2: [0.95, 0.951, 0.9521], 3: [0.97, 0.971, 0.9719]}
CLOSE = {1: [0.90, 0.95, 0.92], 2: [0.91, 0.93, 0.94]}


def values(levels: tuple[LevelResult, ...]):
    return [level.value for level in levels]


def test_a_conclusion_is_data():
    conclusion = conclude(made_up(ACCURACIES))
    assert conclusion.outcome == "compared"
    assert (conclusion.best.value, conclusion.reference.value, conclusion.seeds) == (
        32,
        32,
        3,
    )
    assert values(conclusion.levels.better) == []
    assert values(conclusion.levels.worse) == [8]
    assert values(conclusion.levels.undecided) == [16]
    assert (conclusion.advice.level.value, conclusion.advice.seeds) == (16, 13)
    assert [
        (caveat.problem, values([caveat.levels[0][0]])) for caveat in conclusion.caveats
    ] == [
        ("diverged", [64]), ("did not learn", [64]),
    ]  # fmt: skip


def test_its_text_is_made_of_the_finding_the_advice_and_the_caveats():
    conclusion = conclude(made_up(ACCURACIES))
    assert conclusion.text.startswith(conclusion.finding)
    caveats = conclusion.text_without_advice.removeprefix(conclusion.finding)
    assert "diverged" in caveats and conclusion.text.endswith(caveats)
    assert "seeds" not in caveats
    assert repr(conclusion) == str(conclusion) == conclusion.text
    assert "13 seeds" in conclusion.text.removeprefix(conclusion.finding)


def test_as_plain_values_levels_are_their_values():
    baseline = made_up({(3, 2): [0.8, 0.81], 16: [0.9, 0.911]}).compared_with((3, 2))
    evidence = conclude(baseline).to_dict()
    assert (evidence["best"], evidence["reference"]) == (16, [3, 2])
    assert (evidence["better"], evidence["worse"], evidence["undecided"]) == ([16], [], [])
    assert (evidence["seeds_needed"], evidence["caveats"]) == (None, [])


@pytest.mark.parametrize(
    ("accuracies", "baseline", "outcome"),
    [
        ({8: [math.nan]}, None, "everything lost"),
        ({8: [0.9]}, None, "one level"),
        ({8: [0.9, 0.9], 16: [math.nan, 0.9]}, None, "one level left"),
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
    assert values(parts.worse) == [64]
    assert set(values(parts.undecided)) == {8, 32}


@pytest.mark.parametrize(
    ("accuracies", "text"),
    [
        (
            CLEAR,
            "width=3 is better than width=1 and 2 after 1 epoch: the differences are "
            "significant with 3 seeds.",
        ),
        (
            CLOSE,
            "width=2 has the highest mean after 1 epoch, but 3 seeds do not separate it from "
            "width=1: no value is shown to be better. If the difference from width=1 is "
            "as large as it looks, 0.33 points, about 309 seeds would show it.",
        ),
        (
            {1: [0.80, 0.801, 0.8021], 2: [0.90, 0.93, 0.95], 3: [0.95, 0.951, 0.952]},
            "width=3 is better than width=1 after 1 epoch; 3 seeds do not separate it from "
            "width=2, so no single best value is shown. If the difference from width=2 is as "
            "large as it looks, 2.43 points, about 14 seeds would show it.",
        ),
        (
            {1: [0.90, 0.91, 0.92], 2: [0.91, 0.92, 0.90]},
            "width=1 has the highest mean after 1 epoch, but 3 seeds do not separate it from "
            "width=2: no value is shown to be better. More seeds are unlikely to show a "
            "difference.",
        ),
        (
            {1: [0.9], 2: [0.5]},
            "width=1 has the highest validation accuracy after 1 epoch, but one seed cannot "
            "show whether this is chance: use at least 3 seeds.",
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
            "width=3 is better and width=1 is worse than width=2 after 1 epoch: the "
            "differences are significant with 3 seeds.",
        ),
        (
            CLOSE,
            "No value is shown to differ from width=2 after 1 epoch; 3 seeds do not separate "
            "width=2 from width=1. If the difference from width=1 is as large as it looks, "
            "0.33 points, about 309 seeds would show it.",
        ),
        (
            {1: [0.9, 0.91], 2: [math.nan] * 2},
            "Every run of width=2, the baseline, diverged. width=2 (2 of 2 runs) diverged.",
        ),
        (
            {2: [0.9, 0.91, 0.9201], 1: [0.8, 0.81, math.nan], 3: [0.7, 0.69, 0.71]},
            "width=3 is worse than width=2 after 1 epoch; 2 seeds do not separate width=2 "
            "from width=1. The differences are equal for all seeds, so their spread is "
            "unknown: use more seeds. width=1 (1 of 3 runs) diverged.",
        ),
    ],
)
def test_the_text_of_a_conclusion_on_the_baseline_2(accuracies, text):
    assert conclude(made_up(accuracies).compared_with(2)).text == text


def test_a_level_with_a_diverged_run_ranks_last_however_good_its_other_runs_are():
    conclusion = conclude(
        made_up({1: [0.99, math.nan, 0.9901], 2: [0.5, 0.5, 0.5001], 3: [0.4, 0.4, 0.41]})
    )
    assert (conclusion.best.value, values(conclusion.levels.worse)) == (2, [3])
    assert problems(conclusion) == [("diverged", 1, 1)]


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
    assert problems(conclusion) == [("did not learn", 2, 3)]


def test_all_levels_can_be_better_than_a_baseline():
    conclusion = conclude(made_up(CLEAR).compared_with(1))
    assert values(conclusion.levels.better) == [2, 3]
    assert (conclusion.outcome, conclusion.seeds) == ("compared", 3)
    assert (conclusion.advice, conclusion.caveats) == (None, ())


def test_a_baseline_has_nothing_to_compare_with_if_all_other_runs_diverged():
    study = made_up({1: [0.9, 0.91], 2: [math.nan] * 2})
    conclusion = conclude(study.compared_with(1))
    assert conclusion.outcome == "one level left"
    assert problems(conclusion) == [("diverged", 2, 2)]


def test_a_baseline_with_a_diverged_run_is_compared():
    conclusion = conclude(
        made_up(
            {1: [0.9, 0.93, 0.92], 2: [0.8, 0.81, math.nan], 3: [0.7, 0.69, 0.71]}
        ).compared_with(2)
    )
    assert (values(conclusion.levels.undecided), conclusion.seeds) == ([1, 3], 2)
    advice = conclusion.advice
    assert (advice.level.value, advice.seeds) == (1, 3)
    assert advice.difference == pytest.approx(0.11)
    assert problems(conclusion) == [("diverged", 2, 1)]


def test_equal_differences_have_no_known_spread():
    study = made_up({1: [0.9, 0.91], 2: [0.8, 0.81]})
    conclusion = conclude(study.compared_with(2))
    assert values(conclusion.levels.undecided) == [1]
    assert conclusion.advice.spread_is_unknown
    assert (conclusion.advice.level, conclusion.advice.seeds) == (None, None)


def problems(conclusion):
    """Return the caveats as problems, values and numbers of runs."""
    caveats = conclusion.to_dict()["caveats"]
    return [(caveat["problem"], caveat["value"], caveat["runs"]) for caveat in caveats]
