"""Studies with folds: each seed on every fold, and the variance of Nadeau and Bengio."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from helpers.made_up import made_up_ablation

from kmlp import ConfigError, RunConfig, ablate, load_study
from kmlp.studies.ablation_plan import plan
from kmlp.studies.config_list import config_list_spec
from kmlp.studies.split_text import split_text

pytestmark = pytest.mark.once

IRIS = RunConfig(dataset="iris", width=4, depth=1, folds=3, batch_size=50)


def on_folds(accuracies, folds):
    """A made-up study whose runs are those of folds."""
    study = made_up_ablation(accuracies)
    levels = [
        replace(
            level,
            runs=tuple(
                replace(run, config=replace(run.config, folds=folds)) for run in level.runs
            ),
        )
        for level in study.levels
    ]
    return replace(study, levels=tuple(levels))


def test_every_seed_is_used_on_every_fold():
    [level] = plan("width", [4], base=IRIS, seeds=[0, 2], epochs=1)
    assert [config.seed for config in level.configs] == [0, 1, 2, 6, 7, 8]
    [level] = plan("width", [4], base=replace(IRIS, seed=5), seeds=1, epochs=1)
    assert [config.seed for config in level.configs] == [15, 16, 17]


@pytest.mark.parametrize("seeds", ["auto", "auto:9"])
def test_a_number_of_seeds_cannot_be_chosen_with_folds(seeds):
    with pytest.raises(ConfigError, match=r"`seeds` is auto.*`folds` is 3"):
        plan("width", [4, 8], base=IRIS, seeds=seeds, epochs=1)


def test_intervals_and_differences_are_those_of_nadeau_and_bengio():
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.9, 0.01, 10).round(3), rng.normal(0.92, 0.01, 10).round(3)
    study = on_folds({8: one.tolist(), 16: other.tolist()}, folds=5)
    change = one - other
    error = change.std(ddof=1) * np.sqrt(1 / 10 + 1 / 4)
    p_value = 2 * scipy.stats.t.sf(abs(change.mean()) / error, 9)
    np.testing.assert_allclose(study.differences()[0].p_value, p_value, rtol=1e-4)
    naive = made_up_ablation({8: one.tolist(), 16: other.tolist()})
    assert naive.differences()[0].p_value < p_value
    half = scipy.stats.t.ppf(0.975, 9) * one.std(ddof=1) * np.sqrt(1 / 10 + 1 / 4)
    low, high = study.levels[0].val_accuracy.interval
    np.testing.assert_allclose(high - low, 2 * half, rtol=1e-4)


def test_texts_name_folds_and_the_variance():
    rng = np.random.default_rng(1)
    apart = {8: rng.normal(0.8, 0.01, 10).tolist(), 16: rng.normal(0.95, 0.01, 10).tolist()}
    study = on_folds(apart, folds=5)
    assert "2 x 5 folds" in study.headline
    assert "significant with 10 folds" in study.conclusion.text
    assert "Nadeau and Bengio (2003)" in split_text(study)
    near = {8: apart[8], 16: (np.array(apart[8]) + rng.normal(0, 0.02, 10)).tolist()}
    text = on_folds(near, folds=5).conclusion.text
    assert "10 folds do not separate" in text
    assert "seeds" in text  # the advice, of which each is used on every fold


@pytest.mark.trains
def test_a_stored_study_with_folds_is_shown_again_as_it_was(tmp_path):
    study = ablate("width", [4, 8], base=IRIS, seeds=1, epochs=2, jobs=1, runs_dir=tmp_path)
    again = load_study(study.name, runs_dir=tmp_path)
    assert [run.key for run in again.runs] == [run.key for run in study.runs]
    assert again.headline == study.headline
    assert again.folds == 3
    assert again.to_dict()["base"]["folds"] == 3
    assert "validation_fraction" not in again.to_dict()["base"]


def test_configurations_on_different_folds_are_not_compared():
    with pytest.raises(ConfigError, match="different values of `folds`"):
        config_list_spec(
            [IRIS, replace(IRIS, folds=4)], epochs=[1, 1], seeds=[1, 1], base=IRIS
        )


def test_the_seeds_of_a_configuration_are_used_on_every_fold():
    spec = config_list_spec([IRIS], epochs=[1], seeds=[2], base=IRIS)
    assert [config.seed for config in spec.runs_by_level[0]] == [0, 1, 2, 3, 4, 5]
