"""Searches that train, on the backend of this process."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers.processes import python
from helpers.results import without_seconds
from helpers.scored import ScoredExecutor

from kmlp import ConfigError, RunConfig, load_study, train
from kmlp.engine import RunFinished, StudyStarted
from kmlp.store import Store
from kmlp.store.studies import get_study, list_studies, put_study
from kmlp.studies.columns import COLUMNS
from kmlp_tuning import tune
from kmlp_tuning.search.export import search_to_dict
from kmlp_tuning.search.records import load_search

BASE = RunConfig(train_size=1024, depth=1, width=8, momentum=0.9)
SPACE = {"learning_rate": "1e-2:1:log"}
SHORT = {"max_trials": 5, "max_epochs": 3, "base": BASE, "jobs": 1, "replicates": 0}


def plain(search):
    """All of a search but the times."""
    return without_seconds(json.loads(json.dumps(search_to_dict(search), allow_nan=False)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def search(folder):
    return tune(SPACE, **{**SHORT, "replicates": 2}, runs_dir=folder)


@pytest.mark.once
def test_what_comes_of_a_search(search):
    assert [it.number for it in search.trials] == [1, 2, 3, 4, 5]
    assert sorted(it.epochs for it in search.trials)[:2] == [1, 1]  # 3@1, 1@3; 2@3
    assert len(search.ranked()) == 5
    means = {it.value: it.val_accuracy.mean for it in search.replication.levels}
    assert search.best().number == max(means, key=means.get)
    assert search.best().run.model().count_params() == 784 * 8 + 8 + 8 * 10 + 10
    assert {it.config.momentum for it in search.trials} == {0.9}
    assert {search.status(it) for it in search.trials} == {"stopped", "finished"}
    assert search.complete


@pytest.mark.jax_first
def test_a_promoted_run_is_bit_for_bit_one_that_was_never_stopped(search):
    promoted = [it for it in search.trials if it.rung == 2]
    assert promoted
    for trial in promoted:
        alone = train(trial.config, epochs=3, runs_dir=":memory:")
        for ours, theirs in zip(trial.run.history, alone.history, strict=True):
            assert np.array_equal(ours.step_losses, theirs.step_losses)
            assert (ours.val_loss, ours.test_loss) == (theirs.val_loss, theirs.test_loss)
        for ours, theirs in zip(
            trial.run.model().get_weights(), alone.model().get_weights(), strict=True
        ):
            assert np.array_equal(ours, theirs)


@pytest.mark.once
def test_the_best_are_compared_over_other_seeds(search):
    replication = search.replication
    assert replication.seeds == (1, 2)
    by_number = {it.number: it for it in search.trials}
    for value in replication.levels:
        trial = by_number[value.value]
        assert trial.epochs == 3
        assert [run.config.seed for run in value.runs] == [1, 2]
        epochs = search.selected_at_epoch[trial.number]
        again = [run.truncated(epochs).val_accuracy for run in value.runs]
        expected = trial.run.truncated(epochs).val_accuracy - sum(again) / 2
        assert search.optimism(trial).mean == pytest.approx(expected)
    assert search.optimism(search.ranked()[-1]) is None


@pytest.mark.once
def test_two_jobs_come_to_the_same(search, tmp_path):
    again = tune(SPACE, **{**SHORT, "replicates": 2, "jobs": 2}, runs_dir=tmp_path)
    assert plain(again) == plain(search)


@pytest.mark.once
def test_the_same_again_comes_from_the_store(search, folder):
    events = []
    again = tune(
        SPACE, **{**SHORT, "replicates": 2}, runs_dir=folder, observer=events.append
    )
    assert plain(again) == plain(search)
    assert isinstance(events[0], StudyStarted)
    finished = [it for it in events if isinstance(it, RunFinished)]
    assert len(finished) == 5 + 3 * 2
    assert {it.trained for it in finished} == {0}


@pytest.mark.once
def test_the_same_again_loads_no_backend(search, folder):
    code = f"""
