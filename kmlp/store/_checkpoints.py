"""Checkpoint files: written aside, flushed to the disk, renamed; read with a checksum.

They are in one folder, which is no link, and have names of one form. Nothing else is
opened or removed, whatever the database says.
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
"""Of a file, and, with a dot first and an ending, of one that is being written."""


class Damaged(Exception):  # noqa: N818  (not an error yet: there may be another file)
    """A file is gone or is not what was written."""


def file_name(key: str, epochs: int, sha256: str) -> str:
    """What the model of a run of this key after so many epochs is called."""
    return f"{key[:24]}-{epochs}-{sha256[:8]}.keras"


def write(folder: Path, name: str, checkpoint_bytes: bytes) -> None:
    """Puts a file into the folder, whole or not at all."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, which is not followed", str(folder))
    folder.mkdir(exist_ok=True)  # in the runs folder, which is not made a second time
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
    """The file's bytes.

    Raises:
        Damaged: if they are not those that were written.
        StoreError: if the system refuses them now, which says nothing of them.
    """
    try:
        if path.parent.is_symlink() or not stat.S_ISREG(path.lstat().st_mode):
            raise Damaged(f"{path} is no file of this folder")
        checkpoint_bytes = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damaged(f"{path} cannot be read ({error.strerror})") from error
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}). Mend that, then run the same "
            "command again."
        ) from error
    if hashlib.sha256(checkpoint_bytes).hexdigest() != sha256:
        raise Damaged(f"{path} is damaged (its checksum is another)")
    return checkpoint_bytes


def names(folder: Path) -> list[str]:
    """The names of all files in the folder, half-written ones too; of a link, none."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if _NAME.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False)
        )


def remove_others(folder: Path, key: str, keep: set[str]) -> None:
    """Removes the files of a run that nothing refers to, half-written ones too."""
    for name in names(folder):
        if name.lstrip(".").startswith(f"{key[:24]}-") and name not in keep:
            (folder / name).unlink(missing_ok=True)
