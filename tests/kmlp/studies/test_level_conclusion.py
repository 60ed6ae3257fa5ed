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


def values(levels: tuple[LevelResult, ...]):
    return [level.value for level in levels]


def test_a_conclusion_is_data():
    found = conclude(made_up(ACCURACIES))
    assert found.outcome == "compared"
    assert (found.best.value, found.reference.value, found.seeds) == (32, 32, 3)
    assert values(found.levels.better) == []
    assert values(found.levels.worse) == [8]
    assert values(found.levels.undecided) == [16]
    assert (found.advice.level.value, found.advice.seeds) == (16, 13)
    assert [(it.problem, values([it.levels[0][0]])) for it in found.caveats] == [
        ("diverged", [64]), ("did not learn", [64]),
    ]  # fmt: skip


def test_its_text_is_made_of_the_finding_the_advice_and_the_caveats():
    found = conclude(made_up(ACCURACIES))
    assert found.text.startswith(found.finding)
    caveats = found.text_without_advice.removeprefix(found.finding)
    assert "diverged" in caveats and found.text.endswith(caveats)
    assert "seeds" not in caveats
    assert repr(found) == str(found) == found.text
    assert "13 seeds" in found.text.removeprefix(found.finding)


def test_as_plain_values_levels_are_their_values():
    baseline = made_up({(3, 2): [0.8, 0.81], 16: [0.9, 0.911]}).compared_with((3, 2))
    found = conclude(baseline).to_dict()
    assert (found["best"], found["reference"]) == (16, [3, 2])
    assert (found["better"], found["worse"], found["undecided"]) == ([16], [], [])
    assert (found["seeds_needed"], found["caveats"]) == (None, [])


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
    found = conclude(study if baseline is None else study.compared_with(baseline))
    assert found.outcome == outcome
    assert values((*found.levels.better, *found.levels.worse)) == []
    assert found.text


def test_what_is_compared_is_parted_by_what_is_significant():
    study = made_up(ACCURACIES).compared_with(16)
    differences = dict(zip(study.levels, study.differences(), strict=True))
    found = partition({level: it for level, it in differences.items() if it is not None})
    assert values(found.worse) == [64]
    assert set(values(found.undecided)) == {8, 32}
