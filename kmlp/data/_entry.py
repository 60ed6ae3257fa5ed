"""One dataset of the array cache: a folder with four array files and a description.

A checksum protects the description, `dataset.json`, and the fingerprint protects the
arrays. Any change of them raises a `DamagedError`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.files import open_new, open_plain
from kmlp._util.user_files import MAX_NESTING, nesting
from kmlp.data._examples import Examples
from kmlp.data._schema import Schema
from kmlp.data._split import Split, fingerprint
from kmlp.data.known import is_name
from kmlp.data.mapped import map_array
from kmlp.errors import DataError

DESCRIPTION = "dataset.json"
"""The name of the file with a dataset's description."""
FORMAT, TABLE_FORMAT = 2, 3
"""The versions of the description's format, of images and of tables, which have a schema.
Format 1 had no checksum."""

MAX_DESCRIPTION = 16 * 2**20
"""The maximum size of a description, in bytes: enough for a million names of classes."""

_CHECKSUM = "sha256"
_ARRAYS = ("train_x", "train_y", "test_x", "test_y")
_FIELD_TYPES: dict[str, type] = {
    "format": int,
    "name": str,
    "fingerprint": str,
    "class_names": list,
    "source": str,
    "imported": bool,
    "shapes": dict,
}
_TABLE_FIELD_TYPES = _FIELD_TYPES | {"schema": dict}
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class DamagedError(DataError):
    """The error of a dataset in the cache that was changed after it was written.

    Args:
        folder: The dataset's folder.
        problem: The damage, and its place.
        imported: True if only the user can restore the dataset. Defaults to None: unknown.
    """

    def __init__(self, folder: Path, problem: str, *, imported: bool | None = None) -> None:
        self.imported = imported
        super().__init__(f"The dataset in {folder} is damaged: {problem}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The description of a dataset in the cache."""

    name: str
    """The name of the dataset."""
    folder: Path
    """The folder of the dataset."""
    fingerprint: str
    """SHA-256 of all arrays."""
    class_names: tuple[str, ...]
    """The names of the classes; empty for a regression."""
    source: str
    """A description of the source."""
    imported: bool
    """True if the user imported the dataset: then only the user can restore it."""
    shapes: dict[str, tuple[int, ...]]
    """The shapes of the arrays `train_x`, `train_y`, `test_x` and `test_y`."""
    schema: Schema | None
    """The schema of a table; None for examples."""
    checked: bool
    """True if the description has a checksum."""

    def dtype(self, key: str) -> np.dtype[Any]:
        """Return the type of the elements of an array."""
        if key.endswith("x"):
            return np.dtype("float32" if self.schema else "uint8")
        return np.dtype("int32" if self.class_names else "float32")


def folder_name(name: str) -> str:
    """Return the name of a dataset's folder."""
    return name.replace("/", "--").replace(":", "@").replace("*", "x")


def dataset_name(folder: Path) -> str | None:
    """Return the name of the dataset in a folder; None if the folder's name is not valid.

    >>> dataset_name(Path("emnist--letters@3.1.0")), dataset_name(Path("Thumbs.db"))
    ('emnist/letters:3.1.0', None)
    """
    name = folder.name.replace("--", "/", 1).replace("@", ":", 1)
    return name if is_name(name) and folder_name(name) == folder.name else None


def write_entry(folder: Path, name: str, examples: Examples, *, imported: bool) -> None:
    """Write examples and their description into a folder.

    Raises:
        OSError: if the folder cannot be written to.
    """
    arrays = _arrays(examples)
    for key, array in arrays.items():
        # Like `numpy.save`, whose error does not say why a disk refuses the data.
        array = np.ascontiguousarray(array)
        with (folder / f"{key}.npy").open("xb") as file:
            header = np.lib.format.header_data_from_array_1_0(array)
            np.lib.format.write_array_header_1_0(file, header)
            file.write(array.data)
    write_description(folder, name, examples, imported=imported)


def write_description(
    folder: Path, name: str, examples: Examples, *, imported: bool
) -> None:
    """Write the description of a dataset's examples, in place of the earlier one.

    Raises:
        OSError: if the folder cannot be written to.
    """
    fields = {
        "format": FORMAT,
        "name": name,
        "fingerprint": examples.fingerprint,
        "class_names": list(examples.class_names),
        "source": examples.source,
        "imported": imported,
        "shapes": {key: list(array.shape) for key, array in _arrays(examples).items()},
    }
    if examples.schema:
        fields |= {"format": TABLE_FORMAT, "schema": examples.schema.to_dict()}
    text = json.dumps(fields | {_CHECKSUM: _checksum(fields)}, indent=2)
    temporary, file = open_new(folder, f".{DESCRIPTION}.")
    try:
        with file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / DESCRIPTION)
    finally:
        temporary.unlink(missing_ok=True)


def read_entry(folder: Path) -> Entry:
    """Read the description in a dataset's folder.

    Raises:
        DamagedError: if the description is damaged.
        DataError: if another version of kmlp wrote the dataset.
    """
    if folder.is_symlink():
        raise DamagedError(
            folder, f"it is a link to {folder.readlink()}, which is not followed"
        )
    if not folder.is_dir():
        raise DamagedError(folder, "it is not a folder")
    fields = _read_fields(folder)
    checksum = fields.pop(_CHECKSUM, None)
    # Noted even if the description is damaged: only the user can restore an import.
    imported = True if fields.get("imported") is True else None
    is_format_1 = fields.get("format") == 1 and checksum is None
    if not is_format_1 and checksum != _checksum(fields):
        raise DamagedError(
            folder, f"the checksum in {DESCRIPTION} does not fit", imported=imported
        )
    if not is_format_1 and fields.get("format") not in (FORMAT, TABLE_FORMAT):
        raise DataError(
            f"{folder} was written by another version of kmlp. Remove that folder."
        )
    if (problem := _field_problem(fields, folder)) is not None:
        raise DamagedError(folder, f"in {DESCRIPTION}, {problem}", imported=imported)
    return Entry(
        name=fields["name"],
        folder=folder,
        fingerprint=fields["fingerprint"],
        class_names=tuple(fields["class_names"]),
        source=fields["source"],
        imported=fields["imported"],
        shapes={key: tuple(fields["shapes"][key]) for key in _ARRAYS},
        schema=Schema.from_dict(fields["schema"]) if "schema" in fields else None,
        checked=not is_format_1,
    )


