"""What needs TensorFlow Datasets, in a process of its own: see `sources.run_tfds`.

So the process that trains never imports TensorFlow beside another backend.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from kmlp import backend
from kmlp._util.processes import exit_with_parent
from kmlp.data import cache
from kmlp.data._entry import read_images
from kmlp.data.dataset import Images, Split, check_memory, images_of
from kmlp.data.known import check_content, known_of
from kmlp.errors import DataError

RETRIES = 4
"""Of a download; TFDS has 10, and takes 200 s to say that there is no network."""


_INSIDES = re.compile(
    r"\{\{.*?\}\} ?|\s*\[+(\{\{)?(node|Op:).*|^Failed to construct dataset .*?\}\": ",
    re.MULTILINE,
)
"""Of messages: nodes of graphs, operations, arguments."""


def read_prepared(folder: str, name: str, data_dir: str | None) -> dict[str, Any]:
    """Writes a dataset that TFDS has prepared into the folder.

    Returns:
        Its `fingerprint`; or, if TFDS has not prepared it, the `data_dir` where it
        would be.
    """
    builder = _builder(name, data_dir)
    _columns(builder)
    if not builder.is_prepared():
        return {"data_dir": str(builder.data_path)}
    images = _images(name, builder)
    cache.write(Path(folder), name, images)
    return {"fingerprint": images.fingerprint}


def download(folder: str, name: str, data_dir: str | None) -> dict[str, Any]:
    """Has TFDS download and prepare a dataset, and writes it into the folder."""
    _load_tensorflow()
    from tensorflow_datasets.core.download import downloader

    downloader.MAX_RETRIES = RETRIES
    builder = _builder(name, data_dir)
    try:
        builder.download_and_prepare()
    except Exception as error:  # of a network, a server, a disk
        return {"failed": _short(error)}
    images = _images(name, builder)
    cache.write(Path(folder), name, images)
    return {"fingerprint": images.fingerprint}


def prepare_own(name: str, data_dir: str | None) -> dict[str, Any]:
    """Makes TFDS's own Fashion-MNIST of that of the cache, so that TFDS reads it."""
    _load_tensorflow()
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import registered
    from tensorflow_datasets.image_classification import mnist

    entry = cache.find(name)
    assert entry is not None
    images = read_images(entry)

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
        _images(name, builder)  # raises if it is another
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )
    return {"data_dir": str(builder.data_path)}


def _load_tensorflow() -> None:
    """Imports it without what it prints, before TFDS does."""
    with backend.quiet():
        import tensorflow  # noqa: F401


@contextmanager
def own_features() -> Iterator[None]:
    """Has TFDS import no modules but its own: a prepared dataset may name others, as those
    of its features.
    """
    from tensorflow_datasets.core.features import feature

    def import_own(name: str) -> ModuleType:
        if name.partition(".")[0] != "tensorflow_datasets":
            raise ImportError(f"{name} is not of TFDS")
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
    except Exception as error:  # it may fail in any way
        raise DataError(f"TFDS cannot make {name}: {_short(error)}") from error


def _images(name: str, builder: Any) -> Images:
    """What TFDS has prepared.

    Raises:
        DataError: if it is damaged, too large, or not the dataset of that name.
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
        found = [_read(builder, split, image, label, shape) for split in used]
        images = images_of(
            found[0],
            found[1] if other else None,
            class_names=known.class_names if known else names,
            source=f"TFDS {builder.info.full_name}, {' and '.join(used)}",
        )
        check_content(name, images)
    except Exception as error:  # TensorFlow may fail in any way
        reason = str(error) if isinstance(error, DataError) else f"{_short(error)}."
        raise DataError(
            f"What TFDS has prepared in {builder.data_path} cannot be used: {reason} If it "
            "should be, remove that folder, so that it is made anew."
        ) from error
    return images


def _columns(builder: Any) -> tuple[str, str, tuple[int, ...], list[str]]:
    """The names of a dataset's images and labels, the shape of an image, the classes.

    Raises:
        DataError: if it is no set of images of one size with labels.
    """
    import tensorflow_datasets as tfds

    features, name = builder.info.features, builder.info.full_name
    columns = dict(features.items()) if hasattr(features, "items") else {}
    images = [k for k, it in columns.items() if isinstance(it, tfds.features.Image)]
    labels = [k for k, it in columns.items() if isinstance(it, tfds.features.ClassLabel)]
    pair = builder.info.supervised_keys or ()
    image = next((key for key in pair if key in images), None)
    label = next((key for key in pair if key in labels), None)
    image = image or (images[0] if len(images) == 1 else None)
    label = label or (labels[0] if len(labels) == 1 else None)
    if image is None or label is None:
        missing = "images" if image is None else "labels"
        raise DataError(
            f"{name} is no image classification set: it has no {missing} that are one to "
            f"an example. It has: {', '.join(columns) or features}."
        )
    shape, dtype = columns[image].shape, columns[image].np_dtype
    if None in shape:
        raise DataError(
            f"The images of {name} vary in size: {shape}. kmlp trains on images of one "
            "size; `kmlp.data.import_dataset(name, folder, size=(28, 28))` resizes a "
            "folder of images."
        )
    if dtype != np.uint8:
        raise DataError(f"The images of {name} are of {np.dtype(dtype)}, not of uint8.")
    return image, label, tuple(shape), list(columns[label].names)


def _read(
    builder: Any, split: str, image: str, label: str, shape: tuple[int, ...]
) -> Split:
    """The images of a split."""
    import tensorflow_datasets as tfds

    count = builder.info.splits[split].num_examples
    x, y = np.empty((count, *shape), "uint8"), np.empty(count, "int32")
    data = builder.as_dataset(split=split).map(lambda it: (it[image], it[label]))
    at = 0
    for pixels, labels in tfds.as_numpy(data.batch(1000)):
        x[at : at + len(labels)], y[at : at + len(labels)] = pixels, labels
        at += len(labels)
    if at != count:
        raise DataError(
            f"{builder.info.full_name} has {at} images in {split}, not {count}."
        )
    return Split(x=x, y=y)


def _short(error: Exception) -> str:
    """What an error of TFDS or TensorFlow says, without what it says of their insides."""
    text = _INSIDES.sub("", str(error))
    name = type(error).__name__
    if host := re.search(r"host='([^']+)'", text):  # the first words of a long chain
        return f"{name}: {host[1]} could not be reached"
    line = next(iter(text.strip().splitlines()), "")
    short = line if len(line) < 300 else line[:300] + "..."
    return f"{name}: {short}" if type(error).__module__ == "builtins" else short or name


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task for task in (read_prepared, download, prepare_own)
}


def main(task: str, answer: str, request: str) -> None:
    """Does a task, and writes what it returns into the file `answer`."""
    exit_with_parent(os.getppid())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import tensorflow_datasets as tfds

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        found = TASKS[task](**json.loads(request))
    except DataError as error:
        found = {"error": str(error)}
    except Exception as error:  # TFDS and TensorFlow may fail in any way
        if os.environ.get("KMLP_DEBUG") == "1":
            raise
        found = {"error": f"TFDS failed: {_short(error)}"}
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
