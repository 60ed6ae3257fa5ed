"""Where something was trained: versions, device, threads, command line, revision."""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kmlp import backend
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


def _revision() -> str | None:
    """The git revision of the current folder, with a `+` if it was changed since."""
    git = shutil.which("git")
    if git is None:
        return None
    asked = [[git, "rev-parse", "HEAD"], [git, "status", "--porcelain", "-uno"]]
    try:
        revision, changes = (
            subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=5,
                check=True,
            ).stdout.strip()
            for command in asked
        )
    except (OSError, subprocess.SubprocessError):  # not in a repository
        return None
    return f"{revision}+" if changes else revision
