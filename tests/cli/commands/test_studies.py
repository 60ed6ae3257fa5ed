"""`kmlp studies`, `show`, `runs` and `rm`, on a runs folder with two studies."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import sqlite3

import pytest
from helpers.messages import numbers
from helpers.stores import seal_all

from kmlp import RunConfig, ablate, train
from kmlp._util.text import visible
from kmlp.store import Store

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=512, width=8, depth=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    options = {"epochs": 1, "runs_dir": folder}
    ablate("width", [8, 16], base=BASE, seeds=2, jobs=1, name="widths", **options)
    train(BASE, name="one", **options)
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path / "runs")
    monkeypatch.setenv("KMLP_RUNS_DIR", str(tmp_path / "runs"))


@pytest.mark.usefixtures("folder")
def test_studies(kmlp):
    listed = json.loads(kmlp("studies", "--json").out)["studies"]
    assert [(it["name"], it["kind"], it["runs"], it["finished"]) for it in listed] == [
        ("one", "run", 1, 1), ("widths", "ablation", 4, 4),
    ]  # fmt: skip
    assert (listed[1]["param"], listed[1]["values"]) == ("width", [8, 16])
    assert 0 < listed[1]["best_val_accuracy"] < 1
    result = kmlp("studies")
    assert (result.code, result.err) == (0, "")
    assert "width: 8, 16 (2 seeds" in " ".join(result.out.split())


@pytest.mark.usefixtures("folder")
def test_show_says_when_a_study_mixes_machines(kmlp, tmp_path):
    database = tmp_path / "runs" / "kmlp.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        (facts,) = connection.execute("SELECT description FROM environments").fetchone()
        other = json.dumps({**json.loads(facts), "device": "gpu:0"})
        connection.execute(
            "INSERT INTO environments (id, created, description) VALUES (99, 0, ?)",
            (other,),
        )
        connection.execute(
            "UPDATE epochs SET environment = 99 WHERE run = (SELECT max(run) FROM epochs)"
        )
        seal_all(connection)
    said = "device cpu / accelerator"
    assert said in kmlp("show", "widths").err
    assert kmlp("show", "one").err == ""
    assert kmlp("report", "widths", "--out", str(tmp_path / "it.md")).code == 0
    assert said in (tmp_path / "it.md").read_text()


@pytest.mark.usefixtures("folder")
def test_show_is_what_the_command_printed(kmlp):
    command = ["ablate", "--param", "width", "--values", "8,16", "--depth", "1", "--seeds", "2",
               "--epochs", "1", "--train-size", "512", "--name", "widths", "--jobs", "1"]  # fmt: skip
    for option in ([], ["--json"]):
        printed, shown = kmlp(*command, *option), kmlp("show", "widths", *option)
        assert numbers(printed.err.splitlines()[-1]) == [0, 4]
        assert (shown.code, shown.err) == (0, "")
        assert shown.out == printed.out
    rows = list(csv.DictReader(io.StringIO(kmlp("show", "widths", "--csv").out)))
    assert [(row["width"], row["seed"], row["epoch"]) for row in rows] == [
        ("8", "0", "1"), ("8", "1", "1"), ("16", "0", "1"), ("16", "1", "1"),
    ]  # fmt: skip
    assert 0 < float(rows[0]["val_accuracy"]) < 1


@pytest.mark.usefixtures("folder")
def test_show_one_run(kmlp):
    run = json.loads(kmlp("show", "one", "--json").out)
    assert (run["config"]["width"], run["epochs"]) == (8, 1)
    assert "Test accuracy" in kmlp("show", "one").out
    assert kmlp("show", "one", "--csv").out.startswith("study,kind,part,config,trial,")


@pytest.mark.usefixtures("folder")
def test_runs(kmlp):
    def listed(*options):
        return json.loads(kmlp("runs", "--json", *options).out)["runs"]

    assert len(listed()) == 4  # the run of "one" is one of them
    assert len(listed("--study", "one")) == 1
    assert [run["config"]["seed"] for run in listed("--where", "width=16")] == [1, 0]
    assert len(listed("--where", "width=16", "--where", "seed=1")) == 1
    assert listed("--status", "failed") == []
    result = kmlp("runs", "--limit", "2")
    assert result.err == "2 of 4 runs; --limit 0 lists all.\n"
    assert "width" in result.out
    assert "width" not in kmlp("runs", "--status", "diverged").out


@pytest.mark.usefixtures("folder")
def test_a_long_list_has_the_same_cells(kmlp, monkeypatch):
    table = kmlp("runs").out.splitlines()
    monkeypatch.setattr("kmlp_cli.terminal.output._LONG", 1)
    lines = kmlp("runs").out.splitlines()
    assert len(lines) == 5
    for line in lines[1:]:
        assert line.split() in [row.split() for row in table]
    assert lines[0].split()[:2] == ["width", "seed"]


@pytest.mark.usefixtures("folder")
def test_rm_asks_first_and_keeps_what_another_study_uses(kmlp, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = kmlp("rm", "widths")
    assert result.code == 1
    assert re.search("removed: 3.* 1[.]", result.err)
    assert len(json.loads(kmlp("studies", "--json").out)["studies"]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert kmlp("rm", "widths").code == 0
    assert kmlp("rm", "one", "--yes").code == 0
    assert "widths" not in kmlp("studies").out
    assert json.loads(kmlp("runs", "--json").out)["runs"] == []


@pytest.mark.usefixtures("folder")
@pytest.mark.usefixtures("folder")
def test_who_is_in_the_way_is_said(kmlp, tmp_path, monkeypatch):
    monkeypatch.setattr("kmlp.store.study_removal.SECONDS_BETWEEN_LOOKS", 0.0)
    with Store(tmp_path / "runs") as other:
        key = other.connection.execute("SELECT min(key) FROM study_runs").fetchone()[0]
        with other.writing():
            assert other.leases.take(key)
        result = kmlp("rm", "widths", "--yes")
        assert result.code == 2
        assert f"process {os.getpid()} on " in result.err
        other.connection.execute("UPDATE leases SET host = 'far away', heartbeat = 1e12")
        monkeypatch.setattr("kmlp.store.leases.SECONDS_UNTIL_EXPIRED", 0.0001)
        result = kmlp("rm", "widths", "--yes")
        assert result.code == 0, result.err
        assert f"process {os.getpid()} on far away" in result.err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "width"], '"width".*"widths"'),
        (["rm", "widhts"], '"widhts".*"widths"'),
        (["runs", "--study", "won"], '"won".*"one"'),
        (["runs", "--where", "widht=8"], '"widht".*"width"'),
        (["runs", "--where", "width"], "width.*FIELD=VALUE"),
        (["runs", "--status", "finish"], '"finish".*"finished"'),
        (["show", "one", "--json", "--csv"], "--json.*--csv"),
        (["studies", "--runs-dir", "nowhere"], "no runs in nowhere"),
        (["studies", "--runs-dir", __file__], r"test_studies\.py.*--runs-dir"),
        (["train", "--runs-dir", __file__], r"test_studies\.py.*--runs-dir"),
        (
            ["train", "--train-size", "512", "--name", "widths"],
            '"widths" is taken',
        ),
        (["ablate", "--param", "width", "--values", "8", "--jobs", "0"], "`--jobs`.* 0,"),
    ],
)
def test_bad_input(kmlp, arguments, message):
    result = kmlp(*arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)


@pytest.mark.usefixtures("folder")
def test_values_seeds_and_epochs_that_are_added_are_all_that_is_trained(kmlp):
    command = ["ablate", "--param", "learning_rate", "--depth", "0", "--train-size", "512",
               "--jobs", "1", "--name", "rates"]  # fmt: skip

    def last(*options):
        return numbers(kmlp(*command, *options).err.splitlines()[-1])

    one = ["--values", "0.1,0.2", "--seeds", "2", "--epochs"]
    assert last(*one, "1") == [4, 0]
    assert last(*one, "2") == [4, 0]
    assert last(*one, "1") == [0, 4]
    more = ["--values", "0.1,0.2,0.3", "--seeds", "2", "--epochs", "2"]
    assert last(*more) == [4, 4]
    assert last(*more, "--seeds", "3") == [6, 6]
    assert last(*more, "--seeds", "3", "--fresh") == [18, 0]
    assert last(*more, "--seeds", "3") == [0, 9]
    assert len(json.loads(kmlp("studies", "--json").out)["studies"]) == 3


@pytest.mark.usefixtures("folder")
def test_a_study_whose_runs_are_missing_shows_what_it_has(kmlp):
    from kmlp.store import Store, runs_folder

    with Store(runs_folder()) as store:
        store.connection.execute(
            "DELETE FROM runs WHERE json_extract(config, '$.seed') = 1"
        )
    result = kmlp("show", "widths", "--json")
    assert numbers(result.err) == [2, 4]
    assert [len(value["runs"]) for value in json.loads(result.out)["levels"]] == [1, 1]
    with Store(runs_folder()) as store:
        store.connection.execute("DELETE FROM runs")
    for name, message in (("widths", "widths"), ("one", "one")):
        result = kmlp("show", name)
        assert result.code == 2
        assert re.search(message, result.err)


@pytest.mark.usefixtures("folder")
def test_what_is_shown_of_a_study_needs_no_dataset(kmlp, tmp_path, monkeypatch):
    """Which a store of somebody else names, so that it would be downloaded."""

    def fail(name, **_):
        pytest.fail(f"{name} is loaded")

    monkeypatch.setattr("kmlp.data.load_dataset", fail)
    for study in ("one", "widths"):
        for command in (
            ("show", study),
            ("plot", study, "--out", f"{tmp_path}/{study}.svg"),
            ("report", study, "--out", f"{tmp_path}/{study}.html"),
            ("export", study, "--out", f"{tmp_path}/{study}.csv"),
        ):
            assert kmlp(*command).code == 0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "name",
    [
        "[/x]</script><img src=x onerror=alert(1)>|`\x1b]0;t\x07\n\u202e",
        "../../=1+1",
        "=" + 100 * "日",
    ],
    ids=["markup", "path", "long"],
)
def test_a_study_of_any_name_is_shown_and_written(kmlp, tmp_path, name):
    database = tmp_path / "runs" / "kmlp.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE studies SET name = ? WHERE name = 'one'", (name,))
        seal_all(connection)
    out = tmp_path / "out" / "out"
    out.mkdir(parents=True)
    for command in (
        ("studies",),
        ("show", name),
        ("show", name, "--csv"),
        ("runs", "--study", name),
        ("plot", name, "--out", str(out / "plot.svg")),
        ("report", name, "--out", str(out / "report.md")),
        ("export", name, "--out", str(out / "rows.csv"), "--tensorboard", str(out)),
        ("rm", name, "--yes"),
    ):
        result = kmlp(*command)
        assert result.code == 0, result.err
        assert not re.search(
            r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.out + result.err
        )
    assert not list(out.parent.parent.glob("*.svg"))
    assert [it.name for it in out.parent.iterdir()] == ["out"]
    assert len(list(out.glob("report-*.svg"))) == 3
    assert len(list(out.glob("*/*/*.kmlp"))) == 1
    with (out / "rows.csv").open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert row["study"] == (f"'{name}" if name.startswith("=") else visible(name))


@pytest.mark.usefixtures("folder")
def test_what_was_set_is_said_wherever_a_study_is_described(kmlp, tmp_path):
    import jax

    command = ["ablate", "--param", "width", "--values", "8,16", "--depth", "1", "--seeds", "1",
               "--epochs", "1", "--train-size", "512", "--jobs", "1", "--quiet", "--json"]  # fmt: skip
    with jax.default_matmul_precision("highest"):
        told = json.loads(kmlp(*command).out)
        assert kmlp(*command, "--name", "widths").code == 2  # trained under no such setting
    assert told["settings"] == {"jax_default_matmul_precision": "highest"}
    said = "jax_default_matmul_precision highest"
    shown = [kmlp("studies"), kmlp("runs"), kmlp("show", told["name"])]
    for result in shown:  # folded, and perhaps within a word
        assert "".join(said.split()) in "".join(result.out.split()), result.out
    assert json.loads(kmlp("runs", "--json", "--study", told["name"]).out)["runs"][0][
        "settings"
    ]
    assert said in kmlp("show", told["name"], "--csv").out
    kmlp("report", told["name"], "--out", str(tmp_path / "it.md"))
    assert "jax_default_matmul_precision" in (tmp_path / "it.md").read_text()
    assert kmlp("compare", "widths", told["name"]).code == 0


def test_a_setting_that_is_none_for_runs_is_refused(kmlp, tmp_path):
    import keras

    keras.config.set_epsilon(1e-3)
    try:
        for command in (
            ["train"], ["ablate", "--param", "width", "--values", "8", "--dry-run"],
            ["tune", "--dry-run"],
            ["reproduce", "mnist-lab", "--dry-run", "--runs-dir", str(tmp_path)],
        ):  # fmt: skip
            result = kmlp(*command)
            assert (result.code, result.out) == (2, "")
            assert re.search("`epsilon`.* 0.001", result.err)
    finally:
        keras.config.set_epsilon(1e-7)
