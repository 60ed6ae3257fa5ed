"""Studies and lists of runs in a store; nothing is trained."""

import errno
import json
import math
import os
import time
from dataclasses import replace

import pytest
from helpers.made_up import made_up_record

from kmlp import ConfigError, RunConfig
from kmlp.errors import StoreError, StoreLostError, StoreWriteError
from kmlp.store import Store, StudyRecord, _removal
from kmlp.store.doctor import examine
from kmlp.store.listing import list_runs, parse_filters
from kmlp.store.studies import (
    get_study,
    list_studies,
    put_study,
    remove_study,
    runs_of_study,
)
from kmlp.training.run import RunIdentity

pytestmark = pytest.mark.once


def identity(number, **fields):
    return RunIdentity(str(number) * 64, RunConfig(**fields), "jax", True, 10)


RUNS = [identity(n, width=8 * (1 + n // 2), seed=n % 2) for n in range(4)]


def study(name, rows, epochs=1, **identity):
    whole = {"backend": "jax", "fused": True, "param": "width", "base": {}, **identity}
    limits = [0.115] * len(rows)
    return StudyRecord(
        name=name, kind="ablation", identity=whole, epochs=epochs,
        extent={"values": [8, 16], "seeds": [0, 1]}, progress={"chance_limits": limits},
        runs_by_level=tuple(tuple(run.key for run in row) for row in rows),
    )  # fmt: skip


WIDTHS = study("widths", [RUNS[:2], RUNS[2:]])


@pytest.fixture
def store():
    with Store(None) as opened:
        for index, run in enumerate(RUNS):
            assert opened.acquire(run)
            records = (made_up_record(1, index / 10),)
            opened.append(run, records, b"", fresh=False)
            opened.release(run)
        put_study(opened, WIDTHS)
        yield opened


def test_a_study_is_found_by_its_name(store):
    found = get_study(store, "widths")
    assert replace(found, updated=0.0) == WIDTHS
    assert abs(found.updated - time.time()) < 60


def test_an_unknown_name_gets_the_nearest(store):
    with pytest.raises(StoreError, match=r'"width".*"widths"'):
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
    with pytest.raises(ConfigError, match='"widths" is taken'):
        put_study(store, study("widths", [RUNS[:1]], param="depth"))
    assert replace(get_study(store, "widths"), updated=0.0) == WIDTHS


def test_a_line_on_each_study(store):
    put_study(store, study("longer", [RUNS[:2]], epochs=5))
    assert store.acquire(RUNS[1])
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
    store.acquire(RUNS[3])
    more = (made_up_record(2, 0.9), made_up_record(3, math.nan))
    store.append(RUNS[3], more, None, fresh=False)
    [widths] = list_studies(store)
    assert (widths.finished, widths.best_val_accuracy) == (4, pytest.approx(0.3))


def test_a_study_whose_first_task_is_in_progress_is_not_removed(tmp_path):
    """Its run has no row yet."""
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[1])
        with pytest.raises(StoreError, match=r"1 runs .*another process"):
            remove_study(other, "widths")
        assert other.acquire(RUNS[0])


def test_a_study_that_is_being_trained_is_not_removed(tmp_path):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[1])
        training.fail(RUNS[1], "in progress", fresh=False)
        with pytest.raises(StoreError, match=r"1 runs .*another process"):
            remove_study(other, "widths")
        assert len(list_studies(other)) == 1
        training.release(RUNS[1])
        remove_study(other, "widths")
        assert list_runs(other, {}) == []


@pytest.fixture
def quickly(monkeypatch):
    """A heart that has not beaten while one looked once is dead."""
    monkeypatch.setattr("kmlp.store.leases.SECONDS_UNTIL_EXPIRED", 0.001)
    monkeypatch.setattr("kmlp.store.studies.SECONDS_BETWEEN_LOOKS", 0.002)


def test_who_trains_a_study_is_said_and_nothing_is_removed(tmp_path, quickly):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[1])
        with pytest.raises(
            StoreError, match=rf"process {os.getpid()} on .* since 2.* UTC\)"
        ):
            remove_study(other, "widths")
        assert training.leases.holds(RUNS[1].key)


def test_one_waits_to_see_whether_a_study_is_trained(tmp_path, quickly):
    """As on another machine, whose clock says nothing."""
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        for run in RUNS[:2]:
            training.acquire(run)
        other.connection.execute("UPDATE leases SET host = 'far', heartbeat = 1e12")
        heard = []
        remove_study(other, "widths", waits=heard.append)
        assert [it.host for it in heard] == ["far"]
        assert list_studies(other) == []
        assert other.connection.execute("SELECT * FROM leases").fetchall() == []


def test_a_study_whose_heart_beats_far_away_is_not_removed(tmp_path, quickly):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[1])
        other.connection.execute("UPDATE leases SET host = 'far'")

        def beats(holder):
            other.connection.execute("UPDATE leases SET heartbeat = heartbeat + 1")

        with pytest.raises(StoreError, match=r"1 runs .*another process"):
            remove_study(other, "widths", waits=beats)
        assert len(list_studies(other)) == 1


def suspended(training, other):
    """Another process removes the study while one that trains it is suspended."""
    other.connection.execute("UPDATE leases SET host = 'far'")
    remove_study(other, "widths")


def done(epoch=1):
    return (made_up_record(epoch, 0.5),), b"model"


