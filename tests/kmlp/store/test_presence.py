"""A store that is taken away while it is open. Nothing is trained."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from helpers.made_up import made_up_record
from helpers.stores import take_away

from kmlp import RunConfig
from kmlp.errors import StoreLostError, StoreWriteError
from kmlp.store import Store, _checkpoint_files
from kmlp.training.identity import RunIdentity

pytestmark = pytest.mark.once

A = RunIdentity("1" * 64, RunConfig(), "none", True, 10)


def result(epoch):
    return (made_up_record(epoch, 0.5),), {epoch: b"model"}


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "runs") as opened:
        assert opened.acquire(A)
        assert opened.append(A, *result(1), fresh=False)
        yield opened


def move(folder):
    folder.rename(folder.with_name("elsewhere"))


def put_a_copy_in_its_place(folder):
    shutil.copytree(folder, folder.with_name("copy"))
    move(folder)
    folder.with_name("copy").rename(folder)


def put_a_file_in_its_place(folder):
    move(folder)
    folder.write_text("mine")


def unmount(folder):
    """Put an empty folder in its place, as an unmounted disk leaves it."""
    move(folder)
    folder.mkdir()


WAYS = [take_away, move, put_a_copy_in_its_place, put_a_file_in_its_place, unmount]


def listed(folder):
    return sorted(folder.rglob("*")) if folder.is_dir() else folder.exists()


@pytest.mark.parametrize("take_away", WAYS, ids=lambda way: way.__name__)
def test_a_folder_that_is_taken_away_is_noticed_at_the_next_write(store, take_away):
    take_away(store.folder)
    there = listed(store.folder)
    with pytest.raises(StoreLostError) as caught:
        store.append(A, *result(2), fresh=False)
    assert str(caught.value).startswith(str(store.folder))
    assert caught.value.exit_code == 1
    assert listed(store.folder) == there  # nothing is made where nobody looks for it


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.acquire(A),
        lambda store: store.replace(A),
        lambda store: store.fail(A, "out of luck", fresh=False),
        lambda store: store.begin_anew(A),
    ],
    ids=["acquire", "replace", "fail", "begin anew"],
)
def test_every_write_notices(store, write):
    take_away(store.folder)
    with pytest.raises(StoreLostError, match="runs is gone"):
        write(store)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_missing_database_is_noticed(store, how):
    path = store.folder / "kmlp.sqlite"
    path.unlink()
    if how == "replaced":
        path.write_bytes(b"")
    problem = "is gone" if how == "removed" else "was replaced"
    with pytest.raises(StoreLostError, match=rf"kmlp\.sqlite {problem}"):
        store.append(A, *result(2), fresh=False)


def test_a_folder_that_is_removed_during_the_last_write_is_noticed(store):
    with pytest.raises(StoreLostError), store.writing():
        take_away(store.folder)


def test_a_missing_folder_of_checkpoints_is_noticed(store):
    take_away(store.checkpoint_folder)
    with pytest.raises(StoreLostError, match="checkpoints"):
        store.append(A, *result(2), fresh=False)


def test_a_folder_that_is_moved_and_linked_to_is_the_same(store):
    move(store.folder)
    store.folder.symlink_to(store.folder.with_name("elsewhere"))
    assert store.append(A, *result(2), fresh=False)
    with Store(store.folder) as again:
        assert again.run(A).epochs == 2


def test_a_folder_that_is_put_back_is_written_to_again(store):
    move(store.folder)
    with pytest.raises(StoreLostError):
        store.append(A, *result(2), fresh=False)
    store.folder.with_name("elsewhere").rename(store.folder)
    assert store.append(A, *result(2), fresh=False)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENODEV])
def test_a_missing_disk_and_a_full_disk_have_different_errors(store, monkeypatch, number):
    def fails(error):
        def write(*arguments):
            raise OSError(error, os.strerror(error))

        return write

    monkeypatch.setattr(_checkpoint_files, "write", fails(number))
    with pytest.raises(StoreLostError, match=os.strerror(number)):
        store.append(A, *result(2), fresh=False)
    monkeypatch.setattr(_checkpoint_files, "write", fails(errno.ENOSPC))
    with pytest.raises(StoreWriteError) as caught:
        store.append(A, *result(2), fresh=False)
    assert not isinstance(caught.value, StoreLostError)


def test_a_folder_that_does_not_answer_is_named(store, monkeypatch):
    def gone(path, **options):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", gone)
        with pytest.raises(StoreLostError, match="Transport end"):
            store.check_presence()


def test_the_heartbeat_creates_no_file_where_the_folder_was(store):
    take_away(store.folder)
    with pytest.raises(Exception, match="unable to open database file"):
        store.leases._connect()
    assert not store.folder.exists()


def test_a_store_in_memory_is_always_there():
    with Store(None) as store:
        store.check_presence()
        assert store.acquire(A)
        assert store.append(A, *result(1), fresh=False)


def test_the_current_folder_may_change(tmp_path, monkeypatch):
    """An observer or a custom function may change it."""
    monkeypatch.chdir(tmp_path)
    with Store(Path("here")) as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert store.acquire(A)
        assert store.append(A, *result(1), fresh=False)
        assert store.run(A).checkpoint_bytes() == b"model"
    assert not list((tmp_path / "elsewhere").iterdir())
