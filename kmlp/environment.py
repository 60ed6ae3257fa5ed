"""Where something was trained: versions, device, threads, command line, revision."""

from __future__ import annotations

import platform
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kmlp import backend

_PACKAGES = ("kmlp", "keras", "numpy")


def describe_environment() -> dict[str, Any]:
    """Facts that JSON can hold; nothing of it is needed to continue a run.

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
        "platform": platform.platform(),
        "command": shlex.join(sys.argv),
        "revision": _revision(),
    }


def _revision() -> str | None:
    """The git revision of the current folder, with a `+` if it was changed since."""
    git = shutil.which("git")
    if git is None:
        return None
    asked = [[git, "rev-parse", "HEAD"], [git, "status", "--porcelain", "-uno"]]
    try:
        revision, changes = (
            subprocess.run(
                command, capture_output=True, text=True, timeout=5, check=True
            ).stdout.strip()
            for command in asked
        )
    except (OSError, subprocess.SubprocessError):  # not in a repository
        return None
    return f"{revision}+" if changes else revision
