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
