"""Removing studies: whole, or not at all. Nothing is trained."""

import errno
import os

import pytest
from helpers.made_up import made_up_record
from helpers.made_up_studies import RUNS, WIDTHS, made_up_study

from kmlp.errors import StoreError, StoreLostError, StoreWriteError
from kmlp.store import Store, _removal
from kmlp.store.doctor import examine
from kmlp.store.listing import list_runs
from kmlp.store.studies import list_studies, put_study
from kmlp.store.study_removal import remove_study

pytestmark = pytest.mark.once


def test_runs_that_another_study_uses_stay(widths_store):
    put_study(widths_store, made_up_study("one", [RUNS[:1]]))
    remove_study(widths_store, "widths")
    assert [run.key for run in list_runs(widths_store, {})] == [RUNS[0].key]
    assert [summary.record.name for summary in list_studies(widths_store)] == ["one"]
    assert len(list((widths_store.folder / "checkpoints").iterdir())) == 1


def test_a_study_whose_first_task_is_in_progress_is_not_removed(tmp_path):
    """The run of the first task has no row yet."""
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
    """A lease expires after one look without a heartbeat."""
    monkeypatch.setattr("kmlp.store.leases.SECONDS_UNTIL_EXPIRED", 0.001)
    monkeypatch.setattr("kmlp.store.study_removal.SECONDS_BETWEEN_LOOKS", 0.002)


def test_the_process_that_trains_a_study_is_named_and_nothing_is_removed(tmp_path, quickly):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[1])
        with pytest.raises(
            StoreError, match=rf"process {os.getpid()} on .* since 2.* UTC\)"
        ):
            remove_study(other, "widths")
        assert training.leases.holds(RUNS[1].key)


def test_a_removal_waits_until_a_process_elsewhere_is_known_to_be_dead(tmp_path, quickly):
    """The process is on another machine, whose clock is not trusted."""
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        for run in RUNS[:2]:
            training.acquire(run)
        other.connection.execute("UPDATE leases SET host = 'far', heartbeat = 1e12")
        holders = []
        remove_study(other, "widths", waits=holders.append)
        assert [holder.host for holder in holders] == ["far"]
        assert list_studies(other) == []
        assert other.connection.execute("SELECT * FROM leases").fetchall() == []


def test_a_study_with_a_heartbeat_on_another_machine_is_not_removed(tmp_path, quickly):
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
    return (made_up_record(epoch, 0.5),), {epoch: b"model"}


def test_a_command_whose_study_was_removed_leaves_no_run_without_a_study(tmp_path, quickly):
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


def test_a_file_that_was_written_while_the_study_was_removed_is_not_left_over(
    tmp_path, quickly, monkeypatch
):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[0])
        write = _removal._checkpoint_files.write

        def slowly(*arguments):
            write(*arguments)
            suspended(training, other)

        monkeypatch.setattr("kmlp.store._checkpoint_files.write", slowly)
        assert not training.append(RUNS[0], *done(), fresh=False)
        assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_study_that_was_stored_again_meanwhile_continues(tmp_path, quickly):
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        training.acquire(RUNS[0])
        suspended(training, other)
        put_study(other, WIDTHS)
        assert not training.append(RUNS[0], *done(), fresh=False)
        assert training.acquire(RUNS[0])
        assert training.append(RUNS[0], *done(), fresh=False)


def test_shared_runs_of_a_removed_study_are_trained_for_the_other_study_only(
    tmp_path, quickly
):
    """The process that asked for the other study trains these runs."""
    with Store(tmp_path) as training, Store(tmp_path) as other:
        put_study(training, WIDTHS)
        put_study(other, made_up_study("one", [RUNS[:1]]))
        training.acquire(RUNS[0])
        suspended(training, other)
        with pytest.raises(StoreLostError, match='"widths" was removed'):
            training.acquire(RUNS[0])
        assert other.acquire(RUNS[0])


@pytest.fixture
def filled(tmp_path):
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
    """Make a method of paths fail after a number of calls."""
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
    filled, monkeypatch, method, times
):
    before = files(filled)
    assert len(before) == 4
    with monkeypatch.context() as patched:
        failing(patched, method, times)
        with pytest.raises(StoreWriteError, match=r"othing was removed.*Permission"):
            remove_study(filled, "widths")
    with Store(filled.folder) as again:  # what could not be put back then is put back now
        assert files(again) == before
        assert all(again.run(run).checkpoint_bytes() == b"model" for run in RUNS)
        remove_study(again, "widths")
        assert files(again) == []
        assert list_studies(again) == []


@pytest.mark.parametrize("times", [0, 3])
def test_files_that_cannot_be_deleted_are_deleted_by_a_later_command(
    filled, monkeypatch, times
):
    with monkeypatch.context() as patched:
        failing(patched, "unlink", times)
        with pytest.raises(StoreWriteError, match='"widths" is removed'):
            remove_study(filled, "widths")
    assert list_studies(filled) == []
    assert files(filled)
    with Store(filled.folder) as again:
        assert files(again) == []


def test_a_removal_that_is_killed_is_undone_or_finished(filled, monkeypatch):
    before = files(filled)

    def killed(*arguments):
        raise SystemExit  # with nothing after it

    with monkeypatch.context() as patched:
        patched.setattr(_removal, "put_back", lambda *arguments: None)
        put_aside = _removal.put_aside
        patched.setattr(_removal, "put_aside", lambda *them: killed(put_aside(*them)))
        with pytest.raises(SystemExit):
            remove_study(filled, "widths")
    assert files(filled) == sorted([*before, _removal.ASIDE])
    assert (
        f"4 files in {filled.checkpoint_folder / _removal.ASIDE}"
        in examine(filled).leftovers
    )
    with Store(filled.folder) as again:
        assert files(again) == before
        assert len(list_studies(again)) == 1
    with monkeypatch.context() as patched:
        patched.setattr(_removal, "settle", killed)
        with pytest.raises(SystemExit):
            remove_study(filled, "widths")
    with Store(filled.folder) as again:
        assert files(again) == []
        assert list_studies(again) == []


def test_a_link_in_the_place_of_the_folder_aside_is_not_followed(filled, tmp_path):
    before = files(filled)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / before[0]).write_text("mine")
    (filled.checkpoint_folder / _removal.ASIDE).symlink_to(mine)
    with pytest.raises(StoreWriteError, match="othing was removed"):
        remove_study(filled, "widths")
    with Store(filled.folder) as again:
        assert [name for name in files(again) if name != _removal.ASIDE] == before
    assert [path.read_text() for path in mine.iterdir()] == ["mine"]
