"""The environment of a training: versions, device, threads, command line, revision."""

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
    """Return the environment of this process, as values for JSON.

    A run can be continued without this record.

    Raises:
        BackendError: if there is no backend.
    """
    return {**describe_machine(), "command": _command(), "revision": _revision()}


def _command() -> str:
    """Return the command line, with escapes for bytes that are not valid UTF-8."""
    return shlex.join(sys.argv).encode(errors="backslashreplace").decode()


def describe_machine() -> dict[str, Any]:
    """Return the part of the environment that may differ between a command's machines.

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
    """Return the differences of environments that can change the last digits of results.

    These are the kind of device, the processor's instructions, and the versions of
    packages that compute.

    Returns:
        The different values by name. Names with only one value are left out.

    Example:
    >>> differences([{"device": "cpu"}, {"device": "gpu:1"}, {"device": "cpu"}])
    {'device': ['cpu', 'accelerator']}
    """
    values_by_name: dict[str, dict[str, None]] = {}
    for environment in environments:
        values = {
            "device": "cpu" if environment.get("device") == "cpu" else "accelerator",
            "instructions": environment.get("instructions"),
            **{
                name: version
                for name, version in environment.get("versions", {}).items()
                if name not in ("python", "kmlp")
            },
        }
        for name, value in values.items():
            if value is not None:  # environments of old stores lack the instructions
                values_by_name.setdefault(name, {})[str(value)] = None
    return {
        name: list(values) for name, values in values_by_name.items() if len(values) > 1
    }


def mixed_text(environments: Iterable[Mapping[str, Any]]) -> str | None:
    """Return a sentence on the differences of environments; None if there are none."""
    mixed = differences(environments)
    if not mixed:
        return None
    if "instructions" in mixed:  # name only the instructions that not all machines have
        sets = [set(text.split()) for text in mixed["instructions"]]
        common = sets[0].intersection(*sets)
        others = (sorted(instructions - common) for instructions in sets)
        mixed["instructions"] = [" ".join(names) or "none of these" for names in others]
    parts = (f"{name} {' / '.join(values)}" for name, values in mixed.items())
    return (
        f"Trained in different environments ({'; '.join(parts)}): between them, equal "
        "seeds can differ in the last digits."
    )


_VECTOR = re.compile("sse4_2|avx.*|fma|amx.*|asimd|sve.*")
"""Vector instructions: compilers choose the order of additions by them."""


@cache
def _processor() -> dict[str, str]:
    """Return the name of the processor, and on Linux its vector instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {"processor": platform.processor() or platform.machine()}
    entries = (line.partition(":") for line in lines)
    info = {key.strip(): value for key, _, value in entries}
    flags = (info.get("flags") or info.get("Features") or "").split()
    return {
        "processor": info.get("model name", "").strip() or platform.machine(),
        "instructions": " ".join(sorted(filter(_VECTOR.fullmatch, flags))),
    }


_SETTINGS = (
    "autocrlf|checkstat|eol|filemode|ignorecase|precomposeunicode|symlinks|trustctime"
)
"""Settings by which git compares files. Git does not run programs because of them."""


def _revision() -> str | None:
    """Return the git revision of the current folder, with a `+` if files have changed.

    The folder may come from an archive of somebody else, and the configuration of its
    repository may name programs to run: monitors, filters, hooks, helpers of remotes.
    Therefore the repository is asked only for its paths, its commit and plain settings.
    Changed files are listed with a temporary git folder, which uses the objects and the
    index of the repository, but not its configuration.
    """
    git = find_program("git")
    if git is None:
        return None
    try:
        options = ("HEAD", "--git-common-dir", "--git-path", "index", "--show-toplevel")
        revision, common, index, top, _ = _git(git, "rev-parse", *options).split("\n")
        names = rf"^core\.({_SETTINGS})$"
        output = _git(git, "config", "--null", "--get-regexp", names, ok=(0, 1))
        lines = [line for line in output.split("\0") if "\n" in line]
        with tempfile.TemporaryDirectory(prefix="kmlp-") as folder:
            changes = _changes(
                git,
                Path(folder),
                top=Path(top),
                objects=Path(common, "objects").absolute(),
                index=Path(index).absolute(),
                revision=revision,
                settings=dict(line.split("\n", 1) for line in lines),
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
    """Return the list of tracked files that differ from a commit, as git prints it.

    Args:
        git: Path of the program git.
        folder: An empty folder, which becomes the git folder.
        top: Folder of the repository's files.
        objects: Folder of the repository's objects.
        index: The repository's index; shared indexes are in the same folder.
        revision: The commit.
        settings: Settings of git by name.
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
        if file.is_file():  # before the first `git add` there is no index
            shutil.copy2(file, folder / file.name)  # with its time, which git compares
    return _git(
        git,
        *(word for item in settings.items() for word in ("-c", "=".join(item))),
        "status",
        "--porcelain",
        "--untracked-files=no",
        # Only the commit of a submodule counts: its configuration may name programs.
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
"""The length of a commit's name in a repository that uses SHA-256; SHA-1 has 40 digits."""


def _git(
    git: str,
    *words: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    ok: tuple[int, ...] = (0,),
) -> str:
    """Run git, and return its output.

    The user's own variables of git are not passed on, because they may make git use
    another repository or run programs.

    Args:
        git: Path of the program git.
        *words: Arguments of git.
        folder: Working folder. Defaults to None: the current folder.
        environment: Additional environment variables. Defaults to None: none.
        ok: Exit codes of success. Defaults to 0.

    Raises:
        OSError: if git cannot be run.
        ValueError: if the output is not text.
        subprocess.SubprocessError: if git fails, or runs for more than 5 seconds.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("GIT_")}
    process = subprocess.run(
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
    if process.returncode not in ok:
        raise subprocess.CalledProcessError(process.returncode, words)
    return process.stdout
