import pytest
from helpers.made_up_data import images

from kmlp.data import Facts, cache, facts_of
from kmlp.data._examples import make_examples
from kmlp.data._schema import Column, Schema
from kmlp.data._split import Split

pytestmark = pytest.mark.once

IMAGES = Facts("images", "classification")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path))


def put(name, examples):
    with cache.locked(name), cache.atomic_folder(name) as folder:
        cache.write(folder, name, examples, imported=True)


def numbers():
    import numpy as np

    split = Split(x=np.eye(4, dtype="float32"), y=np.arange(4, dtype="float32"))
    schema = Schema(columns=tuple(map(Column, "abcd")), target="y")
    return make_examples(split, split, source="made up", schema=schema)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "emnist/letters", "nothing", ""])
def test_others_are_images_with_classes(name):
    assert facts_of(name) == IMAGES


@pytest.mark.parametrize("name", ["wine", "moons", "moons:500:0.1"])
def test_built_in_tables_with_classes(name):
    assert facts_of(name) == Facts("table", "classification")


def test_a_built_in_table_with_numbers():
    assert facts_of("diabetes") == Facts("table", "regression")


def test_an_import_is_described_by_the_cache():
    put("mine", numbers())
    assert facts_of("mine") == Facts("table", "regression")


def test_an_older_import_with_the_name_of_a_table_has_priority():
    put("wine", images())
    assert facts_of("wine") == IMAGES


def test_a_damaged_import_raises_nothing(tmp_path):
    put("mine", numbers())
    (tmp_path / "datasets" / "mine" / "dataset.json").write_text("{}")
    assert facts_of("mine") == IMAGES
