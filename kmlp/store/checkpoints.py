"""Checkpoint files: written aside, flushed to the disk, renamed; read with a checksum."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

FOLDER = "checkpoints"


class Damaged(Exception):  # noqa: N818  (not an error yet: there may be another file)
    """A file is gone or is not what was written."""


def write(folder: Path, name: str, archive: bytes) -> None:
    """Puts a file into the folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{name}.{os.getpid()}"
    try:
        with aside.open("wb") as file:
            file.write(archive)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(folder / name)
    finally:
        aside.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be flushed
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read(path: Path, sha256: str) -> bytes:
    """The file's bytes.

    Raises:
        Damaged: if they are not those that were written.
    """
    try:
        archive = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path} cannot be read ({error.strerror})") from error
    if hashlib.sha256(archive).hexdigest() != sha256:
        raise Damaged(f"{path} is damaged (its checksum is another)")
    return archive


def remove_others(folder: Path, prefix: str, keep: set[str]) -> None:
    """Removes the files of a run that nothing refers to, half-written ones too."""
    for path in folder.glob(f"{prefix}-*"):
        if path.name not in keep:
            path.unlink(missing_ok=True)
    for path in folder.glob(f".{prefix}-*"):
        path.unlink(missing_ok=True)
