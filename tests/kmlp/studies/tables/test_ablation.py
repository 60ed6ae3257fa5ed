"""The table of an ablation, with made-up accuracies."""

import pytest
from helpers.made_up import made_up_ablation

from kmlp.studies.tables.ablation import MOST_ROWS, ablation_table

pytestmark = pytest.mark.once

MANY = {width: [0.9 + width / 1000, 0.9 + width / 1000 + 0.001] for width in range(1, 31)}


def values(table):
    return [int(row.cells[0]) for row in table.rows]


def test_a_brief_table_has_the_best_values_in_their_order():
    table = ablation_table(made_up_ablation(MANY), brief=True)
    assert values(table) == list(range(11, 31))
    assert any("10 more values" in note for note in table.notes)
    assert values(ablation_table(made_up_ablation(MANY))) == list(MANY)


def test_a_brief_table_has_the_baseline_too():
    table = ablation_table(made_up_ablation(MANY).compared_with(3), brief=True)
    assert values(table) == [3, *range(11, 31)]
    assert any("9 more values" in note for note in table.notes)


def test_few_values_are_all_in_a_brief_table():
    few = {width: MANY[width] for width in list(MANY)[:MOST_ROWS]}
    table = ablation_table(made_up_ablation(few), brief=True)
    assert len(table.rows) == MOST_ROWS
    assert not any("more value" in note for note in table.notes)


def test_the_legend_names_the_correction():
    clear = {8: [0.80, 0.81, 0.82], 16: [0.90, 0.912, 0.921]}
    close = {8: [0.90, 0.91, 0.92], 16: [0.905, 0.911, 0.93]}
    studies = [made_up_ablation(clear), made_up_ablation(close)]
    studies.append(studies[0].compared_with(8))
    single, pairs, baseline = (" ".join(ablation_table(it).notes) for it in studies)
    assert "not corrected for the number of pairs" in single
    assert "Holm's correction for all pairs" in pairs
    assert "Holm's correction for all values" in baseline


def test_the_legend_explains_intervals_that_are_shown_by_their_ends():
    whole = {8: [0.80, 0.81, 0.82], 16: [0.90, 0.912, 0.921]}
    cut = {8: [0.80, 0.81, 0.82], 16: [0.98, 0.99, 1.0]}
    halves, ends = (
        " ".join(ablation_table(made_up_ablation(it)).notes) for it in (whole, cut)
    )
    assert "over the seeds." in halves and "low to high" not in halves
    assert "(low to high): its two ends" in ends
