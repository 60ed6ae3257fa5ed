import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.made_up_data import images, write_idx

from kmlp import DataError, UnknownNameError
from kmlp.data import cache, check_dataset, load_images
from kmlp.data.known import KNOWN, check_content, check_own_name, tfds_names
from kmlp.data.sources import lookup as sources

pytestmark = pytest.mark.once

MADE_UP = images()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def tfds(monkeypatch):
    """What TFDS is asked, and what it answers."""
    asked, answers = [], {"read_prepared": {"data_dir": "TFDS/dir"}, "download": {"failed": "OSError: no network"}}  # fmt: skip

    def run(task, **arguments):
        asked.append(task)
        if answers[task] is MADE_UP:
            cache.write(Path(arguments["folder"]), arguments["name"], MADE_UP)
            return {"fingerprint": MADE_UP.fingerprint}
        return answers[task]

    monkeypatch.setattr(sources, "run_tfds", run)
    return asked, answers


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Fashion-MNIST is what was made up, and is in a system folder."""
    folder = tmp_path / "system"
    known = replace(
        KNOWN["fashion_mnist"],
        fingerprint=MADE_UP.fingerprint,
        class_names=MADE_UP.class_names,
        system_folders=(folder,),
    )
    monkeypatch.setitem(KNOWN, "fashion_mnist", known)
    return folder


def test_what_tfds_has_prepared_comes_first(tfds, published):
    asked, answers = tfds
    write_idx(published, MADE_UP)
    answers["read_prepared"] = MADE_UP
    load_images("fashion_mnist")
    assert asked == ["read_prepared"]


def test_then_the_folder_of_the_system(tfds, published):
    asked, _ = tfds
    write_idx(published, MADE_UP)
    assert load_images("fashion_mnist").source == str(published)
    assert load_images("fashion_mnist").fingerprint == MADE_UP.fingerprint
    assert asked == ["read_prepared"]  # and not again: the cache has it


def test_then_a_download(tfds, published):
    asked, answers = tfds
    answers["download"] = MADE_UP
    load_images("fashion_mnist")
    assert asked == ["read_prepared", "download"]


def test_without_a_network_the_error_says_what_was_tried_and_the_ways_out(tfds, published):
    with pytest.raises(DataError) as caught:
        load_images("fashion_mnist")
    text = str(caught.value)
    for part in (
        "fashion_mnist is not on this machine",
        f"the array cache {cache.cache_folder()}",
        "TFDS has prepared in TFDS/dir",
        f"the folder {published}",
        "a download by TFDS (OSError: no network)",
        "`kmlp.data.import_dataset('fashion_mnist', folder)`",
        "apt install dataset-fashion-mnist",
        "on a machine with a network",
    ):
        assert part in text
    assert cache.entries() == []


def test_another_dataset_is_never_taken_for_it(tfds, published):
    write_idx(published, images(seed=7))
    with pytest.raises(DataError, match=r"system: .*published fashion_mnist"):
        load_images("fashion_mnist")
    assert cache.entries() == []


def test_what_is_known_of_mnist_is_that_of_the_bundled_one():
    from kmlp.data.dataset import canonical_order, fingerprint

    found = load_images("mnist")
    train, test = map(canonical_order, (found.train, found.test))
    check_content("mnist", replace(found, fingerprint=fingerprint(train, test)))
    with pytest.raises(DataError, match="published mnist"):
        check_content("mnist", found)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fashon_mnist", 'Unknown dataset "fashon_mnist": did you mean "fashion_mnist"?'),
        ("cifar01", 'did you mean "cifar'),
        ("zzzzzz", 'Unknown dataset "zzzzzz". Allowed: cifar10, '),
        ("", 'Unknown dataset ""'),
        ("../mnist", 'Unknown dataset "../mnist"'),
        ("cifar10/", 'Unknown dataset "cifar10/"'),
        ("cifar10:new", 'Unknown dataset "cifar10:new"'),
        ("Cifar10", 'did you mean "cifar10"?'),
    ],
)
def test_unknown_names_get_the_nearest(name, message):
    with pytest.raises(UnknownNameError, match=re.escape(message)) as caught:
        check_dataset(name)
    assert "every image classification set of TFDS" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["cifar10", "cifar10:3.0.2", "emnist/letters", "emnist/letters:3.*.*", "eurosat"],
)
def test_names_of_tfds(name):
    check_dataset(name)


def test_names_of_tfds_come_without_tensorflow():
    from helpers.processes import python

    code = "import sys, kmlp.data.known as k; k.tfds_names(); print('tensorflow' in sys.modules)"
    assert python(code).stdout == "False\n"


@pytest.mark.parametrize("name", ["My", "my-set", "", "1a", "a/b", "a" * 101, "a:1.0.0"])
def test_names_that_cannot_be_given(name):
    with pytest.raises(DataError, match="small letters"):
        check_own_name(name)


def test_a_name_of_tfds_cannot_be_given():
    assert "cifar10" in tfds_names()
    with pytest.raises(DataError, match=r"TFDS.*my_cifar10"):
        check_own_name("cifar10")
    check_own_name("my_cifar10")
    check_own_name("fashion_mnist")  # its content is compared


def test_a_process_that_dies_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DataError, match="exit code 1"):
        sources.run_tfds("download")
