"""Look a dataset up: try one source after the other, in a fixed order."""

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
from kmlp.data._built_in import BUILT_IN, built_in_of, canonical_name
from kmlp.data._entry import DamagedError, read_examples
from kmlp.data._examples import Examples, make_examples
from kmlp.data.known import (
    BUNDLED,
    KNOWN,
    check_content,
    check_tfds_name,
    is_tfds_name,
    known_of,
)
from kmlp.data.sources._built_in import load_built_in
from kmlp.data.sources._idx import read_idx_split
from kmlp.data.sources.arrays import read_idx_folder
from kmlp.errors import DataError


def check_dataset(name: str) -> str:
    """Check the name of a dataset.

    Returns:
        The name. Of several names of the same built-in table, such as `moons:1000` and
        `moons`, always the same one.

    Raises:
        UnknownNameError: if neither kmlp, the cache nor TFDS knows the name.
        ConfigError: if a built-in table does not have these parameters.
    """
    if name in KNOWN or cache.has(name):
        return name
    if built_in_of(name):
        return canonical_name(name)
    imported = (entry.name for entry in cache.entries() if entry.imported)
    check_tfds_name(name, others=imported)
    return name


def is_at_hand(name: str) -> bool:
    """Return True if a dataset can be loaded without preparing it first."""
    return name == BUNDLED or cache.has(name) or built_in_of(name) is not None


def load_examples(
    name: str, *, tfds_data_dir: str | os.PathLike[str] | None = None
) -> Examples:
    """Return a dataset's examples from the cache, or from the first source that has them.

    The sources are: the package itself, for MNIST; the built-in tables; a dataset that TFDS
    has prepared on this machine; folders in which systems install the files; and a download
    by TFDS.

    Args:
        name: See `load_dataset`.
        tfds_data_dir: Folder of TFDS. Defaults to None: TFDS_DATA_DIR, or TFDS's own
            default.

    Raises:
        UnknownNameError: if there is no dataset of that name.
        DataError: if no source has the dataset, or if it is damaged or not a labelled
            set of equally sized images.
        ConfigError: if a built-in table does not have these parameters.
    """
    if name == BUNDLED:
        return _bundled()
    check_dataset(name)
    if built_in_of(name) and not cache.has(name):
        return load_built_in(name)
    cached = _cached(name)
    if isinstance(cached, Examples):
        cache.add_checksum(name, cached)
    else:
        _check_restorable(name, cached)
        with cache.locked(name):
            cached = _cached(name)  # another process may have written it meanwhile
            if not isinstance(cached, Examples):
                _check_restorable(name, cached)
                if cached is not None:
                    warning = f"{cached} The dataset is prepared again."
                    warnings.warn(warning, RuntimeWarning, stacklevel=3)
                with cache.atomic_folder(name) as folder:
                    _fill(name, folder, tfds_data_dir)
                cached = _cached(name)
    if not isinstance(cached, Examples):
        raise cached or DataError(f"{name} was prepared, but was removed meanwhile.")
    return cached


def run_tfds(task: str, **arguments: Any) -> dict[str, Any]:
    """Run a task with TFDS, which needs TensorFlow, in another process.

    Args:
        task: Name of a function of `kmlp.data.sources.tfds`.
        **arguments: Arguments of the function, as values for JSON.

    Returns:
        The result of the function.

    Raises:
        DataError: if the function raises an error, or if the process dies.
    """
    with tempfile.TemporaryDirectory(prefix="kmlp-") as temporary:
        answer = Path(temporary) / "answer.json"
        # -P excludes the current folder, whose modules may have the names of others.
        command = [sys.executable, "-P", "-m", "kmlp.data.sources.tfds", task, str(answer)]
        request = json.dumps(arguments)
        # The output of TFDS goes to stderr, because stdout is for results. A new session
        # keeps Ctrl-C to this process, which then ends the other.
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
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in result:
        raise DataError(result["error"])
    return result


def _bundled() -> Examples:
    """Return MNIST from the package.

    Reference: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten
    digits. The README beside the files has the licence and the checksums.
    """
    folder = files("kmlp.data") / "files" / BUNDLED
    train, test = (
        read_idx_split(
            folder / f"{prefix}-images-idx3-ubyte.gz",
            folder / f"{prefix}-labels-idx1-ubyte.gz",
        )
        for prefix in ("train", "t10k")
    )
    return make_examples(
        train,
        test,
        class_names=KNOWN[BUNDLED].class_names,
        source="comes with kmlp",
        ordered=True,
    )


def _cached(name: str) -> Examples | DamagedError | None:
    """Return a dataset's images from the cache, or their damage; None if it lacks them."""
    try:
        entry = cache.find(name)
        if entry is None:
            return None
        images = read_examples(entry)
    except DamagedError as error:
        return error
    known = known_of(name)
    stated = known and (known.fingerprint, known.class_names)
    if stated not in (None, (images.fingerprint, images.class_names)):
        return DamagedError(entry.folder, f"it is not the published {name}")
    return images


def _check_restorable(name: str, damaged: DamagedError | None) -> None:
    """Check that a damaged dataset can be prepared again.

    Raises:
        DataError: if only the user can restore the dataset.
    """
    if damaged is None:
        return
    in_tfds = known_of(name) is not None or is_tfds_name(name)
    if damaged.imported or not in_tfds:
        new_name = f"my_{name}" if name in BUILT_IN else name
        raise DataError(
            f"{damaged} Import it again: `kmlp.data.remove_dataset({name!r})`, then "
            f"`kmlp.data.import_dataset({new_name!r}, path)`."
        ) from damaged


def _fill(name: str, folder: Path, tfds_data_dir: str | os.PathLike[str] | None) -> None:
    """Write a dataset from the first source that has it into a folder of the cache."""
    known = known_of(name)
    arguments: dict[str, Any] = {
        "folder": str(folder),
        "name": name,
        "data_dir": os.fspath(tfds_data_dir) if tfds_data_dir else None,
    }
    tried = [f"the array cache {cache.cache_folder()}"]
    answer = run_tfds("read_prepared", **arguments)
    if "fingerprint" in answer:
        return
    tried.append(f"datasets that TFDS has prepared in {answer['data_dir']}")
    if known is not None:
        for system_folder in known.system_folders:
            if system_folder.is_dir():
                images = read_idx_folder(system_folder, class_names=known.class_names)
                check_content(name, images)
                cache.write(folder, name, images)
                return
            tried.append(f"the folder {system_folder}")
    downloaded = run_tfds("download", **arguments)
    if "failed" in downloaded:
        tried.append(f"a download by TFDS ({downloaded['failed']})")
        ways = [
            *(known.ways if known else ()),
            f"`kmlp.load_dataset({name!r})` on a machine with a network, and a copy of "
            f"its folder {answer['data_dir']} on this machine",
        ]
        raise DataError(
            f"{name} is not on this machine. Tried: {'; '.join(tried)}. Ways out: "
            f"{'; '.join(ways)}."
        )
