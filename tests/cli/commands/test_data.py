import io
import json
import os
import re
from importlib.resources import files

import numpy as np
import pytest
from helpers.made_up_data import images, write_idx, write_npz
from PIL import Image

from kmlp.data import Column, Schema, Split, cache, load_examples
from kmlp.data._examples import make_examples
from kmlp.data._load import forget_datasets

pytestmark = pytest.mark.once

MADE_UP = images()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    forget_datasets()
    yield tmp_path
    forget_datasets()


@pytest.fixture
def imported(kmlp, folders):
    folder = write_idx(folders / "idx", MADE_UP)
    result = kmlp("data", "import", "my_images", str(folder))
    assert (result.code, result.out) == (0, "")
    assert re.search("my_images: 30 .* 12 .* 4 x 4, 3 classes", result.err)
    return "my_images"


def test_list_says_what_is_known_and_what_is_ready(kmlp, imported):
    found = json.loads(kmlp("data", "list", "--json").out)["datasets"]
    assert [dataset["name"] for dataset in found][:3] == [
        imported,
        "mnist",
        "fashion_mnist",
    ]
    mine, mnist, *_, cifar = (it for it in found if it["name"] in (imported, "mnist", "cifar10"))  # fmt: skip
    assert "imported" in mine["where"]
    assert mine == {
        "name": "my_images", "damage": None, "ready": True, "where": mine["where"],
        "kind": "images", "task": "classification", "examples": 42, "shape": [4, 4],
        "classes": 3, "target": None, "bytes": sum(f.stat().st_size for f in cache.find("my_images").folder.iterdir()),
    }  # fmt: skip
    assert (mnist["ready"], "kmlp" in mnist["where"]) == (True, True)
    assert (mnist["examples"], mnist["shape"], mnist["classes"]) == (70_000, [28, 28], 10)
    assert mnist["bytes"] > 11_000_000
    assert (cifar["ready"], cifar["where"]) == (False, None)
    table = kmlp("data", "list").out
    assert "my_images" in table
    assert "download" in table


def test_list_sees_what_tfds_has_prepared(kmlp, folders):
    place = folders / "tfds" / "emnist" / "letters" / "3.1.0"
    place.mkdir(parents=True)
    (place / "dataset_info.json").write_text("{}")
    for left_behind in ("3.1.0.incompleteA1", "@eaDir", ".Trash"):
        other = folders / "tfds" / "emnist" / "balanced" / left_behind
        other.mkdir(parents=True)
        (other / "dataset_info.json").write_text("{}")
    found = json.loads(kmlp("data", "list", "--json").out)["datasets"]
    where = {dataset["name"]: dataset["where"] for dataset in found}
    assert where["emnist/letters"] == f"prepared by TFDS in {place}"
    assert where["emnist/balanced"] is None


def test_info_of_an_imported_dataset(kmlp, imported):
    found = json.loads(kmlp("data", "info", imported, "--json").out)
    assert (found["shape"], found["train"], found["test"]) == ([4, 4], 30, 12)
    assert found["classes"][2] == {"name": "2", "train": 10, "test": 4}
    assert found["fingerprint"] == MADE_UP.fingerprint
    assert found["citation"] is None
    text = " ".join(kmlp("data", "info", imported).out.split())
    assert "2 2 10 4" in text
    assert "1.00 times" in text


@pytest.fixture
def table(folders):
    """A table with a column of text and missing values, and a number with a unit."""
    ages = [20, np.nan, 30, 40, 50, 60]
    sexes = [[1, 0], [0, 1], [np.nan, np.nan], [0, 1], [1, 0], [0, 1]]
    split = Split(
        x=np.column_stack([ages, sexes]).astype("float32"),
        y=np.array([1, 2.5, 3, 4, 5, 6], "float32"),
    )
    schema = Schema(
        columns=(Column("age"), Column("sex", ("f", "m"))),
        target="price", unit="EUR", missing="mean",
    )  # fmt: skip
    examples = make_examples(split, split, source="made up", schema=schema)
    with cache.locked("houses"), cache.atomic_folder("houses") as folder:
        cache.write(folder, "houses", examples, imported=True)
    return "houses"


