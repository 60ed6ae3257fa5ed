"""Studies and lists of runs in a store; nothing is trained."""

import json
import math
import time
from dataclasses import replace

import pytest
from made_up import made_up_record

from kmlp import ConfigError, RunConfig
from kmlp.engine import Slice, SliceResult
from kmlp.errors import StoreError
from kmlp.run import RunIdentity
from kmlp.store import Store, StudyRecord
from kmlp.store.listing import list_runs, parse_filters
from kmlp.store.studies import (
    get_study,
    list_studies,
    put_study,
    remove_study,
    runs_of_study,
)

pytestmark = pytest.mark.once


def identity(number, **fields):
    return RunIdentity(str(number) * 64, RunConfig(**fields), "jax", True, 10)


RUNS = [identity(n, width=8 * (1 + n // 2), seed=n % 2) for n in range(4)]


def study(name, rows, epochs=1, **about):
    whole = {"backend": "jax", "fused": True, "axis": "width", "base": {}, **about}
    limits = [0.115] * len(rows)
    return StudyRecord(
        name=name, kind="ablation", about=whole, epochs=epochs,
        question={"values": [8, 16], "seeds": [0, 1], "chance_limits": limits},
        rows=tuple(tuple(run.key for run in row) for row in rows),
    )  # fmt: skip


WIDTHS = study("widths", [RUNS[:2], RUNS[2:]])


@pytest.fixture
def store():
    with Store(None) as opened:
        for index, run in enumerate(RUNS):
            assert opened.claim(run)
            done = SliceResult(
                Slice(run, 0, None, 1), (made_up_record(1, index / 10),), b""
            )
            opened.append(run, done, fresh=False)
            opened.release(run)
        put_study(opened, WIDTHS)
        yield opened


def test_a_study_is_found_by_its_name(store):
    found = get_study(store, "widths")
    assert replace(found, updated=0.0) == WIDTHS
    assert abs(found.updated - time.time()) < 60


def test_an_unknown_name_gets_the_nearest(store):
    with pytest.raises(StoreError, match='Unknown study "width": did you mean "widths"'):
        get_study(store, "width")
    with Store(None) as empty, pytest.raises(StoreError, match="no study"):
        get_study(empty, "width")


def test_a_study_is_extended_under_its_name_and_keeps_its_runs(store):
    put_study(store, study("widths", [RUNS[:1]], epochs=3))
    assert get_study(store, "widths").epochs == 3
    assert len(list_studies(store)) == 1
    alone, shared = runs_of_study(store, "widths")
    assert (len(alone), shared) == (4, [])


def test_a_name_is_not_given_to_something_else(store):
    with pytest.raises(ConfigError, match='The name "widths" is taken'):
        put_study(store, study("widths", [RUNS[:1]], axis="depth"))
    assert replace(get_study(store, "widths"), updated=0.0) == WIDTHS


def test_a_line_on_each_study(store):
    put_study(store, study("longer", [RUNS[:2]], epochs=5))
    assert store.claim(RUNS[1])
    store.fail(RUNS[1], "out of luck", fresh=False)
    longer, widths = list_studies(store)
    assert (longer.finished, longer.failed, longer.best_val_accuracy) == (0, 1, None)
    assert (widths.record.name, widths.finished, widths.failed) == ("widths", 4, 0)
    assert widths.best_val_accuracy == pytest.approx(0.3)


def test_runs_that_another_study_uses_stay(store):
    put_study(store, study("one", [RUNS[:1]]))
    remove_study(store, "widths")
    assert [run.key for run in list_runs(store, {})] == [RUNS[0].key]
    assert [it.record.name for it in list_studies(store)] == ["one"]
    assert len(list((store.folder / "checkpoints").iterdir())) == 1


def test_a_study_is_listed_with_the_epochs_that_it_asked_for(store):
    store.claim(RUNS[3])
    more = (made_up_record(2, 0.9), made_up_record(3, math.nan))
    store.append(RUNS[3], SliceResult(Slice(RUNS[3], 1, None, 3), more, None), fresh=False)
    [widths] = list_studies(store)
    assert (widths.finished, widths.best_val_accuracy) == (4, pytest.approx(0.3))


def test_a_study_whose_first_slice_is_in_progress_is_not_removed(tmp_path):
    """Its run has no row yet."""
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.claim(RUNS[1])
        with pytest.raises(StoreError, match=r"1 runs .* trained by another process"):
            remove_study(other, "widths")
        assert other.claim(RUNS[0])


def test_a_study_that_is_being_trained_is_not_removed(tmp_path):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.claim(RUNS[1])
        training.fail(RUNS[1], "in progress", fresh=False)
        with pytest.raises(StoreError, match=r"1 runs .* trained by another process"):
            remove_study(other, "widths")
        assert len(list_studies(other)) == 1
        training.release(RUNS[1])
        remove_study(other, "widths")
        assert list_runs(other, {}) == []


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
def test_filters(store, texts, status, expected):
    found = list_runs(store, parse_filters(texts, status=status))
    assert [int(run.key[0]) for run in found] == expected


def test_runs_are_found_by_the_widths_of_their_layers(store):
    for number, width in ((5, (300, 100)), (6, (300, 10)), (7, (300, 300))):
        run = identity(number, width=width)
        store.claim(run)
        store.append(
            run, SliceResult(Slice(run, 0, None, 1), (made_up_record(1, 0.5),), b""),
            fresh=False,
        )  # fmt: skip
    [found] = list_runs(store, parse_filters(["width=300x100"]))
    assert found.config == RunConfig(width=(300, 100))
    assert [it.key for it in list_runs(store, parse_filters(["width=300x100"]))] == [
        found.key
    ]
    [found] = list_runs(store, parse_filters(["width=300"]))
    assert found.config == RunConfig(width=300)


def test_the_runs_of_a_study(store):
    put_study(store, study("one", [RUNS[2:3]]))
    [run] = list_runs(store, {}, study="one")
    assert (run.config, run.epochs, run.status) == (RUNS[2].config, 1, "finished")
    assert run.val_accuracy == pytest.approx(0.2)
    with pytest.raises(StoreError, match="Unknown study"):
        list_runs(store, {}, study="two")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["width"], "not of the form FIELD=VALUE"),
        (["widht=3"], 'did you mean "width"'),
        (["width=wide"], "must be an integer"),
        (["width=3", "width=4"], "given twice"),
        (["width=3x"], "must be an integer, or several: 300x100"),
        (["width=3x3"], r"fits no run: .* Give width=3 and depth=2\."),
        (["depth=none"], "must be an integer"),
    ],
)
def test_bad_filters(texts, message):
    with pytest.raises(ConfigError, match=message):
        parse_filters(texts)


def test_a_question_can_be_read_by_other_tools(store):
    [row] = store.connection.execute("SELECT question FROM studies").fetchall()
    about, question, epochs, rows = json.loads(row["question"])
    assert (about["axis"], question["values"], epochs, len(rows)) == (
        "width",
        [8, 16],
        1,
        2,
    )
