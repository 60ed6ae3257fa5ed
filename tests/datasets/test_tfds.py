"""With the real TFDS: its prepared datasets are read, and unusable ones are refused."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.made_up_data import images
from helpers.processes import kmlp_here, python

from kmlp import DataError
from kmlp.data import load_examples
from kmlp.data.sources import tfds as tfds_tasks
from kmlp.data.sources.lookup import run_tfds

pytestmark = pytest.mark.once

PREPARE = """
import sys
sys.path.insert(0, {tests!r})
from helpers.made_up_data import split
import tensorflow_datasets as tfds
from tensorflow_datasets.core import registered

def prepare(own, shape, **more):
    class Small(own):
        name = own.name
        def _split_generators(self, manager):
            return {{"train": self.of(40, 0), "test": self.of(12, 1)}}
        def of(self, count, seed):
            images = split(count, shape=shape, seed=seed)
            for index, (image, label) in enumerate(zip(images.x, images.y)):
                yield index, {{"image": image, "label": int(label), **more}}
    Small().download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )

names = ("kmnist", "cifar10", "fashion_mnist")
kmnist, cifar10, fashion_mnist = map(tfds.builder_cls, names)
with registered.skip_registration():
    prepare(kmnist, (28, 28, 1))
    prepare(cifar10, (32, 32, 3), id="a")
    prepare(fashion_mnist, (28, 28, 1))
"""
TESTS = str(Path(__file__).parents[1])


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    result = python(PREPARE.format(tests=TESTS), TFDS_DATA_DIR=str(folder))
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def prepared(folders, prepared_once, monkeypatch):
    """A folder of TFDS with three prepared datasets of 52 made-up images each."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared_once))


def test_a_prepared_dataset_is_read(prepared):
    kmnist = load_examples("kmnist")
    expected = images(count=40, shape=(28, 28))
    np.testing.assert_array_equal(kmnist.train.x, expected.train.x)
    assert kmnist.train.y.tolist() == expected.train.y.tolist()
    assert (len(kmnist.test), len(kmnist.class_names)) == (12, 10)
    assert kmnist.source.startswith("TFDS kmnist/")


@pytest.mark.usefixtures("tfds_here")
def test_runs_train_on_a_prepared_dataset_in_colour(prepared, monkeypatch, capsys):
    kmlp = kmlp_here(monkeypatch, capsys)
    result = kmlp(
        "ablate", "--param", "width", "--values", "2,3", "--dataset", "cifar10", "--epochs",
        "1", "--seeds", "1", "--batch-size", "4", "--jobs", "2", "--json",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert [v["parameters"] for v in json.loads(result.out)["levels"]] == [
        3072 * width + width + width * width + width + 10 * width + 10 for width in (2, 3)
    ]
    np.testing.assert_array_equal(
        load_examples("cifar10").train.x, images(count=40, shape=(32, 32, 3)).train.x
    )


@pytest.fixture
def tfds_here(monkeypatch):
    """TFDS in this process, where other tests use another one.

    TFDS reads TFDS_DATA_DIR at its import, so each task receives the folder.
    """

    def run(task, **arguments):
        folder = arguments.pop("data_dir", None) or os.environ["TFDS_DATA_DIR"]
        return tfds_tasks.TASKS[task](**arguments, data_dir=folder)

    for module in ("sources.lookup", "_importing"):
        monkeypatch.setattr(f"kmlp.data.{module}.run_tfds", run)


@pytest.mark.usefixtures("tfds_here")
def test_a_prepared_dataset_is_compared_with_the_published_one(prepared, prepared_once):
    for name in ("fashion_mnist", "fashion_mnist:3.0.1"):
        with pytest.raises(DataError, match="published fashion_mnist") as refusal:
            load_examples(name)
        assert str(prepared_once / "fashion_mnist" / "3.0.1") in str(refusal.value)
        assert "remove" in str(refusal.value)


def test_the_users_modules_are_not_imported_and_no_folders_are_left(folders, monkeypatch):
    (folders / "random.py").write_text("raise SystemExit(5)")
    monkeypatch.chdir(folders)
    monkeypatch.setenv("TMPDIR", str(folders / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (folders / "tmp").mkdir()
    with pytest.raises(DataError, match="emnist/nope"):
        run_tfds("read_prepared", folder="", name="emnist/nope", data_dir=None)
    answer = run_tfds("read_prepared", folder="", name="kmnist", data_dir=None)
    assert answer["data_dir"].startswith(str(folders / "tfds"))
    assert list((folders / "tmp").iterdir()) == []  # TFDS itself leaves folders there


@pytest.mark.usefixtures("tfds_here")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tf_flowers", r"images of tf_flowers/.* vary in size: \(None, None, 3\)"),
        ("coco", "not an image classification dataset.* labels"),
        ("ag_news_subset", "not an image classification dataset.* images"),
        ("emnist/nope", "TFDS cannot make emnist/nope"),
        ("cifar10:9.9.9", "TFDS cannot make cifar10:9.9.9"),
    ],
)
def test_an_unusable_dataset_is_refused_with_the_reason(folders, name, message):
    with pytest.raises(DataError, match=message):
        load_examples(name)


def test_a_dataset_too_large_for_memory_is_refused(prepared_once, folders, monkeypatch):
    memory = type("Memory", (), {"available": 1000})
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    with pytest.raises(DataError, match=r"kmnist .*memory: .*52 images"):
        tfds_tasks.read_prepared(str(folders), "kmnist", str(prepared_once))


def test_damaged_files_of_tfds_are_named_in_a_sentence(prepared_once, folders):
    shutil.copytree(prepared_once / "kmnist", folders / "tfds" / "kmnist")
    [file] = (folders / "tfds").glob("kmnist/*/kmnist-train*")
    content = file.read_bytes()
    for damaged in (content[:500], bytes(500)):
        file.write_bytes(damaged)
        with pytest.raises(DataError) as refusal:
            tfds_tasks.read_prepared(str(folders), "kmnist", str(folders / "tfds"))
        text = str(refusal.value)
        assert str(file.parent) in text
        assert "remove" in text
        assert not re.search(r"[{\[]|\n", text), text  # nothing of TFDS' own
    file.write_bytes(content)
    (file.parent / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="kmnist"):
        tfds_tasks.read_prepared(str(folders), "kmnist", str(folders / "tfds"))


def test_modules_that_a_prepared_dataset_names_are_not_imported(
    prepared_once, folders, monkeypatch
):
    (folders / "somebodys.py").write_text("open('ran', 'w').close()\n")
    monkeypatch.syspath_prepend(folders)
    monkeypatch.chdir(folders)
    [source] = (prepared_once / "kmnist").iterdir()
    folder = shutil.copytree(source, folders / "tfds" / "kmnist" / "9.9.9")
    for name, old, new in (
        ("dataset_info.json", source.name, "9.9.9"),
        ("features.json", "tensorflow_datasets.core.features.image_feature", "somebodys"),
    ):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    with pytest.raises(DataError, match=r"Could not import somebodys|somebodys.Image"):
        tfds_tasks.read_prepared(str(folders), "kmnist:9.9.9", str(folders / "tfds"))
    assert not (folders / "ran").exists()


def test_the_reason_of_a_failed_download_is_returned(folders, monkeypatch):
    import tensorflow_datasets as tfds

    def fail(*_, **__):
        raise ConnectionError("no route\nto host")

    builder = tfds.builder("kmnist", try_gcs=False)
    monkeypatch.setattr(type(builder), "download_and_prepare", fail)
    answer = tfds_tasks.download(str(folders), "kmnist", None)
    assert answer == {"failed": "ConnectionError: no route"}
