"""Tasks that need TensorFlow Datasets, for a separate process: see `lookup.run_tfds`.

A process that trains on another backend therefore never imports TensorFlow.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from kmlp import backend
from kmlp._util.processes import exit_with_parent
from kmlp.data import cache
from kmlp.data._entry import read_examples
from kmlp.data._examples import Examples, check_memory, examples_of
from kmlp.data._split import Split
from kmlp.data.known import check_content, known_of
from kmlp.errors import DataError

RETRIES = 4
"""The number of retries of a download. TFDS's 10 take 200 s without a network."""


_INSIDES = re.compile(
    r"\{\{.*?\}\} ?|\s*\[+(\{\{)?(node|Op:).*|^Failed to construct dataset .*?\}\": ",
    re.MULTILINE,
)
"""Parts of messages that users do not need: nodes of graphs, operations, arguments."""


def read_prepared(folder: str, name: str, data_dir: str | None) -> dict[str, Any]:
    """Write a dataset that TFDS has prepared into a folder of the cache.

    Args:
        folder: The folder.
        name: Name of the dataset.
        data_dir: Folder of TFDS. None: the default.

    Returns:
        The `fingerprint`; or, if TFDS has not prepared the dataset, the `data_dir` in
        which TFDS would prepare it.
    """
    builder = _builder(name, data_dir)
    _columns(builder)
    if not builder.is_prepared():
        return {"data_dir": str(builder.data_path)}
    images = _images(name, builder)
    cache.write(Path(folder), name, images)
    return {"fingerprint": images.fingerprint}


def download(folder: str, name: str, data_dir: str | None) -> dict[str, Any]:
    """Download and prepare a dataset with TFDS, and write it into a folder of the cache.

    Args:
        folder: The folder.
        name: Name of the dataset.
        data_dir: Folder of TFDS. None: the default.

    Returns:
        The `fingerprint`; or, if the download fails, the reason as `failed`.
    """
    _load_tensorflow()
    from tensorflow_datasets.core.download import downloader

    downloader.MAX_RETRIES = RETRIES
    builder = _builder(name, data_dir)
    try:
        builder.download_and_prepare()
    except Exception as error:  # a network, a server or a disk may fail in any way
        return {"failed": _short(error)}
    images = _images(name, builder)
    cache.write(Path(folder), name, images)
    return {"fingerprint": images.fingerprint}


def prepare_own(name: str, data_dir: str | None) -> dict[str, Any]:
    """Prepare TFDS's own Fashion-MNIST from the images in the cache."""
    _load_tensorflow()
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import registered
    from tensorflow_datasets.image_classification import mnist

    entry = cache.find(name)
    assert entry is not None
    images = read_examples(entry)

    with registered.skip_registration():

        class FashionMNIST(mnist.FashionMNIST):
            name = "fashion_mnist"

            def _split_generators(self, manager: Any) -> dict[str, Any]:
                splits = {"train": images.train, "test": images.test}
                return {key: self._generate(split) for key, split in splits.items()}

            def _generate(self, split: Split) -> Iterator[tuple[int, dict[str, Any]]]:
                for index, (image, label) in enumerate(zip(split.x, split.y, strict=True)):
                    yield index, {"image": image[..., None], "label": int(label)}

    builder = FashionMNIST(data_dir=data_dir)
    if builder.is_prepared():
        _images(name, builder)  # raises an error if the content differs
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )
    return {"data_dir": str(builder.data_path)}


def _load_tensorflow() -> None:
    """Import TensorFlow before TFDS does, without its messages."""
    with backend.quiet():
        import tensorflow  # noqa: F401


@contextmanager
def own_features() -> Iterator[None]:
    """Restrict the imports of TFDS to its own modules.

    A prepared dataset may name other modules, as those of its features.
    """
    from tensorflow_datasets.core.features import feature

    def import_own(name: str) -> ModuleType:
        if name.partition(".")[0] != "tensorflow_datasets":
            raise ImportError(f"{name} is not a module of TFDS")
        return importlib.import_module(name)

    feature.importlib = SimpleNamespace(import_module=import_own)
    try:
        yield
    finally:
        feature.importlib = importlib


def _builder(name: str, data_dir: str | None) -> Any:
    import tensorflow_datasets as tfds

    try:
        with backend.quiet(), own_features():  # some import TensorFlow
            return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except Exception as error:  # TFDS may raise anything
        raise DataError(f"TFDS cannot make {name}: {_short(error)}") from error