def test_a_command_whose_study_was_removed_leaves_no_run_that_is_nobody_s(
    tmp_path, quickly
):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[0])
        assert training.append(RUNS[0], *done(), fresh=False)
        suspended(training, other)
        assert not training.append(RUNS[0], *done(2), fresh=False)
        assert not training.fail(RUNS[0], "out of luck", fresh=False)
        for run in RUNS[:2]:
            with pytest.raises(StoreLostError, match='"widths" was removed'):
                training.acquire(run)
        with pytest.raises(StoreLostError, match="was removed"):
            put_study(training, WIDTHS)  # as a search does while it goes on
        assert list_runs(other, {}) == []
        assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_file_that_was_written_while_the_study_was_removed_is_no_left_over(
    tmp_path, quickly, monkeypatch
):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[0])
        write = _removal.checkpoints.write

        def slowly(*arguments):
            write(*arguments)
            suspended(training, other)

        monkeypatch.setattr("kmlp.store._checkpoints.write", slowly)
        assert not training.append(RUNS[0], *done(), fresh=False)
        assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_study_that_was_put_again_meanwhile_goes_on(tmp_path, quickly):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[0])
        suspended(training, other)
        put_study(other, WIDTHS)
        assert not training.append(RUNS[0], *done(), fresh=False)
        assert training.acquire(RUNS[0])
        assert training.append(RUNS[0], *done(), fresh=False)


def test_runs_of_a_removed_study_that_another_one_has_are_not_trained_for_it(
    tmp_path, quickly
):
    """Whoever asked for the other one trains them."""
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        put_study(other, study("one", [RUNS[:1]]))
        training.acquire(RUNS[0])
        suspended(training, other)
        with pytest.raises(StoreLostError, match='"widths" was removed'):
            training.acquire(RUNS[0])
        assert other.acquire(RUNS[0])


@pytest.fixture
def kept(tmp_path):
    """A study in a folder, and the names of its files."""
    with Store(tmp_path) as opened:
        put_study(opened, WIDTHS)
        for run in RUNS:
            opened.acquire(run)
            opened.append(run, *done(), fresh=False)
            opened.release(run)
        yield opened


def files(store):
    return sorted(path.name for path in store.checkpoint_folder.rglob("*"))


def failing(monkeypatch, method, times):
    """A method of paths fails, after so many times that it does not."""
    before = getattr(type(_removal.Path()), method)
    calls = []

    def fails(path, *arguments, **options):
        if _removal.ASIDE in f"{path} {arguments}":
            calls.append(path)
            if len(calls) > times:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return before(path, *arguments, **options)

    monkeypatch.setattr(_removal.Path, method, fails)


@pytest.mark.parametrize("times", [0, 1, 3])
@pytest.mark.parametrize("method", ["replace", "mkdir"])
def test_a_study_whose_files_cannot_be_removed_stays_whole(
    kept, monkeypatch, method, times
):
    before = files(kept)
    assert len(before) == 4
    with monkeypatch.context() as patched:
        failing(patched, method, times)
        with pytest.raises(StoreWriteError, match=r"othing was removed.*Permission"):
            remove_study(kept, "widths")
    with Store(kept.folder) as again:  # what could not be put back then is put back now
        assert files(again) == before
        assert all(again.run(run).checkpoint_bytes() == b"model" for run in RUNS)
        remove_study(again, "widths")
        assert files(again) == []
        assert list_studies(again) == []


@pytest.mark.parametrize("times", [0, 3])
def test_files_that_cannot_be_deleted_are_when_they_can(kept, monkeypatch, times):
    with monkeypatch.context() as patched:
        failing(patched, "unlink", times)
        with pytest.raises(StoreWriteError, match='"widths" is removed'):
            remove_study(kept, "widths")
    assert list_studies(kept) == []
    assert files(kept)
    with Store(kept.folder) as again:
        assert files(again) == []


def test_a_removal_that_is_killed_is_undone_or_done(kept, monkeypatch):
    before = files(kept)

    def killed(*arguments):
        raise SystemExit  # with nothing after it

    with monkeypatch.context() as patched:
        patched.setattr(_removal, "put_back", lambda *arguments: None)
        put_aside = _removal.put_aside
        patched.setattr(_removal, "put_aside", lambda *them: killed(put_aside(*them)))
        with pytest.raises(SystemExit):
            remove_study(kept, "widths")
    assert files(kept) == sorted([*before, _removal.ASIDE])
    assert (
        f"4 files in {kept.checkpoint_folder / _removal.ASIDE}" in examine(kept).leftovers
    )
    with Store(kept.folder) as again:
        assert files(again) == before
        assert len(list_studies(again)) == 1
    with monkeypatch.context() as patched:
        patched.setattr(_removal, "settle", killed)
        with pytest.raises(SystemExit):
            remove_study(kept, "widths")
    with Store(kept.folder) as again:
        assert files(again) == []
        assert list_studies(again) == []


def test_a_link_in_the_place_of_what_is_put_aside_is_not_followed(kept, tmp_path):
    before = files(kept)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / before[0]).write_text("mine")
    (kept.checkpoint_folder / _removal.ASIDE).symlink_to(mine)
    with pytest.raises(StoreWriteError, match="othing was removed"):
        remove_study(kept, "widths")
    with Store(kept.folder) as again:
        assert [it for it in files(again) if it != _removal.ASIDE] == before
    assert [path.read_text() for path in mine.iterdir()] == ["mine"]


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
        store.acquire(run)
        store.append(run, (made_up_record(1, 0.5),), b"", fresh=False)
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
        (["width"], "FIELD=VALUE"),
        (["widht=3"], '"width"'),
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
    [row] = store.connection.execute("SELECT spec FROM studies").fetchall()
    spec = json.loads(row["spec"])
    assert list(spec) == ["identity", "extent", "progress", "epochs", "runs_by_level"]
    assert (spec["identity"]["param"], spec["extent"]["values"]) == ("width", [8, 16])
