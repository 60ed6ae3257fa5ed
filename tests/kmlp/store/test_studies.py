"""Studies in a store. Nothing is trained."""

import json
import math
import time
from dataclasses import replace

import pytest
from helpers.made_up import made_up_record
from helpers.made_up_studies import RUNS, WIDTHS, made_up_study

from kmlp import ConfigError
from kmlp.errors import DamagedError, StoreError
from kmlp.store import Store
from kmlp.store.studies import get_study, list_studies, put_study
from kmlp.store.study_removal import runs_of_study
from kmlp.studies.kinds import summarize
from kmlp.training.target import Target

pytestmark = pytest.mark.once


def test_a_study_is_returned_by_its_name(widths_store):
    record = get_study(widths_store, "widths")
    assert replace(record, updated=0.0) == WIDTHS
    assert abs(record.updated - time.time()) < 60


def test_an_unknown_name_gets_the_nearest(widths_store):
    with pytest.raises(StoreError, match=r'"width".*"widths"'):
        get_study(widths_store, "width")
    with Store(None) as empty, pytest.raises(StoreError, match="no study"):
        get_study(empty, "width")


def test_a_study_is_extended_under_its_name_and_keeps_its_runs(widths_store):
    put_study(widths_store, made_up_study("widths", [RUNS[:1]], epochs=3))
    assert get_study(widths_store, "widths").epochs == 3
    assert len(list_studies(widths_store)) == 1
    alone, shared = runs_of_study(widths_store, "widths")
    assert (len(alone), shared) == (4, [])


def test_a_name_is_not_given_to_another_study(widths_store):
    with pytest.raises(ConfigError, match='"widths" is taken'):
        put_study(widths_store, made_up_study("widths", [RUNS[:1]], param="depth"))
    assert replace(get_study(widths_store, "widths"), updated=0.0) == WIDTHS


def test_studies_are_listed_with_their_numbers_of_runs(widths_store):
    put_study(widths_store, made_up_study("longer", [RUNS[:2]], epochs=5))
    assert widths_store.acquire(RUNS[1])
    widths_store.fail(RUNS[1], "out of luck", fresh=False)
    longer, widths = list_studies(widths_store)
    assert (longer.finished, longer.failed, longer.best_val_accuracy) == (0, 1, None)
    assert (widths.record.name, widths.finished, widths.failed) == ("widths", 4, 0)
    assert widths.best_val_accuracy == pytest.approx(0.3)


def test_a_study_is_listed_with_the_epochs_that_it_asked_for(widths_store):
    widths_store.acquire(RUNS[3])
    more = (made_up_record(2, 0.9), made_up_record(3, math.nan))
    widths_store.append(RUNS[3], more, {}, fresh=False)
    [widths] = list_studies(widths_store)
    assert (widths.finished, widths.best_val_accuracy) == (4, pytest.approx(0.3))


def test_a_study_is_listed_with_the_accuracy_at_the_epoch_that_it_judges(widths_store):
    widths_store.acquire(RUNS[3])
    widths_store.append(RUNS[3], (made_up_record(2, 0.05),), {}, fresh=False)
    for at in ("last", "best"):
        study = made_up_study(at, [RUNS[3:]], epochs=2)
        put_study(widths_store, replace(study, progress={**study.progress, "at": at}))
    best, last, _ = list_studies(widths_store)
    assert best.best_val_accuracy == pytest.approx(0.3)
    assert last.best_val_accuracy == pytest.approx(0.05)


def test_a_specification_can_be_read_by_other_tools(widths_store):
    [row] = widths_store.connection.execute("SELECT spec FROM studies").fetchall()
    spec = json.loads(row["spec"])
    assert list(spec) == ["identity", "extent", "progress", "epochs", "runs_by_level"]
    assert (spec["identity"]["param"], spec["extent"]["values"]) == ("width", [8, 16])


@pytest.mark.parametrize(
    ("param", "progress", "valid"),
    [
        ("width", {"baseline": "300x100", "margin": 0.01, "looks": [3, 5]}, True),
        ("width", {"baseline": None}, True),
        ("activation", {"baseline": "a_module_that_is_not_here:function"}, True),
        ("train_size", {"baseline": "all"}, True),
        ("width", {"baseline": "wide"}, False),
        ("width", {"baseline": 32}, False),
        ("width", {"margin": 0}, False),
        ("width", {"margin": None}, False),
        ("width", {"margin": 1}, False),
        ("width", {"looks": None}, False),
        ("width", {"looks": ["3"]}, False),
        ("width", {"looks": 3}, False),
        ("width", {"values": ["8", "16"], "seeds": [0, 1]}, True),
        ("width", {"values": [8, 16]}, False),
        ("width", {"seeds": ["0"]}, False),
    ],
)
def test_the_choices_of_a_study_are_checked(widths_store, param, progress, valid):
    study = made_up_study("chosen", [RUNS[:1]], param=param)
    put_study(widths_store, replace(study, progress={**study.progress, **progress}))
    if valid:
        assert get_study(widths_store, "chosen").progress.items() >= progress.items()
    else:
        with pytest.raises(DamagedError, match="chosen"):
            get_study(widths_store, "chosen")


@pytest.mark.parametrize(
    ("patience", "at", "valid"),
    [(3, "best", True), (3, "last", False), (0, "best", False), ("3", "best", False)],
)
def test_the_patience_of_a_study_is_checked(widths_store, patience, at, valid):
    study = made_up_study("chosen", [RUNS[:1]], patience=patience)
    put_study(widths_store, replace(study, progress={**study.progress, "at": at}))
    if valid:
        record = get_study(widths_store, "chosen")
        assert record.targets() == {RUNS[0].key: Target(1, 3)}
        assert summarize(record).endswith("patience 3")
    else:
        with pytest.raises(DamagedError, match="its patience"):
            get_study(widths_store, "chosen")


def test_a_summary_has_the_seeds_that_were_asked_for_beside_those_so_far(widths_store):
    identity = {**WIDTHS.identity, "seeds": "auto:20"}
    put_study(widths_store, replace(WIDTHS, name="chosen", identity=identity))
    chosen, widths = (study.to_dict() for study in list_studies(widths_store))
    assert (chosen["asked_seeds"], chosen["seeds"]) == ("auto:20", [0, 1])
    assert widths["seeds"] == [0, 1] and "asked_seeds" not in widths
    assert "(2 seeds of auto:20" in summarize(get_study(widths_store, "chosen"))
    assert "(2 seeds," in summarize(get_study(widths_store, "widths"))


@pytest.mark.parametrize("seeds", [5, "5", "auto", "auto:2", "auto:51", "auto:020 ", None])
def test_the_choice_of_the_number_of_seeds_is_checked(widths_store, seeds):
    study = made_up_study("chosen", [RUNS[:1]])
    put_study(widths_store, replace(study, identity={**study.identity, "seeds": seeds}))
    with pytest.raises(DamagedError, match="number of seeds"):
        get_study(widths_store, "chosen")
