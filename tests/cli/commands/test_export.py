"""`kmlp export` and `--tensorboard`, on a runs folder with a study of each kind."""

import csv
import io
import json
import re
import shutil

import pandas
import pytest
from helpers.messages import numbers
from helpers.stores import seal_all

from kmlp import RunConfig, ablate, train
from kmlp.store import Store
from kmlp_tuning import tune

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=512, width=8, depth=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    ablate("loss", ["nll", "mse"], base=BASE, seeds=1, epochs=2, jobs=1, name="losses",
           runs_dir=folder)  # fmt: skip
    train(BASE, epochs=2, name="one", runs_dir=folder)
    tune({"learning_rate": [0.1, 0.2, 1e20]}, base=BASE, max_trials=3, max_epochs=2,
         algorithm="random", replicates=1, jobs=1, name="search", runs_dir=folder)  # fmt: skip
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("KMLP_RUNS_DIR", str(folder))
    return folder


def exported(kmlp, path, *arguments):
    result = kmlp("export", *arguments, "--out", str(path))
    assert (result.code, result.out) == (0, "")
    assert f"Wrote {path}." in result.err
    return path


@pytest.mark.usefixtures("folder")
def test_studies_of_every_kind_go_below_each_other(kmlp, tmp_path):
    frame = pandas.concat(
        pandas.read_csv(exported(kmlp, tmp_path / f"{name}.csv", name))
        for name in ("one", "losses", "search")
    )
    one = frame[frame["study"] == "one"]
    assert one["epoch"].tolist() == [1, 2]
    losses = frame[frame["kind"] == "ablation"]
    assert losses["loss_function"].tolist() == ["nll", "nll", "mse", "mse"]
    assert losses["val_accuracy"].between(0, 1).all()
    search = frame[frame["kind"] == "search"]
    trials = search[search["part"] == "search"].drop_duplicates("trial")
    assert sorted(trials["status"]) == ["diverged", "finished", "finished"]
    assert sorted(trials["learning_rate"]) == [0.1, 0.2, 1e20]
    again = search[search["part"] == "replication"]
    assert set(again["seed"]) == {1}
    assert set(again["trial"]) <= set(trials["trial"])
    assert again["bracket"].isna().all()
    # The run of "one" is a trial, too.
    assert set(one["run"]) < set(search["run"])


@pytest.mark.usefixtures("folder")
def test_show_csv_prints_the_same_rows(kmlp, tmp_path):
    for name in ("one", "losses", "search"):
        path = exported(kmlp, tmp_path / f"{name}.csv", name)
        assert kmlp("show", name, "--csv").out == path.read_text()


@pytest.mark.usefixtures("folder")
def test_a_file_is_replaced_only_if_that_is_asked_for(kmlp, tmp_path):
    path = exported(kmlp, tmp_path / "rows.json", "one")
    written = path.read_text()
    path.write_text("precious")
    result = kmlp("export", "one", "--out", str(path))
    assert (result.code, path.read_text()) == (2, "precious")
    assert "give --overwrite" in result.err
    exported(kmlp, path, "one", "--overwrite")
    assert path.read_text() == written


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one"], "--out FILE, --tensorboard FOLDER"),
        (["one", "--out", "rows.xlsx"], "rows.xlsx.*name.csv, name.json, name.parquet"),
        (["one", "--out", "folder.csv"], "folder.csv.*--out.*folder"),
        (["one", "--out", "nowhere/rows.csv"], "nowhere.*--out"),
        (["one", "--tensorboard", "file/logs"], "--tensorboard.*file is a file"),
        (["on", "--out", "rows.csv"], '"on".*"one"'),
    ],
)
def test_bad_input(kmlp, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    result = kmlp("export", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)
    assert not (tmp_path / "rows.csv").exists()


def test_of_a_study_that_is_not_finished_there_is_what_it_has(kmlp, folder, tmp_path):
    with Store(folder) as store:
        [(key, run)] = store.connection.execute(
            "SELECT key, id FROM runs WHERE json_extract(config, '$.loss') = 'mse'"
        ).fetchall()
        store.connection.execute("DELETE FROM runs WHERE id = ?", (run,))
        store.connection.execute(
            "UPDATE studies SET spec = json_set(spec, '$.epochs', 3) WHERE name = 'one'"
        )
        seal_all(store.connection)
    result = kmlp("show", "losses", "--csv")
    assert numbers(result.err) == [1, 2]
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [row["loss_function"] for row in rows] == ["nll", "nll"]
    assert key[:12] not in result.out
    result = kmlp("export", "one", "--out", str(tmp_path / "one.json"))
    assert numbers(result.err.splitlines()[-1]) == [1, 1]
    assert len(json.loads((tmp_path / "one.json").read_text())["rows"]) == 2


SHORT = ["--depth", "1", "--train-size", "512", "--width", "8"]
COMMANDS = {
    "one": ["train", *SHORT, "--epochs", "2"],
    "losses": ["ablate", "--param", "loss", "--values", "nll,mse", *SHORT, "--seeds", "1",
               "--epochs", "2"],
    "search": ["tune", *SHORT, "--learning-rate", "0.1,0.2,1e20", "--dropout", "0", "--activation", "relu",
               "--batch-size", "64", "--max-trials", "3", "--max-epochs", "2",
               "--algorithm", "random", "--replicates", "1"],
}  # fmt: skip
RUNS = {
    "one": {"seed=0"},
    "losses": {"loss=nll,seed=0", "loss=mse,seed=0"},
    "search": {"trial=1,seed=0", "trial=2,seed=0", "trial=3,seed=0"},
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_study_out_of_the_store_has_logs_too(kmlp, tmp_path, name):
    logs = tmp_path / "new" / "logs"
    command = [*COMMANDS[name], "--name", name, "--tensorboard", str(logs)]
    result = kmlp(*command)
    assert result.code == 0
    assert "0 epochs trained" in result.err
    assert result.err.splitlines()[-1] == f"Logs: tensorboard --logdir {logs / name}"
    written = {it.name: it for it in (logs / name).iterdir() if it.is_dir()}
    assert set(written) >= RUNS[name]
    assert kmlp("export", name, "--tensorboard", str(logs)).code == 0
    for run in written.values():
        assert len(list(run.iterdir())) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bad_folder_for_logs_is_refused_before_training(kmlp, tmp_path, name):
    (tmp_path / "file").write_text("precious")
    result = kmlp(*COMMANDS[name], "--tensorboard", str(tmp_path / "file"))
    assert (result.code, result.out) == (2, "")
    assert re.search("--tensorboard.*file", result.err)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_for_logs_that_cannot_be_written_to(kmlp, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    result = kmlp("export", "one", "--tensorboard", str(tmp_path / "logs"))
    assert result.code == 2
    assert re.search(f"{tmp_path}.*--tensorboard.* written", result.err)
