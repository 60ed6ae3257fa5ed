import json
import re

import keras
import pytest
from helpers.processes import kmlp as process

from kmlp import load_dataset

SHORT = ["train", "--train-size", "1000", "--epochs", "2", "--width", "8",
         "--batch-size", "100"]  # fmt: skip


@pytest.mark.once
def test_a_row_an_epoch_and_the_test_accuracy(kmlp):
    result = kmlp(*SHORT)
    assert result.code == 0
    rows = [line.split()[0] for line in result.out.splitlines() if line.strip()]
    assert {"1", "2"} <= set(rows)
    assert "Test accuracy" in result.out
    assert result.err.startswith("[1/1] seed=0: val_accuracy")


def test_json_tells_of_the_model_that_was_saved(kmlp, tmp_path):
    path = tmp_path / "model.keras"
    result = kmlp(*SHORT, "--json", "--quiet", "--seed", "3", "--save", str(path))
    assert result.code == 0
    assert f"Saved {path}." in result.err
    run = json.loads(result.out)
    assert (run["config"]["seed"], run["status"], run["epochs"]) == (3, "finished", 2)
    assert run["backend"] == keras.backend.backend()
    assert len(run["history"]["val_accuracy"]) == 2
    test = load_dataset("mnist").test
    model = keras.saving.load_model(path)
    accuracy = model.evaluate(test.x, test.y, batch_size=1000, verbose=0)[1]
    assert accuracy == pytest.approx(run["test_accuracy"])


DIPS = ["train", "--train-size", "1024", "--width", "16", "--depth", "1",
        "--learning-rate", "1", "--epochs", "5", "--json"]  # fmt: skip
"""The third of its five epochs is the best."""


@pytest.mark.once
@pytest.mark.parametrize(("options", "epoch"), [([], 3), (["--at", "last"], 5)])
def test_the_saved_model_is_that_of_the_epoch_that_counts(kmlp, tmp_path, options, epoch):
    path = str(tmp_path / "model.keras")
    run = json.loads(kmlp(*DIPS, *options, "--save", path).out)
    assert run["at_epoch"] == epoch
    assert run["test_accuracy"] == run["history"]["test_accuracy"][epoch - 1]
    evaluated = json.loads(kmlp("evaluate", path, "--json").out)
    assert evaluated["right"] == round(10_000 * run["test_accuracy"])


@pytest.mark.once
def test_a_model_of_a_best_epoch_that_is_not_stored_is_not_saved(kmlp, tmp_path):
    path = str(tmp_path / "model.keras")
    runs = ["--runs-dir", str(tmp_path / "runs")]
    kmlp(*DIPS, *runs)
    result = kmlp(*DIPS, "--epochs", "2", "--save", path, *runs)
    assert result.code == 1
    assert "the model of epoch 2 is not stored; --fresh" in result.err
    assert kmlp(*DIPS, "--epochs", "2", "--save", path, "--fresh", *runs).code == 0


@pytest.mark.once
def test_a_dry_run_trains_nothing(kmlp, tmp_path):
    runs = tmp_path / "runs"
    result = kmlp(*SHORT, "--dry-run", "--json", "--runs-dir", str(runs))
    assert (result.code, result.err, runs.exists()) == (0, "", False)
    planned = json.loads(result.out)
    assert planned == {
        "learning_rate": 0.1, "epochs": 2, "parameters": 6442, "steps": 20,
        "patience": None,
    }  # fmt: skip
    shown = kmlp(*SHORT, "--dry-run", "--optimizer", "lion", "--patience", "1").out
    assert "6,442" in shown
    assert "at most" in shown  # it may stop early
    assert "0.001" in shown  # the default learning rate of the optimizer


@pytest.mark.once
def test_json_has_the_width_of_every_layer(kmlp):
    result = kmlp(*SHORT, "--width", "9x7", "--json", "--quiet")
    assert (result.code, result.err) == (0, "")
    run = json.loads(result.out)
    assert (run["config"]["width"], run["config"]["depth"]) == ([9, 7], 2)
    assert run["parameters"] == 7_215  # 784-9-7-10


def test_overwriting_a_file_says_when_the_loss_has_to_stay_behind(kmlp, tmp_path):
    path = tmp_path / "exists.keras"
    path.write_text("old")
    result = kmlp(*SHORT, "--save", str(path), "--overwrite", "--loss", "nll")
    assert result.code == 0
    assert "compile" in result.err.lower()
    assert keras.saving.load_model(path, compile=False).name == "mlp"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.h5", "--save.*model.h5.*name.keras"),
        (".keras", r"--save.*/\.keras.*name.keras"),
        ("folder.keras", "folder.keras.*--save.*folder"),
        ("no_folder/model.keras", "no_folder.*--save"),
        ("exists.keras", "exists.keras.*--save.*--overwrite"),
    ],
)
def test_a_bad_target_is_refused_before_training(kmlp, tmp_path, name, message):
    (tmp_path / "exists.keras").write_text("precious")
    (tmp_path / "folder.keras").mkdir()
    result = kmlp(*SHORT, "--save", str(tmp_path / name))
    assert result.code == 2
    assert re.search(message, result.err)
    assert "[1/1]" not in result.err
    assert (tmp_path / "exists.keras").read_text() == "precious"


@pytest.mark.once
def test_a_diverged_run_is_shown_and_not_saved(kmlp, tmp_path):
    path = tmp_path / "model.keras"
    result = kmlp(*SHORT, "--loss", "mse", "--output", "linear", "--learning-rate", "1e20",
                  "--save", str(path))  # fmt: skip
    assert re.search("Diverged: .*epoch 1", result.out)
    assert "saved" in result.err
    assert result.code == 1
    assert not path.exists()


def test_saving_makes_no_noise_and_says_what_loading_needs(tmp_path):
    """In a process of its own, so that what native libraries print is seen too."""
    result = process(*SHORT, "--quiet", "--activation", "keras.ops:sin", "--save",
                     str(tmp_path / "model.keras"))  # fmt: skip
    assert result.returncode == 0
    saved, loading = result.stderr.splitlines()
    assert saved == f"Saved {tmp_path / 'model.keras'}."
    assert re.search('"keras.ops:sin".*custom_objects', loading)
