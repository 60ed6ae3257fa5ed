import numpy as np
import pytest
from helpers.made_up_data import images
from helpers.processes import python

from kmlp import load_dataset
from kmlp.data import cache, check_dataset, import_dataset, is_at_hand, load_examples
from kmlp.data._built_in import BUILT_IN
from kmlp.data.sources._built_in import make_spirals
from kmlp.errors import DataError

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path))


def everything(examples):
    return np.concatenate([examples.train.x, examples.test.x])


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_table_has_the_facts_that_are_stated_without_loading_it(name):
    examples, stated = load_examples(name), BUILT_IN[name]
    assert everything(examples).shape == (stated.rows, stated.columns)
    assert len(examples.class_names) == stated.classes
    assert examples.task == stated.task
    assert len(examples.schema.features) == stated.columns
    assert everything(examples).dtype == np.float32
    assert cache.entries() == []


def test_numbers_are_in_the_units_of_the_source():
    digits = everything(load_examples("digits"))
    assert (digits.min(), digits.max()) == (0, 16)
    diabetes = load_examples("diabetes")
    assert diabetes.schema.columns[0].name == "age"
    assert 18 <= everything(diabetes)[:, 0].min() <= everything(diabetes)[:, 0].max() < 100
    assert 25 <= diabetes.train.y.min() <= diabetes.train.y.max() <= 346


def test_the_splits_are_stratified_and_the_same_every_time():
    wine = load_dataset("wine")
    assert (len(wine.train), len(wine.validation), len(wine.test)) == (123, 25, 30)
    for split in (wine.train, wine.validation, wine.test):
        shares = np.bincount(split.y) / len(split)
        np.testing.assert_allclose(shares, [59 / 178, 71 / 178, 48 / 178], atol=0.03)
    assert load_examples("wine").fingerprint == wine.fingerprint


def test_parameters_change_the_rows():
    plain, more, noisy, other = (
        load_examples(name)
        for name in ("spirals", "spirals:2000", "spirals:1000:0.5", "spirals:1000:0.1:1")
    )
    assert len(everything(more)) == 2 * len(everything(plain))
    assert everything(noisy).std() > everything(plain).std()
    assert len({data.fingerprint for data in (plain, more, noisy, other)}) == 4


@pytest.mark.parametrize("name", ["moons", "circles"])
def test_the_seed_of_a_made_table_changes_its_noise(name):
    first, second = (load_examples(f"{name}:100:0.1:{seed}") for seed in (0, 1))
    assert first.fingerprint != second.fingerprint


def test_without_noise_spirals_keep_their_distance():
    points, classes = make_spirals(2000, noise=0.0, seed=0)
    first, second = points[classes == 0], points[classes == 1]
    distances = np.linalg.norm(first[:, None] - second[None], axis=2)
    assert 0.9 < distances.min() <= 1
    np.testing.assert_allclose(second, -first, atol=1e-12)


@pytest.mark.parametrize("name", ["wine", "moons:50:0.1"])
def test_built_in_tables_are_at_hand(name):
    assert is_at_hand(name)


def test_a_new_import_cannot_have_the_name_of_a_table(tmp_path):
    with pytest.raises(DataError, match=r"wine.*comes with kmlp.*my_wine"):
        import_dataset("wine", tmp_path)


def test_an_import_from_before_has_priority():
    mine = images()
    with cache.locked("wine"), cache.atomic_folder("wine") as folder:
        cache.write(folder, "wine", mine, imported=True)
    assert load_examples("wine").fingerprint == mine.fingerprint


def test_checking_a_name_does_not_load_scikit_learn():
    code = (
        "import sys, kmlp; kmlp.RunConfig(dataset='wine'); print('sklearn' in sys.modules)"
    )
    assert python(code).stdout == "False\n"


def test_a_damaged_import_from_before_can_only_come_back_under_another_name(tmp_path):
    with cache.locked("wine"), cache.atomic_folder("wine") as folder:
        cache.write(folder, "wine", images(), imported=True)
    (tmp_path / "datasets" / "wine" / "train_x.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"import_dataset\('my_wine', path\)"):
        load_examples(check_dataset("wine"))
