"""The epoch at which the runs of a study are judged. Nothing is trained."""

import pytest
from helpers.made_up import made_up_ablation, made_up_record
from helpers.stores import RUNS, WIDTHS

from kmlp import ConfigError, compare
from kmlp.store import Store
from kmlp.store.studies import put_study
from kmlp.studies.as_json import ablation_to_dict
from kmlp.studies.judging import check_at, outcome_text
from kmlp.studies.library import load_from
from kmlp.studies.study import Study

pytestmark = pytest.mark.once

DIPS = {8: [[0.5, 0.9, 0.7], [0.5, 0.92, 0.9]], 16: [[0.5, 0.6, 0.8], [0.5, 0.6, 0.82]]}
"""Width 8 is the best at its best epochs, and width 16 is not worse after the last one."""


def accuracies(study):
    return [round(level.val_accuracy.mean, 4) for level in study.levels]


def test_a_word_other_than_best_and_last_is_refused():
    with pytest.raises(ConfigError, match='"lst": did you mean "last"'):
        check_at("lst")


def test_levels_are_compared_at_the_best_epoch_of_each_run():
    study = made_up_ablation(DIPS)
    assert (study.at, accuracies(study), study.best().value) == ("best", [0.91, 0.81], 8)


def test_a_study_is_shown_at_the_last_epochs():
    study = made_up_ablation(DIPS).viewed(at="last", baseline=16)
    assert (study.at, accuracies(study)) == ("last", [0.8, 0.81])
    assert study.baseline is study.levels[1]
    shown = ablation_to_dict(study)
    assert shown["at"] == "last"
    assert [run["at_epoch"] for run in shown["levels"][0]["runs"]] == [3, 3]
    assert accuracies(study.viewed(at="best")) == [0.91, 0.81]


def test_the_texts_say_which_epoch_is_compared():
    study = made_up_ablation(DIPS)
    texts = [" ".join(study.tables()[0].notes), study.conclusion.text]
    assert ["best" in text for text in texts] == [True, True]
    last = study.viewed(at="last")
    assert "after the last epoch" in " ".join(last.tables()[0].notes)
    assert "after 3 epochs" in last.conclusion.text


def test_the_epoch_of_one_run_is_said():
    run = made_up_ablation(DIPS).levels[0].runs[0]
    assert outcome_text(run) == "at epoch 2 of 3, the best on the validation images"
    assert outcome_text(run.judged_at("last")) == "after 3 epochs"


@pytest.fixture
def stored():
    """Stores `WIDTHS` with runs that dip, and returns the study as it is loaded."""
    with Store(None) as store:

        def load(progress):
            for run, column in zip(RUNS, [*DIPS[8], *DIPS[16]], strict=True):
                store.acquire(run)
                epochs = enumerate(column, start=1)
                records = [made_up_record(epoch, value) for epoch, value in epochs]
                store.append(run, records, {3: b""}, fresh=False)
            spec = {**WIDTHS.progress, **progress}
            put_study(store, type(WIDTHS)(**{**fields(WIDTHS), "progress": spec}))
            return load_from(store, "widths")

        yield load


def fields(record):
    return {name: getattr(record, name) for name in record.__slots__}


@pytest.mark.parametrize(
    ("progress", "at"), [({}, "best"), ({"at": "last"}, "last"), ({"at": "best"}, "best")]
)
def test_a_stored_study_is_loaded_with_its_choice(stored, progress, at):
    study = stored(progress)
    assert (study.at, {run.at for run in study.runs}) == (at, {at})


def test_studies_that_are_judged_at_different_epochs_are_not_compared():
    first, second = made_up_ablation(DIPS), made_up_ablation(DIPS).viewed(at="last")
    with pytest.raises(ConfigError, match=r"best epoch.*last one.*`at`"):
        compare(first, second)
    both = compare(first, second, at="last")
    assert both.to_dict()["at"] == "last"
    assert [level.difference.mean for level in both.levels] == [0, 0]


def test_a_kind_whose_runs_were_chosen_by_an_epoch_is_not_judged_at_another():
    class Chosen(Study):
        kind = "chosen"
        headline = conclusion = study_runs = None
        runs = made_up_ablation(DIPS).runs

    study = Chosen(name="one")
    assert study.viewed(at="best") is study
    with pytest.raises(ConfigError, match=r"`at` is 'last'.*chosen by the best epoch"):
        study.viewed(at="last")
