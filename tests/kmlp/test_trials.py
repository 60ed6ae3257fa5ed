import json
import math
from dataclasses import replace

import pytest

from kmlp import ConfigError, RunConfig
from kmlp.columns import COLUMNS
from kmlp.engine import EpochFinished
from kmlp.errors import StoreError
from kmlp.evidence import conclusion
from kmlp.runner import train_all
from kmlp.store import Store
from kmlp.store.studies import get_study, list_studies
from kmlp.trials import load_trials, trials_question

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=500, width=8, depth=1)
CONFIGS = [BASE, replace(BASE, width=(9, 7), depth=2, seed=4), replace(BASE, loss="mse")]
ASKED = {"epochs": [1, 3, 2], "seeds": [1, 2, 1]}


def trained(folder, configs=CONFIGS, *, name="list", **asked):
    """The trials, and how many epochs were trained for them."""
    events = []
    question = trials_question(configs, base=BASE, name=name, **{**ASKED, **asked})
    [found] = train_all(
        [question], fused=True, observer=events.append, jobs=1, runs_dir=folder, fresh=False
    )
    return found, sum(isinstance(event, EpochFinished) for event in events)


def loaded(folder, name="list"):
    with Store(folder) as store:
        return load_trials(store, get_study(store, name))


def figures(study):
    """What a study says, but for times."""
    return (
        study.name, study.headline, study.base, study.varied, study.epochs, study.seeds,
        study.trial_epochs, study.backend, study.fused,
        [(it.value, it.parameters, it.chance_limit) for it in study.values],
        [(run.config, run.epochs, run.val_accuracy) for run in study.runs],
    )  # fmt: skip


def test_every_trial_is_trained_for_its_own_epochs_and_seeds(tmp_path):
    study, _ = trained(tmp_path)
    assert [it.value for it in study.values] == [1, 2, 3]
    assert [[(run.config.seed, run.epochs) for run in it.runs] for it in study.values] == [
        [(0, 1)], [(4, 3), (5, 3)], [(0, 2)],
    ]  # fmt: skip
    assert [it.runs[0].config for it in study.values] == CONFIGS
    assert (study.axis, study.epochs, study.trial_epochs) == ("trial", 3, (1, 3, 2))
    assert (study.seeds, study.varied) == ((0, 4, 5), ("width", "depth", "loss"))
    assert study.headline.startswith("mnist, 3 trials, up to 3 epochs, ")
    assert study.best() is max(study.values, key=lambda it: it.val_accuracy.mean)
    assert " after 1 to 3 epochs" in conclusion(study)


def test_they_are_read_back_as_they_were(tmp_path):
    study, _ = trained(tmp_path)
    assert figures(loaded(tmp_path)) == figures(study)


def test_nothing_is_trained_twice(tmp_path):
    """Not if a trial is asked for again, nor for more epochs, nor with more seeds."""
    assert trained(tmp_path)[1] == 1 + 2 * 3 + 2
    assert trained(tmp_path)[1] == 0
    assert trained(tmp_path, seeds=[2, 2, 1])[1] == 1
    more = {"epochs": [2, 3, 2, 1], "seeds": [1, 2, 1, 1]}
    assert (
        trained(tmp_path, [*CONFIGS, replace(BASE, width=4)], name="more", **more)[1] == 2
    )


def test_a_trial_has_no_more_epochs_than_were_asked_for(tmp_path):
    whole, _ = trained(tmp_path, name="long", epochs=[3, 3, 3], seeds=[1, 1, 1])
    cut, count = trained(tmp_path, seeds=[1, 1, 1])
    assert count == 0
    for study in (cut, loaded(tmp_path)):
        assert [it.runs[0].epochs for it in study.values] == [1, 3, 2]
        for ours, theirs in zip(study.runs, whole.runs, strict=True):
            assert ours.val_accuracy == theirs.history[ours.epochs - 1].val_accuracy
    with Store(tmp_path) as store:
        short, long = (it for it in list_studies(store))
    assert (short.record.name, short.finished) == ("list", 3)
    assert short.best_val_accuracy == max(run.val_accuracy for run in cut.runs)
    assert long.best_val_accuracy == max(run.val_accuracy for run in whole.runs)


def test_an_edited_list_is_another_study(tmp_path):
    def name(configs=CONFIGS, **asked):
        question = trials_question(configs, base=BASE, **{**ASKED, **asked})
        return trained_name(question)

    def trained_name(question):
        from kmlp.run import identify

        rows = [config for row in question.rows for config in row]
        identities = {config: identify(config, fused=True) for config in rows}
        return question.record(identities, fused=True).name

    assert name() == name(seeds=[3, 2, 1])
    edited = [
        name(), name(CONFIGS[::-1]), name(epochs=[1, 3, 3]),
        name([*CONFIGS[:2], replace(CONFIGS[2], seed=1)]),
        name([*CONFIGS[:2], replace(CONFIGS[2], loss="mae")]),
    ]  # fmt: skip
    assert len(set(edited)) == len(edited)
    assert all(it.startswith("trials-") for it in edited)
    trained(tmp_path, epochs=[1, 1, 1], seeds=[1, 1, 1])
    with pytest.raises(ConfigError, match='The name "list" is taken'):
        trained(tmp_path, epochs=[1, 1, 2], seeds=[1, 1, 1])