def _images(name: str, builder: Any) -> Examples:
    """Return the images of a prepared dataset.

    Raises:
        DataError: if the dataset is damaged, too large, or not the published one of that
            name.
    """
    _load_tensorflow()
    image, label, shape, names = _columns(builder)
    splits = builder.info.splits
    if "train" not in splits:
        raise DataError(f"{name} has no training images, but {', '.join(splits)}.")
    other = next((split for split in ("test", "validation") if split in splits), None)
    used = [split for split in ("train", other) if split is not None]
    count = sum(splits[split].num_examples for split in used)
    check_memory(name, count, shape)
    known = known_of(name)
    try:
        parts = [_read(builder, split, image, label, shape) for split in used]
        images = examples_of(
            parts[0],
            parts[1] if other else None,
            class_names=known.class_names if known else names,
            source=f"TFDS {builder.info.full_name}, {' and '.join(used)}",
        )
        check_content(name, images)
    except Exception as error:  # TensorFlow may raise anything
        reason = str(error) if isinstance(error, DataError) else f"{_short(error)}."
        raise DataError(
            f"The dataset that TFDS has prepared in {builder.data_path} cannot be used: "
            f"{reason} To prepare it again, remove that folder."
        ) from error
    return images


def _columns(builder: Any) -> tuple[str, str, tuple[int, ...], list[str]]:
    """Return the keys of a dataset's images and labels, the image shape and the classes.

    Raises:
        DataError: if the dataset is not a labelled set of equally sized images.
    """
    import tensorflow_datasets as tfds

    features, name = builder.info.features, builder.info.full_name
    columns = dict(features.items()) if hasattr(features, "items") else {}

    def keys_of(cls: type) -> list[str]:
        return [key for key, feature in columns.items() if isinstance(feature, cls)]

    images, labels = keys_of(tfds.features.Image), keys_of(tfds.features.ClassLabel)
    pair = builder.info.supervised_keys or ()
    image = next((key for key in pair if key in images), None)
    label = next((key for key in pair if key in labels), None)
    image = image or (images[0] if len(images) == 1 else None)
    label = label or (labels[0] if len(labels) == 1 else None)
    if image is None or label is None:
        missing = "images" if image is None else "labels"
        raise DataError(
            f"{name} is not an image classification dataset: its examples do not have one "
            f"feature of {missing}. They have: {', '.join(columns) or features}."
        )
    shape, dtype = columns[image].shape, columns[image].np_dtype
    if None in shape:
        raise DataError(
            f"The images of {name} vary in size: {shape}. kmlp trains on equally sized "
            "images. `kmlp.data.import_dataset(name, folder, size=(28, 28))` resizes a "
            "folder of images."
        )
    if dtype != np.uint8:
        raise DataError(
            f"The images of {name} are of type {np.dtype(dtype)}, but must be of uint8."
        )
    return image, label, tuple(shape), list(columns[label].names)


def _read(
    builder: Any, split: str, image: str, label: str, shape: tuple[int, ...]
) -> Split:
    """Read the images of a split."""
    import tensorflow_datasets as tfds

    count = builder.info.splits[split].num_examples
    x, y = np.empty((count, *shape), "uint8"), np.empty(count, "int32")
    examples = builder.as_dataset(split=split)
    data = examples.map(lambda example: (example[image], example[label]))
    start = 0
    for pixels, labels in tfds.as_numpy(data.batch(1000)):
        rows = slice(start, start + len(labels))
        x[rows], y[rows] = pixels, labels
        start += len(labels)
    if start != count:
        raise DataError(
            f"{builder.info.full_name} has {start} images in {split}, but states {count}."
        )
    return Split(x=x, y=y)


def _short(error: Exception) -> str:
    """Return the message of an error of TFDS or TensorFlow, without internal details."""
    text = _INSIDES.sub("", str(error))
    name = type(error).__name__
    if host := re.search(r"host='([^']+)'", text):  # instead of a long chain of causes
        return f"{name}: {host[1]} could not be reached"
    line = next(iter(text.strip().splitlines()), "")
    short = line if len(line) < 300 else line[:300] + "..."
    return f"{name}: {short}" if type(error).__module__ == "builtins" else short or name


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task for task in (read_prepared, download, prepare_own)
}
"""The functions of this module that `lookup.run_tfds` can run, by name."""


def main(task: str, answer: str, request: str) -> None:
    """Run a task, and write its result as JSON.

    Args:
        task: Name of the task.
        answer: Path of the file for the result, or for `error`, a message.
        request: Arguments of the task, as JSON.
    """
    exit_with_parent(os.getppid())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import tensorflow_datasets as tfds

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        result = TASKS[task](**json.loads(request))
    except DataError as error:
        result = {"error": str(error)}
    except Exception as error:  # TFDS and TensorFlow may raise anything
        if os.environ.get("KMLP_DEBUG") == "1":
            raise
        result = {"error": f"TFDS failed: {_short(error)}"}
    # If the other process was interrupted, it has removed the folder of the answer.
    with suppress(FileNotFoundError):
        Path(answer).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
