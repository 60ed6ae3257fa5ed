"""What needs TensorFlow Datasets, in a process of its own: see `sources.run_tfds`.

So the process that trains never imports TensorFlow beside another backend.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from kmlp import backend
from kmlp.data import cache
from kmlp.data.class_folders import check_files, find_splits
from kmlp.data.dataset import Images, Split, canonical_order, hold_out, make_images
from kmlp.data.known import check_content, known_of
from kmlp.errors import DataError
from kmlp.processes import end_with

TEST_FRACTION = 1 / 6
"""Of a dataset without test images, held out as such."""

RETRIES = 4
"""Of a download; TFDS has 10, and takes 200 s to say that there is no network."""

_COPIES = 3
"""How often a dataset is in memory while it is read, at the most."""


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
    images = cache.open_images(entry)

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


def read_class_folders(
    folder: str, name: str, path: str, size: list[int] | None
) -> dict[str, Any]:
    """Writes a user's folder of class folders into the folder."""
    splits = find_splits(Path(path))
    shape = check_files(splits, resized=size is not None)
    with tempfile.TemporaryDirectory(prefix="kmlp-") as root:
        for split, place in splits.items():
            (Path(root) / split).symlink_to(place.resolve(), target_is_directory=True)
        _load_tensorflow()
        import tensorflow_datasets as tfds

        of_files = shape if size is None else (None, None, shape[2])
        builder = tfds.ImageFolder(root, shape=of_files)
        sizes = (*(size or shape[:2]), shape[2])
        found = {split: _read(builder, split, "image", "label", sizes) for split in splits}
        names = builder.info.features["label"].names
    images = _with_test(found["train"], found.get("test"), names, path)
    cache.write(Path(folder), name, images, imported=True)
    return {"fingerprint": images.fingerprint}


def _load_tensorflow() -> None:
    """Imports it without what it prints, before TFDS does."""
    with backend.quiet():
        import tensorflow  # noqa: F401


def _builder(name: str, data_dir: str | None) -> Any:
    import tensorflow_datasets as tfds

    try:
        with backend.quiet():  # some import TensorFlow
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
    needed = _COPIES * count * int(np.prod(shape))
    available = psutil.virtual_memory().available
    if needed > available:
        raise DataError(
            f"{name} is too large for memory: {count:,} images of shape {shape} take "
            f"{needed / 2**30:.1f} GiB to read, but {available / 2**30:.1f} GiB are free."
        )
    known = known_of(name)
    try:
        found = [_read(builder, split, image, label, shape) for split in used]
        images = _with_test(
            found[0],
            found[1] if other else None,
            known.class_names if known else names,
            f"TFDS {builder.info.full_name}, {' and '.join(used)}",
        )
        check_content(name, images)
    except Exception as error:  # TensorFlow may fail in any way
        reason = str(error) if isinstance(error, DataError) else _short(error)
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
            "size; `kmlp data import NAME FOLDER --size` resizes a folder of images."
        )
    if dtype != np.uint8:
        raise DataError(f"The images of {name} are of {np.dtype(dtype)}, not of uint8.")
    return image, label, tuple(shape), list(columns[label].names)


def _read(
    builder: Any, split: str, image: str, label: str, shape: tuple[int, ...]
) -> Split:
    """The images of a split, resized where they have another shape."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def of_shape(example: Any) -> Any:
        pixels = example[image]
        if tuple(pixels.shape[:2]) != tuple(shape[:2]):
            pixels = tf.image.resize(pixels, shape[:2], antialias=True)
            pixels = tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)
        return pixels, example[label]

    count = builder.info.splits[split].num_examples
    x, y = np.empty((count, *shape), "uint8"), np.empty(count, "int32")
    data = builder.as_dataset(split=split).map(of_shape).batch(1000)
    at = 0
    for pixels, labels in tfds.as_numpy(data):
        x[at : at + len(labels)], y[at : at + len(labels)] = pixels, labels
        at += len(labels)
    if at != count:
        raise DataError(
            f"{builder.info.full_name} has {at} images in {split}, not {count}."
        )
    return Split(x=x, y=y)


def _with_test(train: Split, test: Split | None, names: Any, source: str) -> Images:
    if test is None:
        size = round(len(train) * TEST_FRACTION)
        if size == 0:
            raise DataError(
                f"{source}: has {len(train)} images, and no test images. Of so few, none "
                "can be held out for testing."
            )
        train, test = hold_out(canonical_order(train), size)
        source += "; a sixth of the images, stratified, was held out for testing"
    return make_images(train, test, class_names=names, source=source)


def _short(error: Exception) -> str:
    text = str(error)
    if host := re.search(r"host='([^']+)'", text):  # the first words of a long chain
        return f"{type(error).__name__}: {host[1]} could not be reached"
    line = next(iter(text.strip().splitlines()), "")
    return f"{type(error).__name__}: {line if len(line) < 300 else line[:300] + '...'}"


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task
    for task in (read_prepared, download, prepare_own, read_class_folders)
}


def main(task: str, answer: str, request: str) -> None:
    """Does a task, and writes what it returns into the file `answer`."""
    end_with(os.getppid())
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