def read_examples(entry: Entry) -> Examples:
    """Return the examples of an entry, memory-mapped.

    Raises:
        DamagedError: if an array is damaged.
    """
    arrays = {key: _map(entry, key) for key in _ARRAYS}
    train = Split(x=arrays["train_x"], y=arrays["train_y"])
    test = Split(x=arrays["test_x"], y=arrays["test_y"])
    schema = entry.schema
    if fingerprint(train, test, schema.to_bytes() if schema else b"") != entry.fingerprint:
        raise _damaged(entry, f"the fingerprint of the {train.noun} does not fit")
    for key in ("train_y", "test_y") if entry.class_names else ():
        lowest, highest = int(arrays[key].min()), int(arrays[key].max())
        if not 0 <= lowest <= highest < len(entry.class_names):
            raise _damaged(
                entry,
                f"{key}.npy has labels from {lowest} to {highest}, but {DESCRIPTION} names "
                f"{len(entry.class_names)} classes",
            )
    return Examples(
        train=train,
        test=test,
        class_names=entry.class_names,
        source=entry.source,
        fingerprint=entry.fingerprint,
        schema=schema,
    )


def _arrays(examples: Examples) -> dict[str, NDArray[Any]]:
    return {
        "train_x": examples.train.x,
        "train_y": examples.train.y,
        "test_x": examples.test.x,
        "test_y": examples.test.y,
    }


def _damaged(entry: Entry, problem: str) -> DamagedError:
    return DamagedError(entry.folder, problem, imported=entry.imported)


def _checksum(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _read_fields(folder: Path) -> dict[str, Any]:
    """Read the description as a dict, of unchecked fields."""
    try:
        with open_plain(folder / DESCRIPTION) as file:
            text = file.read(MAX_DESCRIPTION + 1)
        if len(text) > MAX_DESCRIPTION:
            raise ValueError(f"it has more than {MAX_DESCRIPTION:,} bytes")
        fields = json.loads(text.decode("utf-8"))
        if not isinstance(fields, dict) or nesting(fields) > MAX_NESTING:
            raise ValueError("it is not the object of a description")
    except OSError as error:
        problem = f"{DESCRIPTION} cannot be read ({error.strerror or error})"
        raise DamagedError(folder, problem) from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DamagedError(folder, f"{DESCRIPTION} was changed ({reason})") from error
    return fields


def _field_problem(fields: dict[str, Any], folder: Path) -> str | None:
    """Return the first problem of a description's fields; None if they are valid."""
    types = _TABLE_FIELD_TYPES if fields.get("format") == TABLE_FORMAT else _FIELD_TYPES
    for key, cls in types.items():
        if type(fields.get(key)) is not cls:
            return f'"{key}" is missing, or has another type'
    if set(fields) != set(types):
        return "there are unknown fields"
    if not is_name(fields["name"]) or folder_name(fields["name"]) != folder.name:
        return '"name" is that of another dataset'
    if not re.fullmatch("[0-9a-f]{64}", fields["fingerprint"]):
        return '"fingerprint" is not a SHA-256'
    names, is_table = fields["class_names"], "schema" in fields
    regression = is_table and not names
    if not regression and (
        len(names) < 2 or not all(isinstance(name, str) for name in names)
    ):
        return '"class_names" does not name at least two classes'
    shapes = fields["shapes"]
    if set(shapes) != set(_ARRAYS) or not all(map(_is_shape, shapes.values())):
        return '"shapes" does not have a shape for each array'
    for split in ("train", "test"):
        x, y = shapes[f"{split}_x"], shapes[f"{split}_y"]
        axes = (2,) if is_table else (3, 4)
        if len(x) not in axes or x[:1] != y or x[1:] != shapes["train_x"][1:]:
            kind = "rows with targets" if is_table else "images with labels"
            return f'"shapes" does not fit {kind}'
    return _schema_problem(fields) if is_table else None


def _schema_problem(fields: dict[str, Any]) -> str | None:
    """Return the problem of a table's schema; None if it is valid."""
    try:
        features = Schema.from_dict(fields["schema"]).features
    except ValueError as error:
        return f'"schema" is not valid ({error})'
    if [len(features)] != fields["shapes"]["train_x"][1:]:
        return '"schema" does not fit "shapes"'
    return None


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape)


def _map(entry: Entry, key: str) -> NDArray[Any]:
    """Map an array of an entry. The header in the file is checked before memory is used."""
    dtype, shape = entry.dtype(key), entry.shapes[key]
    path = entry.folder / f"{key}.npy"
    try:
        with open_plain(path) as file:
            read_header = _HEADERS[np.lib.format.read_magic(file)]
            header = read_header(file)
            start, size = file.tell(), file.seek(0, os.SEEK_END)
            if header != (shape, False, dtype):
                raise ValueError(f"its header states {header}")
            if size - start != math.prod(shape) * dtype.itemsize:
                raise ValueError(f"it has {size - start} bytes of data")
            return map_array(file, path, dtype, shape, start)
    except Exception as error:  # NumPy parses a header as Python, which may raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise _damaged(entry, f"{key}.npy was changed ({reason})") from error