import sys
from kmlp import RunConfig
from kmlp_tuning import tune
base = RunConfig(train_size=1024, depth=1, width=8, momentum=0.9)
search = tune({SPACE}, max_trials=5, max_epochs=3, base=base, replicates=2, runs_dir={str(folder)!r})
print(search.best().number, "keras" in sys.modules, "keras_tuner" in sys.modules)
"""
    assert python(code).stdout.split() == [str(search.best().number), "False", "False"]


@pytest.mark.once
@pytest.mark.parametrize("gone", ["a run", "a run that failed"])
def test_what_the_store_lacks_is_trained_again(search, folder, tmp_path, gone):
    copy = tmp_path / "runs"
    shutil.copytree(folder, copy)
    with Store(copy) as store:
        record = get_study(store, search.name)
        with store.writing():
            if gone == "a run":
                store.delete(record.runs_by_level[0][0])
        if gone == "a run that failed":  # and that another command has trained since
            progress = {**record.progress, "failed": 1}
            put_study(store, replace(record, progress=progress))
    events = []
    again = tune(SPACE, **{**SHORT, "replicates": 2}, runs_dir=copy, observer=events.append)
    assert plain(again) == plain(search)
    trained = sum(it.trained for it in events if isinstance(it, RunFinished))
    assert trained == (search.trials[0].epochs if gone == "a run" else 0)
    # The planner has gone through it all, rung by rung, and did not take it as it stood.
    rungs = [it.request.stage for it in events if isinstance(it, RunFinished)]
    assert len(rungs) > 5 + 6


@pytest.mark.once
def test_a_search_that_is_asked_again_is_listed_first(folder, search):
    tune(SPACE, **{**SHORT, "max_trials": 1}, runs_dir=folder, name="later")
    tune(SPACE, **{**SHORT, "replicates": 2}, runs_dir=folder)
    with Store(folder, writable=False) as store:
        assert next(iter(list_studies(store))).name == search.name


@pytest.mark.once
def test_the_store_shows_what_the_search_came_to(search, folder):
    with Store(folder, writable=False) as store:
        record = get_study(store, search.name)
        assert plain(load_search(store, record)) == plain(search)
        summary = next(it for it in list_studies(store) if it.name == search.name)
    found = summary.to_dict()
    assert (found["kind"], found["runs"], found["finished"]) == ("search", 11, 11)
    assert found["max_trials"] == 5
    assert "log" not in found


@pytest.mark.once
def test_more_trials_keep_those_that_there_are(search, folder):
    events = []
    more = tune(
        SPACE, **{**SHORT, "max_trials": 9}, runs_dir=folder, observer=events.append
    )
    assert more.name == search.name
    assert [it.config for it in more.trials[:5]] == [it.config for it in search.trials]
    trained = sum(it.trained for it in events if isinstance(it, RunFinished))
    before = {it.config: it.epochs for it in search.trials}
    assert trained == sum(
        max(0, it.epochs - before.get(it.config, 0)) for it in more.trials
    )
    again = tune(SPACE, **{**SHORT, "replicates": 2}, runs_dir=folder)
    assert plain(again) == plain(search)


@pytest.mark.once
def test_another_study_of_that_name_is_not_replaced(folder, search):
    with pytest.raises(ConfigError, match=r'search-.*" is taken'):
        tune(
            {"width": [8, 16]},
            **{**SHORT, "max_trials": 2},
            runs_dir=folder,
            name=search.name,
        )


def test_what_is_in_memory_can_be_read_afterwards():
    found = tune(SPACE, **{**SHORT, "max_trials": 1, "max_epochs": 1}, runs_dir=":memory:")
    assert found.best().run.model().count_params() > 0


@pytest.mark.once
def test_diverged_trials_rank_last_and_are_shown():
    rates = {"learning_rate": [0.1, 1e20]}
    found = tune(rates, **{**SHORT, "max_trials": 2}, algorithm="random")
    assert sorted(map(found.status, found.trials)) == ["diverged", "finished"]
    assert found.best().config.learning_rate == 0.1
    told = plain(found)
    assert len(told["ranked"]) == 1
    scores = {it["values"]["learning_rate"]: it["score"] for it in told["trials"]}
    assert scores[1e20] is None
    assert len(found.study_runs().rows()) == 4


@pytest.mark.once
def test_where_all_diverge_there_is_no_best():
    found = tune(
        {"learning_rate": [1e19, 1e20]}, **{**SHORT, "max_trials": 2, "replicates": 1}
    )
    assert found.best() is None
    assert found.replication is None
    assert search_to_dict(found)["best"] is None


@pytest.mark.once
def test_a_searched_loss_is_not_taken_for_that_of_an_epoch():
    space = {"loss": ["cross_entropy", "mse"]}
    found = tune(space, **{**SHORT, "max_trials": 2, "max_epochs": 1})
    [first, _] = found.study_runs().rows()
    assert first["loss_function"] in space["loss"]
    assert first["loss"] > 0
    assert set(found.to_frame()["loss_function"]) == set(space["loss"])


@pytest.mark.once
def test_to_frame(search):
    frame = search.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    trials = frame[frame["part"] == "search"]
    assert len(trials) == sum(it.epochs for it in search.trials)
    again = sum(run.epochs for it in search.replication.levels for run in it.runs)
    assert len(frame) - len(trials) == again


@pytest.mark.once
def test_a_trial_that_stopped_early_keeps_its_score_and_is_not_trained_again(tmp_path):
    def searched(**options):
        executor = ScoredExecutor(lambda config: config.learning_rate)
        search = tune(
            {"learning_rate": "0.1:0.9"}, max_trials=9, max_epochs=9, replicates=1,
            base=BASE, executor=executor, runs_dir=tmp_path, **options,
        )  # fmt: skip
        return search, executor.trained

    whole, _ = searched()
    search, trained = searched(patience=1)
    assert trained == []  # the longer runs are stored
    assert {run.epochs for run in search.runs} == {1, 2}
    rungs = [(it.config, it.epochs, it.rung) for it in search.trials]
    assert rungs == [(it.config, it.epochs, it.rung) for it in whole.trials]
    best = search.ranked()[0]
    assert (best.epochs, best.run.epochs, search.status(best)) == (9, 2, "finished")
    assert "up to 9 epochs (patience 1)" in search.headline
    again = load_study(search.name, tmp_path)
    assert again.to_dict() == search.to_dict() and again.to_dict()["patience"] == 1
    assert searched(patience=1, fresh=True)[1]
    assert search.name != whole.name


@pytest.mark.once
def test_replicates_that_are_added_after_a_look_are_said_to_be(tmp_path):
    def accuracy(config):
        rate = np.random.default_rng(config.seed).normal(0, 0.01)
        return 0.9 + rate - config.learning_rate / 100

    def searched(replicates):
        return tune(
            SPACE, max_trials=4, max_epochs=2, base=BASE, replicates=replicates,
            executor=ScoredExecutor(accuracy), runs_dir=tmp_path, name="one",
        )  # fmt: skip

    text = "added after a look"
    assert text not in searched(2).conclusion.text
    assert text not in searched(2).conclusion.text
    assert text in searched(3).conclusion.text
    assert text in load_study("one", tmp_path).conclusion.text
