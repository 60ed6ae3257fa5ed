"""The real Fashion-MNIST from Debian's package, with all of its 70,000 images."""

import math
import shutil
from dataclasses import replace
from statistics import mean

import pytest
from helpers.processes import kmlp_here, python

from kmlp import DataError, RunConfig, train
from kmlp.data import cache, load_examples
from kmlp.data._importing import import_dataset

pytestmark = pytest.mark.once


def test_the_package_of_the_system_is_the_published_dataset(folders, fashion_mnist):
    images = load_examples("fashion_mnist")
    assert (len(images.train), len(images.test)) == (60_000, 10_000)
    assert images.source == str(fashion_mnist)
    assert images.class_names[9] == "Ankle boot"


@pytest.mark.slow
def test_imported_files_become_the_dataset_of_tfds(folders, fashion_mnist):
    imported = import_dataset("fashion_mnist", fashion_mnist)
    code = """
import tensorflow_datasets as tfds
data, info = tfds.load("fashion_mnist", download=False, with_info=True, try_gcs=False)
print(sorted((name, split.num_examples) for name, split in info.splits.items()))
example = next(iter(tfds.as_numpy(data["test"])))
print(example["image"].shape, example["image"].dtype)
"""
    result = python(code)
    assert result.stdout.splitlines() == [
        "[('test', 10000), ('train', 60000)]",
        "(28, 28, 1) uint8",
    ], result.stderr
    # Read from TFDS, the dataset has the same bytes.
    cache.remove("fashion_mnist")
    from_tfds = load_examples("fashion_mnist")
    assert from_tfds.source.startswith("TFDS fashion_mnist/")
    assert from_tfds.fingerprint == imported.fingerprint


def test_files_of_another_dataset_are_refused(folders, fashion_mnist):
    folder = folders / "mixed"
    shutil.copytree(fashion_mnist, folder)
    shutil.copy(folder / "t10k-images-idx3-ubyte.gz", folder / "train-images-idx3-ubyte.gz")
    shutil.copy(folder / "t10k-labels-idx1-ubyte.gz", folder / "train-labels-idx1-ubyte.gz")
    with pytest.raises(DataError, match=r"published fashion_mnist: .*SHA-256"):
        import_dataset("fashion_mnist", folder)
    with pytest.raises(DataError, match="published mnist"):
        import_dataset("mnist", fashion_mnist)
    assert cache.entries() == []


def test_a_command_trains_on_fashion_mnist(folders, fashion_mnist, monkeypatch, capsys):
    kmlp = kmlp_here(monkeypatch, capsys)
    result = kmlp(
        "train", "--dataset", "fashion_mnist", "--train-size", "2000", "--epochs", "1"
    )
    assert result.code == 0, result.err
    assert "fashion_mnist" in result.out


@pytest.mark.slow
def test_geron_s_model_of_chapter_10_has_the_published_accuracy(folders, fashion_mnist):
    """784-300-100-10 on Fashion-MNIST: validation accuracies of 83.32 and 83.84 %.

    Source: A. Géron, Hands-On Machine Learning, 3rd edition, chapter 10: relu, SGD with
    learning rate 0.01, batches of 32, 55,000 images for training and 5,000 for
    validation; one run. With the seeds 0 to 3, kmlp has 80.5 to 82.4 % after the first
    epoch and 82.7 to 84.8 % after the second.
    """
    base = RunConfig(
        dataset="fashion_mnist", width=(300, 100), learning_rate=0.01, batch_size=32,
        validation_fraction=1 / 12,
    )  # fmt: skip
    runs = [train(replace(base, seed=seed), epochs=2) for seed in range(4)]
    assert len(runs[0].history[0].step_losses) == math.ceil(55_000 / 32)
    for epoch, published in enumerate((0.8332, 0.8384)):
        accuracies = [run.history[epoch].val_accuracy for run in runs]
        assert mean(accuracies) == pytest.approx(published, abs=0.02)