def test_list_shows_tables_and_images(kmlp, table):
    found = json.loads(kmlp("data", "list", "--json").out)["datasets"]
    by_name = {dataset["name"]: dataset for dataset in found}
    assert found[0]["name"] == "houses"
    houses, diabetes = by_name["houses"], by_name["diabetes"]
    for dataset, target, features in ((houses, "price", 3), (diabetes, "progression", 10)):
        assert (dataset["kind"], dataset["task"]) == ("table", "regression")
        assert (dataset["target"], dataset["classes"]) == (target, None)
        assert (dataset["shape"], dataset["ready"]) == ([features], True)
    assert (by_name["moons"]["examples"], by_name["moons"]["classes"]) == (1000, 2)
    text = kmlp("data", "list").out
    assert re.search("wine +comes with scikit-learn +178 +13 features +3 classes", text)
    assert re.search("houses +array cache, imported +12 +3 features +price", text)
    assert "moons:ROWS:NOISE:SEED" in text


def test_list_names_a_damaged_import_that_has_the_name_of_a_table(kmlp, table):
    folder = cache.find(table).folder
    folder.rename(folder.with_name("wine"))
    found = json.loads(kmlp("data", "list", "--json").out)["datasets"]
    [wine] = [dataset for dataset in found if dataset["name"] == "wine"]
    assert (wine["ready"], "is damaged" in wine["damage"]) == (False, True)


def test_info_of_a_table_with_numbers(kmlp, table):
    found = json.loads(kmlp("data", "info", table, "--json").out)
    assert (found["shape"], found["classes"], found["imbalance"]) == ([3], [], None)
    assert found["target"]["name"] == "price"
    assert found["target"]["unit"] == "EUR"
    assert found["target"]["test"] == pytest.approx(
        {"least": 1, "mean": 21.5 / 6, "sd": np.std([1, 2.5, 3, 4, 5, 6]), "most": 6}
    )
    assert found["columns"] == [
        {"name": "age", "categories": None, "range": [20, 60], "missing": 2},
        {"name": "sex", "categories": ["f", "m"], "range": None, "missing": 2},
    ]
    text = kmlp("data", "info", table).out
    assert "houses: rows of 3 features" in text
    assert re.search("training +6 +1 +3.58333 +1.64", text)
    assert re.search("sex +f, m +2", text)
    assert "target: price, in EUR" in text


def test_info_of_a_built_in_table(kmlp):
    found = json.loads(kmlp("data", "info", "wine", "--json").out)
    assert found["classes"][0] == {"name": "class_0", "train": 49, "test": 10}
    assert found["target"] == {"name": "cultivar", "unit": "", "train": None, "test": None}
    assert len(found["columns"]) == 13
    assert "UCI" in found["citation"]
    text = kmlp("data", "info", "wine").out
    assert re.search("class_0 +49 +10", text)
    assert re.search(r"malic_acid +0\.74 to 5\.8 +0", text)


def test_show_prints_rows_of_a_table(kmlp, table):
    text = kmlp("data", "show", table).out
    assert "houses: 5 of 6 training rows" in text
    lines = {
        line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()
    }
    train = load_examples(table).train
    assert lines["price"] == [f"{price:g}" for price in train.y[:5]]
    assert sorted(lines["age"])[-1] == "missing" or np.isnan(train.x[5, 0])
    assert {"f", "m"} <= set(lines["sex"]) <= {"f", "m", "missing"}


def test_show_draws_points(kmlp, folders):
    out = folders / "moons.svg"
    result = kmlp("data", "show", "moons:100", "--out", str(out))
    assert (result.code, result.out) == (0, "")
    assert "83 training rows" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["wine", "--out", "wine.png"],
            "exactly two columns.*without --out prints some rows",
        ),
        (["moons", "--out", "moons.jpg"], "--out.*moons.jpg"),
        (["mnist"], "Give --out mnist.png"),
        (["moons:1"], "rows must be"),
        (["moon"], "Unknown dataset"),
    ],
)
def test_show_refuses(kmlp, folders, monkeypatch, arguments, message):
    monkeypatch.chdir(folders)
    result = kmlp("data", "show", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)
    assert not [*folders.glob("*.*")]


def test_prepare_says_what_a_table_has(kmlp, table):
    result = kmlp("data", "prepare", "wine", table)
    wine, houses = result.err.splitlines()
    assert wine.startswith("wine: 148 training and 30 test rows of 13 features, 3 classes;")
    assert "rows of 3 features, to predict price in EUR; made up" in houses


def test_info_of_mnist_names_its_licence(kmlp):
    found = json.loads(kmlp("data", "info", "mnist", "--json").out)
    assert "CC BY-SA 3.0" in found["citation"]
    assert sum(it["train"] for it in found["classes"]) == found["train"] == 60_000
    assert found["imbalance"] == pytest.approx(6742 / 5421)


