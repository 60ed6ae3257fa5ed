"""Lists of made-up runs."""

from dataclasses import replace

import pytest
from helpers.made_up import made_up_record
from helpers.made_up_studies import RUNS, made_up_identity, made_up_study

from kmlp import ConfigError, RunConfig
from kmlp.errors import StoreError
from kmlp.store.listing import list_runs, parse_filters
from kmlp.store.studies import put_study

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("texts", "status", "expected"),
    [
        ([], None, [3, 2, 1, 0]),
        (["width=16"], None, [3, 2]),
        (["width=16", "seed=0"], None, [2]),
        (["backend=torch"], None, []),
        (["train_size=all", "nesterov=no", "learning_rate=0.1", "seed=1"], None, [3, 1]),
        (["activation=tanh"], None, []),
        ([], "finished", [3, 2, 1, 0]),
        ([], "failed", []),
    ],
)
def test_filters_select_runs(widths_store, texts, status, expected):
    runs = list_runs(widths_store, parse_filters(texts, status=status))
    assert [int(run.key[0]) for run in runs] == expected


def test_runs_are_selected_by_the_widths_of_their_layers(widths_store):
    for number, width in ((5, (300, 100)), (6, (300, 10)), (7, (300, 300))):
        run = made_up_identity(number, width=width)
        widths_store.acquire(run)
        widths_store.append(run, (made_up_record(1, 0.5),), {1: b""}, fresh=False)
    [run] = list_runs(widths_store, parse_filters(["width=300x100"]))
    assert run.config == RunConfig(width=(300, 100))
    assert [
        listed.key for listed in list_runs(widths_store, parse_filters(["width=300x100"]))
    ] == [run.key]
    [run] = list_runs(widths_store, parse_filters(["width=300"]))
    assert run.config == RunConfig(width=300)


def test_the_runs_of_one_study_are_listed(widths_store):
    put_study(widths_store, made_up_study("one", [RUNS[2:3]]))
    [run] = list_runs(widths_store, {}, study="one")
    assert (run.config, run.epochs, run.status) == (RUNS[2].config, 1, "finished")
    assert run.val_accuracy == pytest.approx(0.2)
    with pytest.raises(StoreError, match="Unknown study"):
        list_runs(widths_store, {}, study="two")


def test_a_run_is_listed_with_the_accuracies_of_its_best_epoch(widths_store):
    run = made_up_identity(5, width=7)
    widths_store.acquire(run)
    for first, accuracies in ((1, (0.5, 0.9)), (3, (0.9, 0.7))):
        records = [made_up_record(e, value) for e, value in enumerate(accuracies, first)]
        records = [replace(record, test_accuracy=record.epoch / 10) for record in records]
        widths_store.append(run, records, {records[-1].epoch: b""}, fresh=False)
    [listed] = list_runs(widths_store, {"width": 7})
    assert (listed.epochs, listed.val_accuracy, listed.test_accuracy) == (4, 0.9, 0.2)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["width"], "FIELD=VALUE"),
        (["widht=3"], '"width"'),
        (["width=wide"], "must be an integer"),
        (["width=3", "width=4"], "given twice"),
        (["width=3x"], "must be an integer, or several: 300x100"),
        (["width=3x3"], r"fits no run: .* Give width=3 and depth=2\."),
        (["depth=none"], "must be an integer"),
    ],
)
def test_bad_filters_are_refused(texts, message):
    with pytest.raises(ConfigError, match=message):
        parse_filters(texts)
