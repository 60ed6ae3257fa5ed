"""The recorded environment is complete, and reading a revision runs no foreign program."""

import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import keras
import pytest

from kmlp import __version__, backend
from kmlp.training.environment import (
    _revision,
    describe_environment,
    differences,
    mixed_text,
)


def test_the_environment_has_versions_backend_and_device():
    environment = describe_environment()
    name = keras.backend.backend()
    assert (environment["backend"], environment["threads"]) == (name, 1)
    assert environment["versions"]["kmlp"] == __version__
    assert environment["versions"]["keras"] == keras.__version__
    assert environment["versions"][name]
    assert environment["device"] == ("accelerator" if backend.accelerated() else "cpu")
    assert json.loads(json.dumps(environment)) == environment


@pytest.fixture
def git(tmp_path, monkeypatch):
    """A function that runs git in a new repository of one commit, the current folder."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\nname = a\nemail = a@b\n")

    def run(*arguments):
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.strip()

    run("init")
    (folder / "file").write_bytes(b"one\n")
    run("add", "file")
    run("commit", "-m", "one")
    return run


@pytest.mark.once
def test_the_revision_is_that_of_the_current_folder(git, tmp_path, monkeypatch):
    assert _revision() == git("rev-parse", "HEAD")
    os.utime("file", (1, 1))  # another time is not a change
    assert _revision() == git("rev-parse", "HEAD")
    Path("file").write_text("two")
    assert _revision() == git("rev-parse", "HEAD") + "+"
    monkeypatch.chdir(tmp_path)
    assert _revision() is None


@pytest.mark.once
def test_the_revision_is_read_from_every_form_of_repository(git, tmp_path):
    revision = git("rev-parse", "HEAD")
    git("update-index", "--split-index")
    git("worktree", "add", str(tmp_path / "tree"))
    with contextlib.chdir(tmp_path / "tree"):
        assert _revision() == revision
        Path("file").unlink()
        assert _revision() == f"{revision}+"
    Path("below").mkdir()
    with contextlib.chdir("below"):
        assert _revision() == revision
    git("init", "--object-format=sha256", "another")
    with contextlib.chdir("another"):
        git("commit", "--allow-empty", "-m", "one")
        assert _revision() == git("rev-parse", "HEAD")


@pytest.mark.once
def test_settings_by_which_git_compares_files_are_used(git):
    git("config", "core.fileMode", "false")
    git("config", "core.autocrlf", "true")
    Path("file").unlink()
    git("checkout", "file")
    assert Path("file").read_bytes() == b"one\r\n"
    os.utime("file", (1, 1))  # so that git reads it again
    Path("file").chmod(0o755)
    assert _revision() == git("rev-parse", "HEAD")


@pytest.mark.once
def test_environment_variables_of_git_are_ignored(git, tmp_path, monkeypatch):
    revision = git("rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", "missing")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "no number")
    assert _revision() == revision


@pytest.fixture
def program(tmp_path):
    """A program for a repository to name, and the file that the program writes."""
    mark, script = tmp_path / "ran", tmp_path / "program.sh"
    script.write_text(f"#!/bin/sh\necho $0 $@ >> {mark}\ncat\n")
    script.chmod(0o755)
    return script, mark


@pytest.mark.once
def test_programs_that_a_repository_names_are_not_run(git, program, tmp_path):
    script, mark = program
    git("submodule", "add", str(tmp_path / "repository"), "inner")
    Path(".gitattributes").write_text("* filter=evil diff=evil merge=evil text ident\n")
    git("add", ".gitattributes")
    git("commit", "-m", "two")
    settings = [
        *("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass"),
        *("core.gitProxy", "core.alternateRefsCommand", "diff.external", "gpg.program"),
        *("filter.evil.clean", "filter.evil.smudge", "filter.evil.process"),
        *("diff.evil.command", "diff.evil.textconv", "merge.evil.driver"),
        *("pager.status", "pager.config", "credential.helper", "sequence.editor"),
        *("uploadpack.packObjectsHook", "hook.evil.command", "interactive.diffFilter"),
    ]
    included = tmp_path / "included"
    for file in (included, Path(".git/modules/inner/config")):
        for name in settings:
            git("config", "--file", str(file), name, str(script))
        git("config", "--file", str(file), "remote.origin.url", f"ext::{script}")
        git("config", "--file", str(file), "remote.origin.promisor", "true")
        git("config", "--file", str(file), "protocol.ext.allow", "always")
        for name in ("rev-parse", "status", "config"):
            git("config", "--file", str(file), f"alias.{name}", f"!{script}")
    for folder in (Path(".git/hooks"), Path(".git/modules/inner/hooks")):
        for hook in ("post-index-change", "fsmonitor-watchman", "post-checkout"):
            shutil.copy(script, folder / hook)
    with Path(".git/config").open("a") as config:
        config.write(f"[include]\npath = {included}\n")
    Path("file").write_text("another one")
    Path("inner/file").write_text("another one")
    revision = Path(".git/refs/heads", git("branch", "--show-current")).read_text().strip()
    mark.unlink(missing_ok=True)  # the commands of the test above have run the program
    assert _revision() == f"{revision}+"
    assert not mark.exists()
    git("status")
    assert mark.exists()  # an ordinary git does run the program


@pytest.mark.once
def test_a_program_git_in_the_current_folder_is_not_run(git, program, monkeypatch):
    script, mark = program
    revision = git("rev-parse", "HEAD")
    shutil.copy(script, "git")
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}:")
    assert shutil.which("git") == "./git"
    assert _revision() == revision
    assert not mark.exists()


CPU = {"device": "cpu", "instructions": "avx avx2 fma", "versions": {"keras": "3.15.1"}}


def test_equal_machines_do_not_differ():
    assert differences([CPU, {**CPU, "host": "b", "processor": "another name"}]) == {}
    assert (
        mixed_text([CPU, {**CPU, "versions": {"keras": "3.15.1", "python": "3.12"}}])
        is None
    )
    assert mixed_text([]) is None


def test_missing_instructions_are_not_a_difference():
    assert differences([CPU, {"device": "cpu", "versions": {"keras": "3.15.1"}}]) == {}


def test_only_instructions_that_not_all_machines_have_are_named():
    newer = {**CPU, "instructions": "avx avx2 avx512f fma"}
    assert re.search(
        r"\(device cpu / accelerator; instructions none.* / avx512f\)",
        mixed_text([CPU, newer, {**newer, "device": "gpu:1"}]),
    )
    assert differences([CPU, {**CPU, "versions": {"keras": "3.16"}}]) == {
        "keras": ["3.15.1", "3.16"]
    }
