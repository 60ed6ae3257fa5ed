"""Checkpoint files: written under another name, flushed, renamed; read with a checksum.

All of them are in one folder, which must not be a link, and their names have one form.
No other file is opened or removed, whatever the database says.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from pathlib import Path

from kmlp._util.files import open_new
from kmlp.errors import StoreError

FOLDER = "checkpoints"

_NAME = re.compile(r"\.?([0-9a-f]{24})-\d+-[0-9a-f]{8}\.keras(\..*)?")
"""The name of a checkpoint file. A file that is being written has a dot before the name
and a suffix after it."""


class Damaged(Exception):  # noqa: N818  (not an error yet: an older checkpoint may serve)
    """A checkpoint file is missing, or its content was changed."""


def file_name(key: str, epochs: int, sha256: str) -> str:
    """Return the name of the checkpoint file of a run after a number of epochs."""
    return f"{key[:24]}-{epochs}-{sha256[:8]}.keras"


def write(folder: Path, name: str, checkpoint_bytes: bytes) -> None:
    """Write a checkpoint file into the folder, whole or not at all."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, which is not followed", str(folder))
    folder.mkdir(exist_ok=True)  # without parents: the runs folder must exist
    aside, file = open_new(folder, f".{name}.")
    try:
        with file:
            file.write(checkpoint_bytes)
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
    """Return the content of a checkpoint file.

    Raises:
        Damaged: if the file is missing, or its content was changed.
        StoreError: if the file cannot be read now, although it may be intact.
    """
    try:
        if path.parent.is_symlink() or not stat.S_ISREG(path.lstat().st_mode):
            raise Damaged(f"{path} is not a file of this folder")
        checkpoint_bytes = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damaged(f"{path} cannot be read ({error.strerror})") from error
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}). Make the file readable, "
            "then run the same command again."
        ) from error
    if hashlib.sha256(checkpoint_bytes).hexdigest() != sha256:
        raise Damaged(f"{path} is damaged (its checksum does not match)")
    return checkpoint_bytes


def names(folder: Path) -> list[str]:
    """Return the names of all checkpoint files in the folder, half-written ones included.

    A folder that is a link has no checkpoint files.
    """
    if folder.is_symlink() or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if _NAME.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False)
        )


def remove_others(folder: Path, key: str, keep: set[str]) -> None:
    """Remove the files of a run except those to keep, half-written ones included."""
    for name in names(folder):
        if name.lstrip(".").startswith(f"{key[:24]}-") and name not in keep:
            (folder / name).unlink(missing_ok=True)
