"""`kmlp plot`, `report` and `compare`: what the runs folder has, drawn and told."""

import json
import re

import pytest

pytestmark = [pytest.mark.once, pytest.mark.trains]

SMALL = (
    "--epochs", "2", "--train-size", "100", "--width", "4", "--batch-size", "50",
    "--jobs", "1", "--quiet",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture
def studies(kmlp, folder, monkeypatch):
    """A folder with an ablation, the same with another loss, one of another parameter, a search
    and a run."""
    monkeypatch.setenv("KMLP_RUNS_DIR", str(folder))
    if not (folder / "kmlp.sqlite").exists():
        seeds = ("--seeds", "2")
        rates = ("--param", "learning_rate", "--values", "0.1,0.5")
        for command in (
            ("ablate", *rates, *seeds, *SMALL, "--name", "rates"),
            ("ablate", *rates, *seeds, *SMALL, "--name", "mse", "--loss", "mse"),
            ("ablate", "--param", "momentum", "--values", "0,0.5", *seeds, *SMALL, "--name",
             "momenta"),
            ("train", *(it for it in SMALL if it not in ("--jobs", "1")), "--name", "one"),
            ("tune", "--max-trials", "3", "--max-epochs", "2", "--replicates", "1", "--depth", "1",
             "--train-size", "100", "--width", "4", "--batch-size", "50", "--activation", "relu",
             "--learning-rate", "0.1:0.5", "--jobs", "1", "--quiet", "--name", "search"),
        ):  # fmt: skip
            result = kmlp(*command)
            assert result.code == 0, result.err
    return folder


@pytest.mark.parametrize(
    ("study", "more"),
    [("rates", ()), ("rates", ("--kind", "curves", "--baseline", "0.1")), ("one", ()),
     ("search", ("--kind", "replication"))],
)  # fmt: skip
def test_a_chart_is_written(kmlp, studies, tmp_path, study, more):
    out = tmp_path / "chart.svg"
    result = kmlp("plot", study, "--out", str(out), *more)
    assert (result.code, result.out) == (0, ""), result.err
    assert f"Wrote {out}." in result.err
    assert "<svg" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rates", "--out", "a.gif"), "--out.*a.gif.*name.html, name.png, name.svg, name.pdf"),
        (("rates", "--out", "a.svg", "--kind", "curve"), '"curve".*"curves"'),
        (("rates", "--out", "a.svg", "--kind", "parallel"), "parallel"),
        (("rate", "--out", "a.svg"), '"rate".*"rates"'),
        (("rates", "--out", "a.svg", "--baseline", "0.2"), "0.2.*`learning_rate`: 0.1, 0.5"),
        (("one", "--out", "a.svg", "--baseline", "0.1"), "--baseline.*ablations"),
        (("search", "--out", "a.svg", "--kind", "importance"), "more trials"),
        (("rates", "--out", "no/a.svg"), "no .*--out"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(
    kmlp, studies, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    result = kmlp("plot", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_if_asked(kmlp, studies, tmp_path):
    out = tmp_path / "chart.svg"
    out.write_text("mine")
    for command in (("plot", "rates"), ("report", "rates")):
        path = out if command[0] == "plot" else out.rename(tmp_path / "report.html")
        result = kmlp(*command, "--out", str(path))
        assert result.code == 2
        assert f"{path} of `--out` exists" in result.err
        assert path.read_text() == "mine"
        assert kmlp(*command, "--out", str(path), "--overwrite").code == 0
        out.write_text("mine")


def test_a_report_has_every_kind_of_study(kmlp, studies, tmp_path):
    out = tmp_path / "lab.md"
    result = kmlp(
        "report", "rates", "one", "search", "--out", str(out), "--title", "My lab"
    )
    assert (result.code, result.out) == (0, ""), result.err
    text = out.read_text()
    assert text.startswith("# My lab\n")
    for question in (
        "## What does learning_rate do? (mnist)",
        "## How does one model learn? (mnist)",
        "## Which configuration is best? (mnist, hyperband)",
    ):
        assert question in text
    shown = json.loads(kmlp("show", "rates", "--json").out)
    for value in shown["levels"]:
        # A wide interval is cut at 0 %: then both of its ends follow.
        assert re.search(rf"{100 * value['mean']:.2f} (±|\(0\.00 to) ", text)
        for run in value["runs"]:
            assert f"{100 * run['test_accuracy']:.2f}" in text
    assert shown["conclusion"] in text
    assert "- searched: learning_rate: 0.1:0.5\n" in text
    assert "    kmlp ablate --param learning_rate --values 0.1,0.5" in text
    assert "tensorflow" in text or "torch" in text or "jax" in text
    assert (tmp_path / "lab-rates-values.svg").exists()
    assert (tmp_path / "lab-search-replication.svg").exists()
    assert not (tmp_path / "lab-search-importance.svg").exists()  # of three trials
    again = kmlp("report", "rates", "--out", str(tmp_path / "lab.md"))
    assert again.code == 2


def test_pictures_of_a_report_are_not_replaced(kmlp, studies, tmp_path):
    picture = tmp_path / "lab-rates-values.svg"
    picture.write_text("mine")
    result = kmlp("report", "rates", "--out", str(tmp_path / "lab.md"))
    assert result.code == 2
    assert f"{picture} exists" in result.err
    assert list(tmp_path.iterdir()) == [picture]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rates", "rates", "--out", "a.html"), '"rates" .* 2 times'),
        (("rates", "rate", "--out", "a.html"), '"rate".*"rates"'),
        (("rates", "--out", "a.docx"), "--out.*a.docx.*name.html, name.md, name.pdf"),
    ],
)
def test_what_cannot_be_reported_is_refused(
    kmlp, studies, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    result = kmlp("report", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)
    assert list(tmp_path.iterdir()) == []


def test_two_ablations_are_compared(kmlp, studies):
    result = kmlp("compare", "rates", "mse")
    assert result.code == 0, result.err
    assert "loss cross_entropy | mse" in " ".join(result.out.split())
    found = json.loads(kmlp("compare", "rates", "mse", "--json").out)
    means = [
        [value["mean"] for value in json.loads(kmlp("show", name, "--json").out)["levels"]]
        for name in ("rates", "mse")
    ]
    for value, one, other in zip(found["levels"], *means, strict=True):
        assert value["difference"]["mean"] == pytest.approx(other - one)
    assert found["differing"] == {"loss": ["cross_entropy", "mse"]}


@pytest.mark.parametrize(
    ("studies_given", "message"),
    [
        (("rates", "rates"), '"rates".*twice'),
        (("rates", "momenta"), "`learning_rate`.*`momentum`"),
        (("rates", "search"), '"search".*ablation'),
        (("rates", "rate"), '"rate".*"rates"'),
    ],
)
def test_what_cannot_be_compared_is_refused(kmlp, studies, studies_given, message):
    result = kmlp("compare", *studies_given)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)


def test_how_values_learned(kmlp, studies):
    plain = kmlp("show", "rates").out
    result = kmlp("show", "rates", "--baseline", "0.1", "--target-accuracy", "10")
    assert result.code == 0, result.err
    assert "Convergence" not in plain
    assert "Convergence" in result.out
    assert "baseline" in result.out
    found = json.loads(kmlp("show", "rates", "--target-accuracy", "10", "--json").out)
    assert found["target_accuracy"] == 0.1
    assert all(value["epochs_to_target"]["reached"] <= 2 for value in found["levels"])


def test_a_study_is_shown_by_its_loss(kmlp, studies, tmp_path):
    shown = kmlp("show", "rates", "--metric", "loss", "--target", "9", "--margin", "0.5")
    assert shown.code == 0, shown.err
    text = " ".join(shown.out.split())
    assert "the lowest mean validation loss" in text or "is better than" in text
    assert "to 9: the same for a validation loss of at most 9" in text
    assert "The metric was chosen after the results" in text
    found = json.loads(
        kmlp("show", "rates", "--metric", "loss", "--target", "9", "--json").out
    )
    assert (found["metric"], found["target"]) == ("val_loss", 9)
    assert found["evidence"]["margin"] is None
    assert found["metric_details"] == {
        "name": "loss", "title": "loss", "unit": "", "higher_is_better": False,
    }  # fmt: skip
    losses = [value["mean"] for value in found["levels"]]
    assert found["best_index"] == losses.index(min(losses))
    assert "val_loss" in found["levels"][0]["runs"][0]
    for command in (
        ("plot", "rates", "--out", str(tmp_path / "a.svg")),
        ("report", "rates", "one", "--out", str(tmp_path / "a.html")),
    ):
        result = kmlp(*command, "--metric", "loss")
        assert result.code == 0, result.err
    assert "validation loss" in (tmp_path / "a.svg").read_text()


def test_losses_of_different_loss_functions_are_not_compared(kmlp, studies):
    result = kmlp("compare", "rates", "mse", "--metric", "loss")
    assert (result.code, result.out) == (2, "")
    assert re.search("cross_entropy and mse", result.err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rates", "--metric", "rmse"), "accuracy, loss"),
        (("search", "--metric", "loss"), "--metric|chosen by their val_accuracy"),
        (("rates", "--metric", "loss", "--target-accuracy", "90"), "--target-accuracy"),
        (("rates", "--metric", "loss", "--margin", "-1"), "above 0"),
        (("rates", "--target-accuracy", "0.97"), "0.97.*percent"),
        (("rates", "--baseline", "7"), "baseline.* 7.0,.*: 0.1, 0.5"),
        (("search", "--baseline", "7"), "--baseline.*ablations"),
        (("one", "--convergence"), "--convergence.*ablations"),
    ],
)
def test_what_show_refuses(kmlp, studies, arguments, message):
    result = kmlp("show", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err)


def test_ablate_checks_its_baseline_before_it_trains(kmlp):
    result = kmlp(
        "ablate", "--param", "width", "--values", "4,8", "--baseline", "5", *SMALL[:4]
    )
    assert (result.code, result.out) == (2, "")
    assert re.search("baseline.* 5,.*`width`: 4, 8", result.err)
    result = kmlp(
        "ablate", "--param", "width", "--values", "4,8", "--target-accuracy", "200"
    )
    assert result.code == 2
    assert re.search("--target-accuracy.* 200.* 100", result.err)