def test_trials_without_a_finished_run_are_left_out(tmp_path):
    trained(tmp_path)
    with Store(tmp_path) as store:
        record = get_study(store, "list")
        run = "UPDATE runs SET epochs = 1 WHERE key = ?"
        store.connection.execute("DELETE FROM runs WHERE key = ?", record.rows[0])
        store.connection.execute(
            "DELETE FROM epochs WHERE epoch > 1 AND run IN "
            "(SELECT id FROM runs WHERE key = ?)",
            record.rows[2],
        )
        store.connection.execute(run, record.rows[2])
    study = loaded(tmp_path)
    assert [it.value for it in study.values] == [2]
    assert (study.trial_epochs, study.seeds) == ((3,), (4, 5))
    assert study.varied == ("width", "depth", "loss")  # of the list
    with Store(tmp_path) as store:
        store.connection.execute("DELETE FROM runs")
    with pytest.raises(StoreError, match='No run of "list" is finished yet'):
        loaded(tmp_path)


def test_one_trial_varies_nothing(tmp_path):
    study, _ = trained(tmp_path, [CONFIGS[1]], epochs=[1], seeds=[2])
    assert (study.varied, study.base.width) == ((), (9, 7))
    assert study.headline.startswith("mnist, 1 trial, 1 epoch, ")
    assert figures(loaded(tmp_path)) == figures(study)


def test_a_diverged_trial_ranks_behind_the_others(tmp_path):
    diverging = replace(BASE, loss="mse", output="linear", learning_rate=1e20)
    study, _ = trained(tmp_path, [diverging, BASE], epochs=[3, 1], seeds=[1, 1])
    assert study.best() is study.values[1]
    assert (study.values[0].diverged, study.values[0].runs[0].epochs) == (1, 1)
    assert figures(loaded(tmp_path))[:-1] == figures(study)[:-1]


def test_the_runs_as_a_table_and_as_plain_values(tmp_path):
    study, _ = trained(tmp_path, seeds=[1, 1, 1])
    frame = study.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert set(frame["kind"]) == {"trials"}
    assert frame["trial"].tolist() == [1, 2, 2, 2, 3, 3]
    assert frame["epoch"].tolist() == [1, 1, 2, 3, 1, 2]
    assert frame["width"].tolist() == ["8", "9x7", "9x7", "9x7", "8", "8"]
    assert frame["part"].isna().all()
    with Store(tmp_path) as store:
        [line] = (it.to_dict() for it in list_studies(store))
    assert line["trials"] == [
        {"epochs": 1, "seed": 0}, {"epochs": 3, "width": [9, 7], "depth": 2, "seed": 4},
        {"epochs": 2, "loss": "mse", "seed": 0},
    ]  # fmt: skip
    assert (line["seeds"], line["epochs"], "log" in line) == ([1, 1, 1], 3, False)
    json.dumps(line, allow_nan=False)


@pytest.mark.parametrize(
    ("configs", "asked", "message"),
    [
        ([], {"epochs": [], "seeds": []}, "There are no trials."),
        ([BASE, BASE], {"epochs": [1, 1], "seeds": [1, 1]}, "Trial 2 is the same configuration as trial 1."),
        (CONFIGS, {"epochs": [1, 1]}, "There are 3 trials, but 2 `epochs`."),
        (CONFIGS, {"seeds": [1, 1, 1, 1]}, "There are 3 trials, but 4 `seeds`."),
        (CONFIGS, {"epochs": [1, 0, 1]}, "Trial 2: The value of `epochs` is 0"),
        (CONFIGS, {"epochs": [1, 1, 1.5]}, "Trial 3: The value of `epochs` is 1.5"),
        (CONFIGS, {"seeds": [True, 1, 1]}, "Trial 1: The value of `seeds` is True"),
        ([BASE, replace(BASE, batch_size=501)], {"epochs": [1, 1], "seeds": [1, 1]}, "Trial 2: The value of `batch_size` is 501"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(configs, asked, message):
    with pytest.raises(ConfigError) as caught:
        trials_question(configs, base=BASE, **{**ASKED, **asked})
    assert message in str(caught.value)


def test_problems_of_all_trials_come_at_once():
    configs = [BASE, replace(BASE, batch_size=501), BASE]
    with pytest.raises(ConfigError) as caught:
        trials_question(configs, base=BASE, epochs=[0, 1, math.nan], seeds=[1, 1, 0])
    assert len(caught.value.problems) == 5