def test_files_of_mnist_are_found_to_be_what_kmlp_has(kmlp):
    folder = files("kmlp.data") / "files" / "mnist"
    result = kmlp("data", "import", "mnist", str(folder))
    assert (result.code, cache.entries()) == (0, [])
    assert "10 classes" in result.err


def test_info_of_a_dataset_of_tfds_cites(kmlp):
    with cache.locked("kmnist"), cache.atomic_folder("kmnist") as folder:
        cache.write(folder, "kmnist", MADE_UP)
    found = json.loads(kmlp("data", "info", "kmnist", "--json").out)
    assert "Clanuwat" in found["citation"]


def test_prepare_checks_all_names_first(kmlp):
    result = kmlp("data", "prepare", "mnist", "mnits")
    assert (result.code, result.out) == (2, "")
    assert re.search('"mnits".*"mnist"', result.err)
    assert "60,000" not in result.err


def test_prepare_says_what_is_ready(kmlp, imported):
    result = kmlp("data", "prepare", imported, "mnist")
    assert result.code == 0
    assert result.err.splitlines()[1].startswith("mnist: 60,000 training and 10,000 test")


def test_a_run_trains_on_imported_images(kmlp, folders):
    write_npz(folders / "a.npz", MADE_UP)
    assert kmlp("data", "import", "mine", str(folders / "a.npz")).code == 0
    arguments = [
        "train",
        "--dataset",
        "mine",
        "--epochs",
        "1",
        "--batch-size",
        "4",
        "--json",
    ]
    first = json.loads(kmlp(*arguments).out)
    assert first["config"]["dataset"] == "mine"
    assert first["parameters"] == 16 * 128 + 128 + 128 * 128 + 128 + 3 * 128 + 3
    other = json.loads(kmlp(*arguments, "--validation-fraction", "1/3").out)
    assert other["config"]["validation_fraction"] == 1 / 3
    assert other["history"] != first["history"]


def test_a_study_is_shown_without_its_dataset(kmlp, folders, imported):
    arguments = [
        "--dataset",
        imported,
        "--epochs",
        "1",
        "--seeds",
        "2",
        "--batch-size",
        "4",
    ]
    folder = ["--runs-dir", str(folders / "runs")]
    asked = kmlp("ablate", "--param", "width", "--values", "2,3", *arguments, *folder, "--jobs", "1", "--json")  # fmt: skip
    cache.remove(imported)
    forget_datasets()
    shown = kmlp("show", json.loads(asked.out)["name"], *folder, "--json")
    assert (shown.code, shown.out) == (0, asked.out)


def pictures(folder, *names):
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 6), "uint8")
        Image.fromarray(pixels).save(folder / name)
    return folder


TWO_CLASSES = ("cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png", "dog/2.png", "dog/3.png")


@pytest.mark.filterwarnings("default")  # or it would be raised
def test_import_says_once_what_it_left_out(kmlp, folders):
    mine = pictures(
        folders / "mine", *TWO_CLASSES, ".ipynb_checkpoints/1.png", "cat/._1.png"
    )
    result = kmlp("data", "import", "mine", str(mine))
    assert (result.code, result.out) == (0, "")
    left_out, imported = result.err.splitlines()
    assert left_out.endswith(": .ipynb_checkpoints, ._1.png; 2 in all.")
    assert re.search("5 .* 1 .* 8 x 6, 2 classes", imported)


def test_import_refuses_one_class(kmlp, folders):
    mine = pictures(folders / "mine", *TWO_CLASSES[:3])
    result = kmlp("data", "import", "mine", str(mine))
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert re.search(r"mine: .*\bcat\b", result.err)
    assert cache.entries() == []


@pytest.mark.parametrize("name", ["fifo", "mine", "idx"])
def test_import_waits_for_no_fifo(kmlp, folders, name):
    write_idx(folders / "idx", MADE_UP)
    (folders / "idx" / "train-images-idx3-ubyte.gz").unlink()
    pictures(folders / "mine", *TWO_CLASSES)
    for place in ("fifo", "mine/dog/4.png", "idx/train-images-idx3-ubyte.gz"):
        os.mkfifo(folders / place)
    result = kmlp("data", "import", "mine", str(folders / name))
    assert (result.code, result.out) == (2, "")
    assert "FIFO" in result.err


