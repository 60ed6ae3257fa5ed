"""`reproduce` in Python; the command's tests look at what it prints."""

import pytest
from helpers.scored import ScoredExecutor

from kmlp import ConfigError
from kmlp_tuning import read_recipe, reproduce

pytestmark = pytest.mark.once

LAB = """
title = "A small lab"
source = "nowhere"
epochs = 1
seeds = 1
base = { train_size = 500, depth = 0 }
[search]
algorithm = "random"
max_trials = 2
max_epochs = 1
replicates = 0
space = { learning_rate = [0.1, 0.2] }
published = { accuracy = 92.5 }
[[configs]]
runs = [{ published = { accuracy = 80.0 } }]
[[ablations]]
param = "batch_size"
values = [32, 64]
published = { best = 32 }
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "my-lab.toml"
    path.write_text(LAB)
    return path


@pytest.mark.trains
def test_a_lab_is_compared_with_what_was_published(path):
    events = []
    lab = reproduce(path, jobs=1, runs_dir=":memory:", observer=events.append)
    assert [result.part.place for result in lab.parts] == [
        "search", "configs 1", "ablations 1",
    ]  # fmt: skip
    search, configs, ablation = lab.parts
    assert len(search.study.trials) == 2
    assert "92.5 %" in search.claims[0]
    [accuracy] = configs.comparisons
    assert (accuracy.rows[0].level, float(accuracy.rows[0].comparison.published)) == (1, 80)
    assert configs.shown_by_comparisons
    assert "batch_size=32" in ablation.claims[0]
    assert (lab.failed, lab.introduction) == (0, ["Published values: nowhere"])
    assert [part["kind"] for part in lab.to_dict()["parts"]][::2] == ["search", "ablation"]
    assert len(repr(lab).splitlines()) <= 3
    assert events


def test_a_recipe_that_was_read_is_taken_too_and_quick_compares_nothing(path):
    lab = reproduce(read_recipe(path), quick=True, seeds=2, jobs=1, runs_dir=":memory:")
    assert not lab.recipe.comparable
    assert all(not part.comparisons and not part.claims for part in lab.parts)
    assert len(lab.parts[1].study.runs) == 2


@pytest.mark.parametrize("argument", [{"seeds": 0}, {"jobs": 0}, {"executor": "rya"}])
def test_a_wrong_argument_is_refused(path, argument):
    with pytest.raises(ConfigError):
        reproduce(path, runs_dir=":memory:", **argument)


def test_another_epoch_after_a_look_is_used_and_said(tmp_path):
    recipe = tmp_path / "lab.toml"
    recipe.write_text(
        'title = "Widths"\nepochs = 2\nseeds = 2\nbase = { train_size = 500 }\n'
        '[[ablations]]\nparam = "width"\nvalues = [8, 16]\n'
        "[[configs]]\nruns = [{ width = 8 }]\n"
    )

    def studies(**options):
        executor = ScoredExecutor(lambda config: 0.9 + config.seed / 100)
        lab = reproduce(recipe, executor=executor, runs_dir=tmp_path, **options)
        return [part.study for part in lab.parts]

    assert [study.at for study in studies()] == ["best", "best"]
    widths, configs = studies(at="last")
    assert (widths.at, configs.at) == ("last", "last")
    assert "epoch that counts was chosen after" in widths.conclusion.text
