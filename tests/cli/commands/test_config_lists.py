"""Every command that takes a study, on trials."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace

import pandas
import pytest
from helpers.messages import numbers

from kmlp import RunConfig
from kmlp.store import Store
from kmlp.store.studies import get_study
from kmlp.studies.config_list import config_list_spec
from kmlp.studies.execution import Execution
from kmlp.studies.runner import train_all

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=500, width=8, depth=1)
LISTS = {
    "list": (
        [BASE, replace(BASE, learning_rate=0.5), replace(BASE, learning_rate=1e20)],
        [1, 3, 2],
        [1, 3, 1],
    ),
    "one": ([replace(BASE, learning_rate=0.5)], [3], [1]),
    "judged": ([replace(BASE, validation_fraction=None)], [1], [1]),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    specs = [
        config_list_spec(configs, epochs=epochs, seeds=seeds, base=BASE, name=name)
        for name, (configs, epochs, seeds) in LISTS.items()
    ]
    train_all(specs, Execution(jobs=1, runs_dir=folder))
    return folder


@pytest.fixture(autouse=True)
def folder(trained, tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("KMLP_RUNS_DIR", str(folder))
    return folder


def words(text):
    return " ".join(text.split())


def test_studies(kmlp):
    found = json.loads(kmlp("studies", "--json").out)["studies"]
    lines = {it["name"]: it for it in found}
    line = lines["list"]
    assert (line["kind"], line["runs"], line["finished"]) == ("configs", 5, 5)
    assert (line["epochs"], line["seeds"], line["varied"]) == (
        3,
        [1, 3, 1],
        ["learning_rate"],
    )
    assert [it["epochs"] for it in line["configs"]] == [1, 3, 2]
    shown = words(kmlp("studies").out)
    assert f"list 3 configurations of learning_rate ({line['backend']}) 3 5 " in shown
    assert "one 1 configuration (" in shown


def test_show_has_a_row_a_trial(kmlp):
    result = kmlp("show", "list")
    assert (result.code, result.err) == (0, "")
    rows = {line.split()[0]: line.split() for line in result.out.splitlines() if line[:7].strip().isdigit()}  # fmt: skip
    exported = {
        it["number"]: it for it in json.loads(kmlp("show", "list", "--json").out)["configs"]
    }
    assert [row[1:4] for row in rows.values()] == [
        ["0.1", "0", "1"], ["0.5", "0-2", "3"], ["1e+20", "0", "2"],
    ]  # fmt: skip
    for number in (1, 2):
        mean = exported[number]["mean"]
        assert rows[str(number)][4] == f"{100 * mean:.2f}"
        assert f"{exported[number]['test_accuracy']['mean'] * 100:.2f}" in rows[str(number)]
        assert f"{exported[number]['val_loss']['mean']:.4f}" in rows[str(number)]
    assert "±" in rows["2"]
    assert "±" not in rows["1"]
    assert rows["3"][4:7] == ["-", "-", "-"]
    assert "1 of 1 diverged" in words(result.out)
    best = max((1, 2), key=lambda number: exported[number]["mean"])
    assert f"configuration {best} (learning_rate" in words(result.out)


def test_show_json_and_csv(kmlp):
    found = json.loads(kmlp("show", "list", "--json").out)
    assert list(found) == [
        "name", "metric", "metric_details", "at", "base", "varied", "epochs", "patience", "seeds", "backend", "fused", "settings", "configs",
        "best", "conclusion", "evidence",
    ]  # fmt: skip
    shared = {"learning_rate", "seed"} ^ set(found["base"])
    assert shared == set(BASE.to_dict())
    assert found["base"].items() <= BASE.to_dict().items()
    assert [(it["number"], it["epochs"], len(it["runs"])) for it in found["configs"]] == [
        (1, 1, 1), (2, 3, 3), (3, 2, 1),
    ]  # fmt: skip
    assert [RunConfig.from_dict(it["config"]) for it in found["configs"]] == LISTS["list"][
        0
    ]
    second = found["configs"][1]
    seconds = sorted(run["seconds"] for run in second["runs"])
    assert (second["seconds"], found["configs"][2]["mean"]) == (seconds[1], None)
    rows = list(csv.DictReader(io.StringIO(kmlp("show", "list", "--csv").out)))
    assert [(row["config"], row["seed"], row["epoch"]) for row in rows][:3] == [
        ("1", "0", "1"), ("2", "0", "1"), ("2", "0", "2"),
    ]  # fmt: skip


def test_one_trial_is_not_called_the_best(kmlp):
    shown = words(kmlp("show", "one").out)
    assert "Configuration 1: validation accuracy" in shown
    assert "The best is" not in shown
    assert "Only configuration 1 was trained" in shown


def test_where_the_test_images_validate_they_are_not_shown_twice(kmlp):
    shown = words(kmlp("show", "judged").out)
    assert "test images" in shown
    assert "test accuracy" not in shown
    assert "test acc." not in shown


def test_runs_and_rm(kmlp):
    listed = json.loads(kmlp("runs", "--study", "list", "--json").out)["runs"]
    assert len(listed) == 5
    result = kmlp("rm", "list", "--yes")
    assert re.search("removed: 4.* 1[.]", result.err)
    assert len(json.loads(kmlp("runs", "--json").out)["runs"]) == 2


def test_what_is_missing_is_said(kmlp, folder):
    with Store(folder) as store:
        second = get_study(store, "list").runs_by_level[1]
        for key in second[1:]:
            store.connection.execute("DELETE FROM runs WHERE key = ?", (key,))
    result = kmlp("show", "list", "--json")
    assert numbers(result.err) == [2, 5]
    assert [len(it["runs"]) for it in json.loads(result.out)["configs"]] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["curves", "steps"])
def test_plot(kmlp, tmp_path, kind):
    out = tmp_path / "chart.svg"
    result = kmlp("plot", "list", "--kind", kind, "--out", str(out))
    assert (result.code, result.out) == (0, ""), result.err
    assert "<svg" in out.read_text()


def test_export(kmlp, tmp_path):
    out = tmp_path / "epochs.csv"
    result = kmlp(
        "export", "list", "--out", str(out), "--tensorboard", str(tmp_path / "logs")
    )
    assert result.code == 0, result.err
    frame = pandas.read_csv(out)
    assert set(frame["kind"]) == {"configs"}
    assert frame["config"].tolist() == [1, *[2] * 9, 3]
    assert frame[frame["config"] == 3]["status"].tolist() == ["diverged"]
    assert frame["bracket"].isna().all()
    assert {it.name for it in (tmp_path / "logs" / "list").iterdir() if it.is_dir()} == {
        "config=1,seed=0", "config=2,seed=0", "config=2,seed=1", "config=2,seed=2", "config=3,seed=0",
    }  # fmt: skip


def test_report(kmlp, tmp_path):
    out = tmp_path / "lab.md"
    result = kmlp("report", "list", "one", "--out", str(out))
    assert (result.code, result.out) == (0, ""), result.err
    text = out.read_text().replace("\u00a0", " ")
    assert len(re.findall(r"^## .*configuration.* \(mnist\)$", text, re.MULTILINE)) == 2
    assert re.search(r"best.* configuration \d", text)
    assert "- varied: learning_rate\n" in text
    assert "- epochs: 1 to 3 epochs\n" in text
    assert "- seeds: 0-2\n" in text
    assert re.search(r"configurations .*\bepochs\b", text)
    assert "1 seed " in text
    assert text.count("| configuration 2 | ") == 3
    for name in ("list-curves", "list-steps", "one-curves", "one-steps"):
        assert (tmp_path / f"lab-{name}.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "list", "one"), '"list" .*ablation'),
        (("show", "list", "--baseline", "2"), "--baseline.*ablations"),
        (("show", "list", "--convergence"), "--convergence.*ablations"),
        (("plot", "list", "--out", "a.svg", "--kind", "values"), "the kind configs.*: boundary, curves, "),
        (("plot", "list", "--out", "a", "--kind", "foo"), r"(?s)\.svg.*foo.*: boundary, curves, "),
        (("plot", "list", "--out", "a.svg", "--baseline", "1"), "--baseline.*ablations"),
        (("train", "--name", "list", "--train-size", "500"), '"list" is taken'),
    ],
)  # fmt: skip
def test_what_is_refused(kmlp, arguments, message):
    result = kmlp(*arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)