def test_show_draws_every_class(kmlp, folders, imported):
    out = folders / "grid.png"
    result = kmlp("data", "show", imported, "--out", str(out))
    assert (result.code, result.out) == (0, "")
    with Image.open(out) as picture:
        pixels = np.asarray(picture)
    image = MADE_UP.train.x[MADE_UP.train.y == 1][0]
    shown = np.kron(image, np.ones((14, 14), "uint8"))  # 4 x 4 pixels as 56 x 56
    row = pixels[4 + 60 : 4 + 60 + 56, :, 0]
    assert any((row[:, at : at + 56] == shown).all() for at in range(row.shape[1] - 56))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("grid.bmp", "--out.*grid.bmp.*name.png, name.jpg, name.jpeg"),
        ("nowhere/grid.png", "nowhere.*--out"),
        ("there.png", "there.png.*--out.*--overwrite"),
    ],
)
def test_show_refuses_what_it_cannot_write(kmlp, folders, imported, out, message):
    (folders / "there.png").symlink_to("nowhere")
    result = kmlp("data", "show", imported, "--out", str(folders / out))
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)


def test_rm_asks_before_it_removes_what_is_the_users(kmlp, imported, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = kmlp("data", "rm", imported)
    assert (result.code, cache.find(imported) is not None) == (1, True)
    assert imported in result.err
    assert kmlp("data", "rm", imported, "--yes").code == 0
    assert cache.find(imported) is None
    again = kmlp("data", "rm", imported, "--yes")
    assert (again.code, "Unknown dataset" in again.err) == (2, True)


def test_rm_asks_for_what_is_the_users_and_damaged_too(kmlp, imported, monkeypatch):
    path = cache.find(imported).folder / "dataset.json"
    path.write_text(path.read_text().replace('"0"', '"8"'))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = kmlp("data", "rm", imported)
    assert (result.code, "is damaged" in result.err, path.exists()) == (1, True, True)
    assert kmlp("data", "rm", imported, "--yes").code == 0


def test_mnist_stays(kmlp):
    result = kmlp("data", "rm", "mnist")
    assert (result.code, "mnist" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine", "nowhere"], "nowhere: .*No such file"),
        (["mine", "n" * 300], "nnn: .*File name too long"),
        (["Mine", "."], '"Mine"'),
        (["cifar10", "."], "my_cifar10"),
        (["mine", ".", "--size", "28"], "HEIGHTxWIDTH"),
        (["mine", ".", "--size", "0x28"], "HEIGHTxWIDTH"),
        (["mine", "idx", "--size", "8x8"], "--size"),
        (["mnist", "idx"], "published mnist"),
        (["fashion_mnist", "classes"], "fashion_mnist.* IDX files"),
    ],
)
def test_import_refuses(kmlp, folders, monkeypatch, arguments, message):
    write_idx(folders / "idx", MADE_UP)
    (folders / "classes" / "cat").mkdir(parents=True)
    monkeypatch.chdir(folders)
    result = kmlp("data", "import", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)
    assert cache.entries() == []


def test_a_damaged_dataset_is_no_obstacle_and_can_be_removed(kmlp, imported):
    (cache.find(imported).folder / "dataset.json").write_text("{}")
    result = kmlp("data", "list")
    assert re.search(f"{imported} +damaged", result.out)
    assert re.search("my_images is damaged: .*dataset.json", result.err)
    assert f"after `kmlp data rm {imported}`" in result.err
    found = json.loads(kmlp("data", "list", "--json").out)["datasets"]
    [mine] = [it for it in found if it["name"] == imported]
    assert (mine["ready"], "is damaged: " in mine["damage"]) == (False, True)
    result = kmlp("data", "info", imported)
    assert (result.code, "my_images is damaged: " in result.err) == (2, True)
    assert "`kmlp data rm my_images`" in result.err
    assert kmlp("data", "rm", imported).code == 0
    assert not cache.has(imported)


@pytest.mark.parametrize("name", ["emnist--letters", "n" * 300, "..", "kmnist@3.0.1"])
def test_names_of_files_are_no_names_of_datasets(kmlp, name):
    with cache.locked("emnist/letters"), cache.atomic_folder("emnist/letters") as folder:
        cache.write(folder, "emnist/letters", MADE_UP)
    for command in (
        ["data", "info", name],
        ["data", "rm", name],
        ["train", "--dataset", name],
    ):
        result = kmlp(*command)
        assert (result.code, result.out) == (2, "")
        assert "Unknown dataset" in result.err


@pytest.mark.parametrize("fraction", ["0", "1", "-1/6", "nan", "1/0", "1" + "0" * 400 + "/1", "x"])  # fmt: skip
def test_a_bad_validation_fraction(kmlp, fraction):
    result = kmlp("train", f"--validation-fraction={fraction}", "--epochs", "1")
    assert (result.code, result.out) == (2, "")
    assert "`validation_fraction`" in result.err
