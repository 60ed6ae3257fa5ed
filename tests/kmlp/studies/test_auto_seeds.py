"""Studies that choose their number of seeds, with made-up accuracies."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers.scored import ScoredExecutor

from kmlp import ConfigError, RunConfig, ablate, load_study
from kmlp.engine import LookTaken
from kmlp.model.activations import ACTIVATIONS
from kmlp.studies.ablate import ablation_spec
from kmlp.studies.auto_seeds import AutoSeeds, comparison_of, parse_seeds, read_seeds
from kmlp.studies.execution import Execution
from kmlp.studies.runner import train_all

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=1000, depth=1)
WIDTHS = [8, 16, 32]


def clear(config):
    """One width is far behind, one is half a point behind the best."""
    noise = np.random.default_rng(config.seed).normal(0, 0.001)
    own = np.random.default_rng(1000 * config.width + config.seed).normal(0, 0.001)
    return 0.95 + noise + own + {8: -0.1, 16: -0.005, 32: 0.0}[config.width]


def equal(config):
    return 0.95 + np.random.default_rng(1000 * config.width + config.seed).normal(0, 0.02)


def studied(accuracy, folder, *, seeds="auto", **options):
    executor = ScoredExecutor(accuracy, **options)
    events = []
    study = ablate(
        "width", WIDTHS, base=BASE, seeds=seeds, epochs=1, runs_dir=folder,
        executor=executor, observer=events.append,
    )  # fmt: skip
    looks = [event for event in events if isinstance(event, LookTaken)]
    return study, executor, looks


def test_seeds_are_added_until_a_single_best_is_shown(tmp_path):
    study, executor, looks = studied(clear, tmp_path)
    comparison = comparison_of(study)
    assert bool(comparison.single_best) and bool(comparison.stopped)
    assert study.best().value == 32
    sizes = [len(level.runs) for level in study.levels]
    assert 3 <= sizes[0] < sizes[1] == sizes[2] == len(study.seeds) < 20
    assert len(executor.trained) == sum(sizes)
    assert [look.seeds for look in looks] == [3, 4, 5, 6, 8, 10, 13, 16][: len(looks)]
    assert [look.requests for look in looks][-1] == 0
    assert sum(look.requests for look in looks) == sum(sizes) - 9
    assert any("width=8 is not trained further" in look.summary for look in looks)
    assert f"Corrected for {len(looks)} looks" in " ".join(study.tables()[0].notes)
    exported = study.to_dict()
    assert exported["most_seeds"] == 20
    assert exported["looks"] == [look.seeds for look in looks]


def test_equal_values_end_with_the_largest_number(tmp_path):
    study, executor, looks = studied(equal, tmp_path, seeds="auto:6")
    assert [look.seeds for look in looks] == [3, 4, 5, 6]
    assert len(executor.trained) == 18
    assert "largest number of seeds" in looks[-1].summary
    assert study.conclusion.levels.undecided and study.conclusion.advice is None


def test_values_can_be_shown_to_be_the_same(tmp_path):
    def alike(config):
        return 0.95 + np.random.default_rng(97 * config.width + config.seed).normal(0, 2e-4)

    study, _, looks = studied(alike, tmp_path)
    assert "the same" in looks[-1].summary and looks[-1].seeds < 20
    assert len(study.conclusion.levels.same) == 2


def test_the_order_in_which_runs_finish_changes_nothing(tmp_path):
    one, first, _ = studied(clear, tmp_path / "one")
    other, second, _ = studied(clear, tmp_path / "other", size=5)
    assert first.trained != second.trained
    assert one.to_dict() == other.to_dict()


@pytest.mark.parametrize("most", [1, 8, 9, 10, 12])
def test_an_interrupted_study_goes_on_at_the_same_look(tmp_path, most):
    whole, all_at_once, _ = studied(clear, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        studied(clear, tmp_path / "cut", most=most)
    resumed, rest, _ = studied(clear, tmp_path / "cut")
    assert most + len(rest.trained) == len(all_at_once.trained)
    assert resumed.to_dict() == whole.to_dict()
    again, none, looks = studied(clear, tmp_path / "cut")
    assert (again.to_dict(), none.trained) == (whole.to_dict(), [])
    assert looks[-1].requests == 0
    assert load_study(whole.name, tmp_path / "cut").to_dict() == whole.to_dict()


def test_runs_that_are_stored_beyond_a_look_change_nothing(tmp_path):
    alone, _, _ = studied(clear, tmp_path / "alone")
    studied(clear, tmp_path / "more", seeds=12)
    among, _, _ = studied(clear, tmp_path / "more")
    assert among.to_dict() == alone.to_dict()


def test_the_choice_belongs_to_the_study(tmp_path):
    names = {
        studied(equal, tmp_path, seeds=seeds)[0].name for seeds in (3, "auto:3", "auto:4")
    }
    assert len(names) == 3


def test_diverged_runs_count_for_a_look(tmp_path):
    def diverging(config):
        return math.nan if config.width == 8 else clear(config)

    study, _, _ = studied(diverging, tmp_path)
    assert bool(comparison_of(study).single_best) and study.best().value == 32
    assert study.levels[0] not in study.contenders


@pytest.mark.parametrize(
    "seeds", ["auto:2", "auto:51", "automatic", "auto:", "auto:-3", ""]
)
def test_other_texts_are_refused(seeds):
    with pytest.raises(ConfigError, match=r"seeds"):
        read_seeds(seeds)


def test_numbers_and_texts_of_the_command_line():
    assert (parse_seeds("7"), parse_seeds("auto"), read_seeds("auto:30")) == (
        7, "auto", AutoSeeds(30),
    )  # fmt: skip
    with pytest.raises(ConfigError, match="seeds"):
        parse_seeds("0")


def test_seeds_that_are_added_after_a_look_are_said_to_be(tmp_path):
    first, _, _ = studied(clear, tmp_path, seeds=3)
    assert "added after a look" not in first.conclusion.text
    same, _, _ = studied(clear, tmp_path, seeds=3)
    assert "added after a look" not in same.conclusion.text
    more, _, _ = studied(clear, tmp_path, seeds=5)
    assert more.name == first.name and "added after a look" in more.conclusion.text
    assert "added after a look" in load_study(first.name, tmp_path).conclusion.text


def test_seeds_that_are_added_to_an_interrupted_study_were_not_looked_at(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        studied(clear, tmp_path, seeds=3, most=4)
    more, _, _ = studied(clear, tmp_path, seeds=5)
    assert "added after a look" not in more.conclusion.text


def with_baseline(folder, baseline):
    return ablate(
        "width", WIDTHS, base=BASE, seeds=3, epochs=1, runs_dir=folder, baseline=baseline,
        executor=ScoredExecutor(clear),
    )  # fmt: skip


def test_the_first_baseline_stays(tmp_path):
    first = with_baseline(tmp_path, 16)
    assert first.reference.value == 16 and first.chosen_after == ()
    stored = load_study(first.name, tmp_path)
    assert stored.reference.value == 16 and stored.chosen_after == ()
    assert stored.viewed(baseline="16").chosen_after == ()
    assert stored.viewed(baseline=8).chosen_after == ("baseline",)
    again = with_baseline(tmp_path, 8)
    assert again.reference.value == 8 and again.chosen_after
    assert load_study(first.name, tmp_path).reference.value == 16
    assert with_baseline(tmp_path, None).reference.value == 16


def test_a_baseline_that_follows_a_look_without_one_is_chosen_after_the_results(tmp_path):
    assert with_baseline(tmp_path, None).baseline is None
    later = with_baseline(tmp_path, 8)
    assert later.reference.value == 8
    assert "chosen after the results" in later.conclusion.text
    assert load_study(later.name, tmp_path).baseline is None


def test_a_study_is_loaded_without_the_function_that_is_its_baseline(tmp_path, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS._custom, "own", keras.ops.relu)
    study = ablate(
        "activation", ["relu", "own"], base=BASE, seeds=3, epochs=1, runs_dir=tmp_path,
        baseline="own", executor=ScoredExecutor(lambda config: 0.9 + config.seed / 100),
    )  # fmt: skip
    monkeypatch.delitem(ACTIVATIONS._custom, "own")
    assert load_study(study.name, tmp_path).reference.value == "own"


def test_the_margin_is_kept_with_the_study(tmp_path):
    study = ablate(
        "width", WIDTHS, base=BASE, seeds=3, epochs=1, runs_dir=tmp_path, margin=0.01,
        executor=ScoredExecutor(clear),
    )  # fmt: skip
    stored = load_study(study.name, tmp_path)
    assert study.margin == stored.margin == 0.01
    assert stored.viewed(margin=0.02).margin == 0.02


def test_fewer_seeds_in_between_are_no_look_that_seeds_are_added_to(tmp_path):
    for seeds in (5, 3, 5):
        study, _, _ = studied(clear, tmp_path, seeds=seeds)
        assert "added after a look" not in study.conclusion.text


def legend(study):
    return " ".join(study.tables()[0].notes)


def test_a_baseline_that_is_chosen_later_says_nothing_about_the_looks_to_come(tmp_path):
    study, _, _ = studied(clear, tmp_path)
    assert "It stopped there" in legend(study)
    for value in WIDTHS:
        later = legend(study.viewed(baseline=value))
        assert "Corrected for" in later
        assert "stopped" not in later and "continues" not in later


def test_a_value_without_a_run_does_not_let_a_study_stop(tmp_path):
    study, _, _ = studied(clear, tmp_path)
    assert "continues with more seeds" in legend(replace(study, missing=3))


def test_seeds_that_a_further_value_needs_are_not_added_after_a_look(tmp_path):
    options = {
        "base": BASE, "seeds": "auto", "epochs": 1, "runs_dir": tmp_path,
        "executor": ScoredExecutor(clear),
    }  # fmt: skip
    few = ablate("width", [8, 32], **options)
    more = ablate("width", WIDTHS, **options)
    assert few.name == more.name and len(few.seeds) < len(more.seeds)
    stored = load_study(more.name, tmp_path)
    assert stored.looks == (len(few.seeds), len(more.seeds))
    for study in (more, stored):
        assert "Seeds were added" not in study.conclusion.text


def test_a_single_value_is_not_called_decided(tmp_path):
    study = ablate(
        "width", [8], base=BASE, seeds="auto:5", epochs=1, runs_dir=tmp_path,
        executor=ScoredExecutor(clear),
    )  # fmt: skip
    assert len(study.seeds) == 3 and "only one value" in legend(study)


def test_a_study_that_has_stopped_is_not_looked_at_again(tmp_path):
    events = []
    specs = [
        ablation_spec("width", widths, base=BASE, seeds="auto:6", epochs=1, name=name)
        for name, widths in (("clear", [8, 32]), ("close", [16, 32]))
    ]
    execution = Execution(
        observer=events.append, executor=ScoredExecutor(clear), runs_dir=tmp_path
    )
    train_all(specs, execution)
    looks = [event for event in events if isinstance(event, LookTaken)]
    seeds = {
        name: [it.seeds for it in looks if it.study == name] for name in ("clear", "close")
    }
    assert seeds["clear"] == [3, 4, 5, 6][: len(seeds["clear"])]
    assert len(seeds["clear"]) < len(seeds["close"])


@pytest.mark.parametrize(
    ("accuracy", "said"), [(math.nan, "Every run diverged"), (0.1, "No run learned")]
)
def test_a_study_in_which_nothing_learns_stops_at_the_first_look(tmp_path, accuracy, said):
    study, executor, looks = studied(lambda _: accuracy, tmp_path)
    assert len(executor.trained) == 9
    assert [look.summary for look in looks] == ["3 seeds: there is nothing to compare."]
    assert "It stopped there: there is nothing to compare." in legend(study)
    assert said in study.conclusion.text
    assert load_study(study.name, tmp_path).to_dict() == study.to_dict()
