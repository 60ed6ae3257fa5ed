"""Where a dataset's images come from: one source after the other, in a fixed order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

from kmlp.data import cache
from kmlp.data._entry import DamagedError, read_images
from kmlp.data.dataset import Images, make_images
from kmlp.data.known import (
    BUNDLED,
    KNOWN,
    check_content,
    check_tfds_name,
    is_tfds_name,
    known_of,
)
from kmlp.data.sources._idx import read_idx_split
from kmlp.data.sources.arrays import read_idx_folder
from kmlp.errors import DataError


def check_dataset(name: str) -> None:
    """Raises `UnknownNameError` if there can be no dataset of that name."""
    if not (name in KNOWN or cache.has(name)):
        check_tfds_name(name, also=(it.name for it in cache.entries() if it.imported))


def load_images(name: str, *, tfds_data_dir: Path | None = None) -> Images:
    """The images of a dataset: from the cache, else from the first source that has them.

    The sources are the package itself for MNIST; what TFDS has prepared on this
    machine; the folders where systems put the files; a download by TFDS.

    Args:
        name: See `load_dataset`.
        tfds_data_dir: TFDS's folder. Defaults to None: TFDS_DATA_DIR, else its own.

    Raises:
        UnknownNameError: if there is no dataset of that name.
        DataError: if no source has it, or it is damaged or no set of images of one
            size with labels.
    """
    if name == BUNDLED:
        return _bundled()
    check_dataset(name)
    found = _cached(name)
    if isinstance(found, Images):
        cache.add_checksum(name, found)
    else:
        _check_not_own(name, found)
        with cache.locked(name):
            found = _cached(name)  # another process may have made it meanwhile
            if not isinstance(found, Images):
                _check_not_own(name, found)
                if found is not None:
                    told = f"{found} It is prepared anew."
                    warnings.warn(told, RuntimeWarning, stacklevel=3)
                with cache.atomic_folder(name) as folder:
                    _fill(name, folder, tfds_data_dir)
                found = _cached(name)
    if not isinstance(found, Images):
        raise found or DataError(f"{name} was prepared, but is gone again.")
    return found


def run_tfds(task: str, **arguments: Any) -> dict[str, Any]:
    """Has a process of its own do something with TFDS, which needs TensorFlow.

    Args:
        task: The name of a function of `kmlp.data.sources.tfds`.
        **arguments: Its arguments, as JSON holds them.

    Returns:
        What it returns.

    Raises:
        DataError: what it raises.
    """
    with tempfile.TemporaryDirectory(prefix="kmlp-") as temporary:
        answer = Path(temporary) / "answer.json"
        # Without the current folder, whose modules a user may have named like others.
        command = [sys.executable, "-P", "-m", "kmlp.data.sources.tfds", task, str(answer)]
        request = json.dumps(arguments)
        # What TFDS says goes to stderr: stdout is for results.
        # Ctrl-C is for this process, which ends the other.
        code = subprocess.run(
            [*command, request],
            stdout=2,
            check=False,
            start_new_session=True,
            env={**os.environ, "TMPDIR": temporary},  # TFDS leaves folders there
        ).returncode
        if not answer.exists():
            raise DataError(
                f"The process that reads with TFDS ended with exit code {code}."
            )
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in found:
        raise DataError(found["error"])
    return found


def _bundled() -> Images:
    """MNIST, from the package.

    Reference: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten
    digits. Licence and checksums stand beside the files.
    """
    folder = files("kmlp.data") / "files" / BUNDLED
    train, test = (
        read_idx_split(
            folder / f"{prefix}-images-idx3-ubyte.gz",
            folder / f"{prefix}-labels-idx1-ubyte.gz",
        )
        for prefix in ("train", "t10k")
    )
    return make_images(
        train,
        test,
        class_names=KNOWN[BUNDLED].class_names,
        source="comes with kmlp",
        ordered=True,
    )


def _cached(name: str) -> Images | DamagedError | None:
    """The images of the cache, or what is wrong with them; None: it has none."""
    try:
        entry = cache.find(name)
        if entry is None:
            return None
        images = read_images(entry)
    except DamagedError as error:
        return error
    known = known_of(name)
    stated = known and (known.fingerprint, known.class_names)
    if stated not in (None, (images.fingerprint, images.class_names)):
        return DamagedError(entry.folder, f"it is not the published {name}")
    return images


def _check_not_own(name: str, damaged: DamagedError | None) -> None:
    """Raises `DataError` if only the user can make a damaged dataset again."""
    if damaged is None:
        return
    of_tfds = known_of(name) is not None or is_tfds_name(name)
    if damaged.imported or not of_tfds:
        raise DataError(
            f"{damaged} Import it again: `kmlp.data.remove_dataset({name!r})`, then "
            f"`kmlp.data.import_dataset({name!r}, path)`."
        ) from damaged


def _fill(name: str, folder: Path, tfds_data_dir: Path | None) -> None:
    """Writes a dataset into a folder of the cache."""
    known = known_of(name)
    of_tfds: dict[str, Any] = {
        "folder": str(folder),
        "name": name,
        "data_dir": str(tfds_data_dir) if tfds_data_dir else None,
    }
    tried = [f"the array cache {cache.cache_folder()}"]
    answer = run_tfds("read_prepared", **of_tfds)
    if "fingerprint" in answer:
        return
    tried.append(f"what TFDS has prepared in {answer['data_dir']}")
    if known is not None:
        for place in known.system_folders:
            if place.is_dir():
                images = read_idx_folder(place, class_names=known.class_names)
                check_content(name, images)
                cache.write(folder, name, images)
                return
            tried.append(f"the folder {place}")
    downloaded = run_tfds("download", **of_tfds)
    if "failed" in downloaded:
        tried.append(f"a download by TFDS ({downloaded['failed']})")
        ways = [
            *(known.ways if known else ()),
            f"`kmlp.load_dataset({name!r})` on a machine with a network, whose folder "
            f"{answer['data_dir']} you copy to this one",
        ]
        raise DataError(
            f"{name} is not on this machine. Tried: {'; '.join(tried)}. Ways out: "
            f"{'; '.join(ways)}."
        )
