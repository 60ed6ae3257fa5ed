import pytest

from kmlp_tuning import read_recipe
from kmlp_tuning.lab.bundled import bundled
from kmlp_tuning.lab.plan import plan_lab
from kmlp_tuning.lab.summaries import bundled_summaries

pytestmark = pytest.mark.once

RECIPES_ON_MNIST = [
    name
    for name in bundled()
    if all(part.base.dataset == "mnist" for part in read_recipe(name).parts)
]


def test_every_recipe_asks_one_question():
    summaries = bundled_summaries()
    assert [summary.name for summary in summaries] == bundled()
    assert all(summary.question.count("?") == 1 for summary in summaries)
    assert len({summary.question for summary in summaries}) == len(summaries)


@pytest.mark.parametrize("name", [*RECIPES_ON_MNIST, "tables", "regression"])
def test_the_listed_number_of_runs_is_that_of_the_plan(name):
    [summary] = [it for it in bundled_summaries() if it.name == name]
    rows = plan_lab(read_recipe(name)).rows()
    assert summary.runs == sum(row.runs for row in rows) > 0


@pytest.mark.parametrize("name", ["tables", "regression"])
def test_a_lab_on_small_tables_has_folds(name):
    lab = read_recipe(name)
    assert {part.base.folds for part in lab.fixed} == {5}
    assert lab.notes
    assert all(part.heading and not part.published.values for part in lab.fixed)


@pytest.mark.parametrize("name", ["optimizers", "regularization", "vanishing-gradients"])
def test_a_lab_for_students_has_five_seeds_and_no_published_values(name):
    lab = read_recipe(name)
    assert lab.notes
    assert lab.source is None
    for part in lab.fixed:
        seeds = part.seeds if isinstance(part.seeds, tuple) else (part.seeds,)
        assert set(seeds) == {5}
        assert part.heading
        assert not part.published.values
