"""A command that needs the current folder says first that it is gone."""

import re

import pytest

pytestmark = pytest.mark.once


@pytest.fixture
def removed(tmp_path, monkeypatch):
    """A current folder that does not exist any more."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()


@pytest.mark.parametrize(
    "command",
    [
        ["studies"],
        ["train", "--epochs", "1"],
        ["data", "list"],
        ["tune", "--dry-run"],
        ["show", "a"],
    ],
    ids=lambda it: it[0],
)
def test_a_current_folder_that_was_removed(kmlp, removed, command):
    result = kmlp(*command)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch("Error: .*current folder.*cd ~.*\n", result.err)


@pytest.mark.parametrize(
    "command", [["--help"], ["ablate", "--help"], ["--version"], ["info"]]
)
def test_what_needs_no_folder_works_without_one(kmlp, removed, command):
    result = kmlp(*command)
    assert (result.code, result.err) == (0, "")
