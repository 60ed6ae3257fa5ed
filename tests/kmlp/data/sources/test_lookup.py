"""The sources of a dataset are tried in a fixed order, and unknown names are refused."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.made_up_data import images, write_idx

from kmlp import DataError, UnknownNameError
from kmlp.data import cache, check_dataset, load_examples
from kmlp.data.known import KNOWN, check_content, check_import_name, tfds_names
from kmlp.data.sources import lookup as sources

pytestmark = pytest.mark.once

MADE_UP = images()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def tfds(monkeypatch):
    """The list of tasks given to TFDS, and the answers by task."""
    tasks = []
    answers = {
        "read_prepared": {"data_dir": "TFDS/dir"},
        "download": {"failed": "OSError: no network"},
    }

    def run(task, **arguments):
        tasks.append(task)
        if answers[task] is MADE_UP:
            cache.write(Path(arguments["folder"]), arguments["name"], MADE_UP)
            return {"fingerprint": MADE_UP.fingerprint}
        return answers[task]

    monkeypatch.setattr(sources, "run_tfds", run)
    return tasks, answers


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A system folder for Fashion-MNIST, whose published content is now made up."""
    folder = tmp_path / "system"
    known = replace(
        KNOWN["fashion_mnist"],
        fingerprint=MADE_UP.fingerprint,
        class_names=MADE_UP.class_names,
        system_folders=(folder,),
    )
    monkeypatch.setitem(KNOWN, "fashion_mnist", known)
    return folder


def test_a_dataset_that_tfds_has_prepared_comes_first(tfds, published):
    tasks, answers = tfds
    write_idx(published, MADE_UP)
    answers["read_prepared"] = MADE_UP
    load_examples("fashion_mnist")
    assert tasks == ["read_prepared"]


def test_the_system_folder_comes_second(tfds, published):
    tasks, _ = tfds
    write_idx(published, MADE_UP)
    assert load_examples("fashion_mnist").source == str(published)
    assert load_examples("fashion_mnist").fingerprint == MADE_UP.fingerprint
    assert tasks == ["read_prepared"]  # only once: then the cache has the dataset


def test_a_download_comes_last(tfds, published):
    tasks, answers = tfds
    answers["download"] = MADE_UP
    load_examples("fashion_mnist")
    assert tasks == ["read_prepared", "download"]


def test_without_a_network_the_error_names_the_attempts_and_the_ways_out(tfds, published):
    with pytest.raises(DataError) as refusal:
        load_examples("fashion_mnist")
    text = str(refusal.value)
    for part in (
        "fashion_mnist",
        str(cache.cache_folder()),
        "TFDS/dir",
        str(published),
        "OSError: no network",
        "kmlp.data.import_dataset('fashion_mnist', folder)",
        "apt install dataset-fashion-mnist",
        "kmlp.load_dataset('fashion_mnist')",
    ):
        assert part in text
    assert cache.entries() == []


def test_other_images_than_the_published_ones_are_refused(tfds, published):
    write_idx(published, images(seed=7))
    with pytest.raises(DataError, match=r"system: .*published fashion_mnist"):
        load_examples("fashion_mnist")
    assert cache.entries() == []


def test_the_known_fingerprint_of_mnist_is_that_of_the_bundled_files():
    from kmlp.data._split import canonical_order, fingerprint

    mnist = load_examples("mnist")
    train, test = map(canonical_order, (mnist.train, mnist.test))
    check_content("mnist", replace(mnist, fingerprint=fingerprint(train, test)))
    with pytest.raises(DataError, match="published mnist"):
        check_content("mnist", mnist)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fashon_mnist", 'Unknown dataset "fashon_mnist": did you mean "fashion_mnist"?'),
        ("cifar01", 'did you mean "cifar'),
        ("zzzzzz", 'Unknown dataset "zzzzzz". Allowed: breast_cancer, cifar10, '),
        ("nodata", 'Unknown dataset "nodata". Allowed: breast_cancer, cifar10, '),
        ("wines", 'did you mean "wine"?'),
        ("mons:2000:0.1", 'did you mean "moons:2000:0.1"?'),
        ("", 'Unknown dataset ""'),
        ("../mnist", 'Unknown dataset "../mnist"'),
        ("cifar10/", 'Unknown dataset "cifar10/"'),
        ("cifar10:new", 'Unknown dataset "cifar10:new"'),
        ("Cifar10", 'did you mean "cifar10"?'),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name, message):
    with pytest.raises(UnknownNameError, match=re.escape(message)) as refusal:
        check_dataset(name)
    assert "TFDS" in str(refusal.value)


@pytest.mark.parametrize(
    "name",
    ["cifar10", "cifar10:3.0.2", "emnist/letters", "emnist/letters:3.*.*", "eurosat"],
)
def test_names_of_tfds_are_allowed(name):
    check_dataset(name)


def test_the_names_of_tfds_are_read_without_tensorflow():
    from helpers.processes import python

    code = "import sys, kmlp.data.known as k; k.tfds_names(); print('tensorflow' in sys.modules)"
    assert python(code).stdout == "False\n"


@pytest.mark.parametrize("name", ["My", "my-set", "", "1a", "a/b", "a" * 101, "a:1.0.0"])
def test_an_invalid_name_for_an_import_is_refused(name):
    with pytest.raises(DataError, match="small letters"):
        check_import_name(name)


def test_a_name_of_tfds_is_refused_for_an_import():
    assert "cifar10" in tfds_names()
    with pytest.raises(DataError, match=r"TFDS.*my_cifar10"):
        check_import_name("cifar10")
    check_import_name("my_cifar10")
    check_import_name("fashion_mnist")  # its content is compared


def test_the_death_of_the_other_process_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DataError, match="exit code 1"):
        sources.run_tfds("download")
