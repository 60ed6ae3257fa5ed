"""Where something was trained: versions, device, threads, command line, revision."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kmlp import backend
from kmlp._util.processes import find_program
from kmlp.settings import differing_settings

_PACKAGES = ("kmlp", "keras", "numpy")


def describe_environment() -> dict[str, Any]:
    """Facts that JSON can hold; nothing of it is needed to continue a run.

    Raises:
        BackendError: if there is no backend.
    """
    return {**describe_machine(), "command": _command(), "revision": _revision()}


def _command() -> str:
    """The command line, in which bytes that are no text in UTF-8 are written out."""
    return shlex.join(sys.argv).encode(errors="backslashreplace").decode()


def describe_machine() -> dict[str, Any]:
    """Those of the facts that differ between the machines of one command.

    Raises:
        BackendError: if there is no backend.
    """
    name = backend.select()
    versions = {"python": platform.python_version()}
    for package in (*_PACKAGES, name):
        with suppress(PackageNotFoundError):  # installed under another name
            versions[package] = version(package)
    return {
        "versions": versions,
        "backend": name,
        "device": "accelerator" if backend.accelerated() else "cpu",
        "threads": 1,
        "settings": differing_settings(name),
        "platform": platform.platform(),
        "host": platform.node(),
        **_processor(),
    }


def differences(environments: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What can make results differ in their last digits, where it is not the same in all.

    Returns:
        The values of each such fact, by its name: the kind of device, the processor's
        instructions, the versions of packages that compute.

    Example:
    >>> differences([{"device": "cpu"}, {"device": "gpu:1"}, {"device": "cpu"}])
    {'device': ['cpu', 'accelerator']}
    """
    found: dict[str, dict[str, None]] = {}
    for facts in environments:
        told = {
            "device": "cpu" if facts.get("device") == "cpu" else "accelerator",
            "instructions": facts.get("instructions"),
            **{
                name: version
                for name, version in facts.get("versions", {}).items()
                if name not in ("python", "kmlp")
            },
        }
        for name, value in told.items():
            if value is not None:  # stores of earlier versions do not tell it
                found.setdefault(name, {})[str(value)] = None
    return {name: list(values) for name, values in found.items() if len(values) > 1}


def mixed_text(environments: Iterable[Mapping[str, Any]]) -> str | None:
    """Says that a study mixes machines on which results differ; None if it does not."""
    found = differences(environments)
    if not found:
        return None
    if "instructions" in found:  # what not all have
        sets = [set(text.split()) for text in found["instructions"]]
        common = sets[0].intersection(*sets)
        own = (sorted(it - common) for it in sets)
        found["instructions"] = [" ".join(it) or "none of these" for it in own]
    parts = (f"{name} {' / '.join(values)}" for name, values in found.items())
    return (
        f"Trained in different environments ({'; '.join(parts)}): between them, equal "
        "seeds can differ in the last digits."
    )


_VECTOR = re.compile("sse4_2|avx.*|fma|amx.*|asimd|sve.*")
"""Instructions by which compilers choose how to sum."""


@cache
def _processor() -> dict[str, str]:
    """The name of the processor, and its vector instructions, as far as Linux says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {"processor": platform.processor() or platform.machine()}
    facts = {key.strip(): value for key, _, value in (it.partition(":") for it in lines)}
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return {
        "processor": facts.get("model name", "").strip() or platform.machine(),
        "instructions": " ".join(sorted(filter(_VECTOR.fullmatch, flags))),
    }


_KEPT = "autocrlf|checkstat|eol|filemode|ignorecase|precomposeunicode|symlinks|trustctime"
"""Of a repository's configuration, by which git compares files; nothing of it is run."""


def _revision() -> str | None:
    """The git revision of the current folder, with a `+` if it was changed since.

    A repository may be somebody else's, of an archive that was unpacked, and its
    configuration name programs: monitors, filters, hooks, helpers of remotes. It is only
    asked where it is, at what commit, and for plain settings. What changed is asked of a
    git folder without its configuration, which has its objects and its index.
    """
    git = find_program("git")
    if git is None:
        return None
    try:
        asked = ("HEAD", "--git-common-dir", "--git-path", "index", "--show-toplevel")
        revision, common, index, top, _ = _git(git, "rev-parse", *asked).split("\n")
        kept = _git(
            git, "config", "--null", "--get-regexp", rf"^core\.({_KEPT})$", ok=(0, 1)
        )
        with tempfile.TemporaryDirectory(prefix="kmlp-") as folder:
            changes = _changes(
                git,
                Path(folder),
                top=Path(top),
                objects=Path(common, "objects").absolute(),
                index=Path(index).absolute(),
                revision=revision,
                settings=dict(it.split("\n", 1) for it in kept.split("\0") if "\n" in it),
            )
    except (OSError, ValueError, subprocess.SubprocessError):  # not in a repository
        return None
    return f"{revision}+" if changes else revision


def _changes(
    git: str,
    folder: Path,
    *,
    top: Path,
    objects: Path,
    index: Path,
    revision: str,
    settings: Mapping[str, str],
) -> str:
    """What differs from a commit among the files that git knows.

    Args:
        git: The program.
        folder: An empty one, which becomes the git folder.
        top: The repository's files.
        objects: Its objects.
        index: Its index, beside which are those that it shares.
        revision: The commit.
        settings: Of git, by their names.
    """
    (folder / "refs").mkdir()
    (folder / "HEAD").write_text(f"{revision}\n", encoding="utf-8")
    if len(revision) == _SHA_256:
        _git(
            git, "config", "--file", f"{folder}/config", "core.repositoryFormatVersion", "1"
        )
        _git(
            git, "config", "--file", f"{folder}/config", "extensions.objectFormat", "sha256"
        )
    for file in [index, *index.parent.glob("sharedindex.*")]:
        if file.is_file():  # there is none before the first `git add`
            shutil.copy2(file, folder / file.name)  # of the same time, which git looks at
    return _git(
        git,
        *(word for name, it in settings.items() for word in ("-c", f"{name}={it}")),
        "status",
        "--porcelain",
        "--untracked-files=no",
        # A submodule's changes are those of its commit: it has a configuration, too.
        "--ignore-submodules=dirty",
        folder=top,
        environment={
            "GIT_DIR": str(folder),
            "GIT_WORK_TREE": str(top),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_NO_LAZY_FETCH": "1",
        },
    )


_SHA_256 = 64
"""Digits of a commit where objects are named by it; they are 40 otherwise."""


def _git(
    git: str,
    *words: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    ok: tuple[int, ...] = (0,),
) -> str:
    """What git says.

    Args:
        git: The program.
        *words: Its arguments.
        folder: Where it runs. Defaults to None: the current one.
        environment: Variables for it. Defaults to None: no more. Others of git's, by which
            it would look elsewhere or run something, are not passed on.
        ok: The exit codes of success. Defaults to 0.

    Raises:
        OSError: if it cannot be run.
        ValueError: if it says what is no text.
        subprocess.SubprocessError: if it fails, or takes too long.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("GIT_")}
    done = subprocess.run(
        [git, "--no-pager", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding=sys.getfilesystemencoding(),
        errors="surrogateescape",
        timeout=5,
        cwd=folder,
        env={**inherited, "GIT_OPTIONAL_LOCKS": "0", **(environment or {})},
        check=False,
    )
    if done.returncode not in ok:
        raise subprocess.CalledProcessError(done.returncode, words)
    return done.stdout
