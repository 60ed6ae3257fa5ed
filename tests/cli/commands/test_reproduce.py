import json
import re
import tomllib
from pathlib import Path

import pytest
from helpers.recipes import LAB

from kmlp.data.known import KNOWN
from kmlp_tuning import read_recipe
from kmlp_tuning.lab.bundled import bundled

pytestmark = pytest.mark.once

DOCS = Path(__file__).parents[3] / "docs" / "guides" / "labs.md"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The runs folder of all, so that the lab is trained once."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def lab(tmp_path, monkeypatch, runs):
    monkeypatch.setenv("KMLP_RUNS_DIR", str(runs))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-lab.toml").write_text(LAB)
    return "my-lab.toml"


def test_tables_have_what_was_published_beside_ours(kmlp, lab, runs):
    result = kmlp("reproduce", lab, "--jobs", "1")
    assert result.code == 0
    words = " ".join(result.out.split())
    for said in (
        "Does a wider network do better?",
        "Effect of width: mnist, 2 epochs, 2 seeds",
        "Published and ours: validation accuracy, %",
        "Published: width=8 is the best.",
        "Note: We think so.",
        "Search: mnist, random, 2 configurations",
        "Published: the best configuration has 91.5 % (learning_rate 0.5). Ours: trial",
        "published: the best of 3 runs.",
        "Published values: nowhere",
        "It is <small>.",
        "1 published value of seconds, measured on other machines.",
    ):
        assert said in words
    assert result.err.splitlines()[-1] == f"Wrote {runs / 'my-lab.html'}."
    page = (runs / "my-lab.html").read_text()
    for said in (
        "<h1>A small lab</h1>",
        "<p>It is &lt;small&gt;.</p>",
        "Does a wider network do better?",
        "<p>We think so.</p>",
        "Published: width=8 is the best.",
        "Published and ours: validation loss",
    ):
        assert said in page


def test_again_nothing_is_trained_and_json_has_all(kmlp, lab):
    kmlp("reproduce", lab, "--jobs", "1")
    result = kmlp("reproduce", lab, "--json")
    assert result.code == 0
    trained = re.findall(r"(\d+) epochs? trained", result.err)
    assert trained == ["0", "0"]
    found = json.loads(result.out)
    assert (found["recipe"], found["comparable"]) == ("my-lab", True)
    width, trials, search = found["parts"]
    assert [width["kind"], trials["kind"], search["kind"]] == [
        "ablation",
        "configs",
        "search",
    ]
    by_key = {(it["quantity"], it["value"], it["epoch"]): it for it in trials["published"]}
    assert set(by_key) == {
        ("accuracy", 1, 1), ("accuracy", 1, 2), ("accuracy", 2, 1), ("loss", 1, 1), ("loss", 1, 2), ("train_loss", 2, 1),
    }  # fmt: skip
    runs = trials["configs"][0]["runs"]
    ours = [100 * run["history"]["val_accuracy"][0] for run in runs]
    first = by_key["accuracy", 1, 1]
    assert first["ours"]["mean"] == pytest.approx(sum(ours) / 2)
    assert first["difference"] == pytest.approx(sum(ours) / 2 - 50)
    [loss] = trials["configs"][1]["runs"][0]["history"]["loss"]
    assert by_key["train_loss", 2, 1]["ours"]["mean"] == pytest.approx(loss)
    two_seeds, one_seed = by_key["accuracy", 1, 2], by_key["accuracy", 2, 1]
    low, high = two_seeds["prediction_interval"]
    assert 0 <= low <= two_seeds["ours"]["mean"] <= high <= 100
    assert two_seeds["outcome"] in ("could be", "no", "too wide to tell")
    assert (one_seed["prediction_interval"], one_seed["outcome"]) == (None, None)
    assert {it["published_is"] for it in trials["published"]} == {"best of 3"}
    assert {it["value"] for it in width["published"]} == {8, 16}
    assert "91.5 %" in search["claims"][0]


ON_TEST = """
title = "The test images validate"
seeds = 2
epochs = 1
[base]
train_size = 500
width = 8
depth = 1
validation_fraction = "test"
[[configs]]
runs = [{}, { width = 4, validation_fraction = 0.2 }]
[search]
algorithm = "random"
max_trials = 2
max_epochs = 1
replicates = 0
space = { width = [4, 8] }
"""


def test_what_chose_is_not_called_test_accuracy(kmlp, lab):
    """Of trials of which one has validation images of its own, it did not choose all."""
    Path("on-test.toml").write_text(ON_TEST)
    result = kmlp("reproduce", "on-test.toml", "--jobs", "1", "--quiet")
    assert result.code == 0
    title, trials, search = re.split("Configurations: |Search: ", result.out)
    assert title.strip() == "The test images validate"
    assert "test images" not in trials
    assert "test" in trials.splitlines()[2]
    assert "test images" in " ".join(search.split())  # a title can wrap
    assert "validation accuracy" in search.split("Best: trial")[1]
    assert "test accuracy" not in search


def test_more_seeds_and_another_report(kmlp, lab, tmp_path):
    result = kmlp("reproduce", lab, "--seeds", "3", "--jobs", "1", "--out", "lab.md", "-q")
    assert result.code == 0
    assert "3 seeds" in result.out
    text = (tmp_path / "lab.md").read_text()
    assert "# A small lab" in text
    assert "We think so." in text
    again = kmlp("reproduce", lab, "--out", "lab.md")
    assert again.code == 2
    assert re.search("lab.md.*--out.*exists", again.err)
    (tmp_path / "lab.md").unlink()
    again = kmlp("reproduce", lab, "--out", "lab.md")
    assert again.code == 2
    assert "lab-" in again.err
    assert ".svg exists" in again.err


def test_quick_compares_nothing(kmlp, lab, runs):
    result = kmlp("reproduce", lab, "--quick", "--jobs", "1", "--quiet")
    assert result.code == 0
    assert "Published and ours" not in result.out
    assert "Published: " not in result.out
    assert "left out" in result.out
    page = (runs / "my-lab-quick.html").read_text()
    assert "left out" in page
    assert "Published and ours" not in page


def test_a_plan_trains_nothing(kmlp, lab):
    result = kmlp("reproduce", lab, "--dry-run", "--json", "--runs-dir", "elsewhere")
    assert result.code == 0
    rows = json.loads(result.out)["parts"]
    assert [(it["part"], it["runs"], it["epochs"]) for it in rows] == [
        ("Does a wider network do better?", 4, 8),
        ("Two configurations", 3, 5),
        ("search (random)", 2, 2),
    ]
    assert [it["steps"] for it in rows] == [8 * 8, 5 * 8, None]
    assert not Path("elsewhere").exists()
    assert "Two configurations" in kmlp("reproduce", lab, "--dry-run").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "recipe.*--list"),
        (["mnist-lab", "--list"], "`--list`.* mnist-lab"),
        (["mnist-lap"], '"mnist-lap".*"mnist-lab"'),
        (["gone.toml"], "gone.toml: "),
        (["my-lab.toml", "--seeds", "0"], "`seeds`.* 0,"),
        (["my-lab.toml", "--at", "first"], '"first".*best, last'),
        (["mean.toml"], 'configs 1: published_is: "mean of 1", but'),
        (["my-lab.toml", "--jobs", "0"], "`--jobs`.* 0,"),
        (["my-lab.toml", "--out", "lab.docx"], "--out.*lab.docx.*name.html"),
        (["my-lab.toml", "--runs-dir", ":memory:"], "--runs-dir"),
    ],
)
def test_wrong_input_is_refused_before_training(kmlp, lab, arguments, said):
    Path("mean.toml").write_text(LAB.replace("best of 3", "mean of 1"))
    result = kmlp("reproduce", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(said, result.err)


def test_problems_that_need_the_dataset_are_said_before_training(kmlp, lab):
    Path(lab).write_text(LAB.replace("width = 4, epochs", "batch_size = 501, epochs"))
    result = kmlp("reproduce", lab)
    assert (result.code, result.out) == (2, "")
    place = "Error: my-lab.toml: configs 1: Configuration 2: "
    assert re.search(f"{place}.*`batch_size`.* 501.* 500 ", result.err)


def test_a_search_is_refused_before_anything_else_is_trained(kmlp, lab):
    space = 'space = { activation = ["silu", "swish"] }'
    Path(lab).write_text(re.sub("space = .*", space, LAB))
    result = kmlp("reproduce", lab, "--runs-dir", "elsewhere")
    assert (result.code, result.out) == (2, "")
    [line] = result.err.splitlines()
    assert re.search("my-lab.toml: search: .*silu.*swish.*`activation`", line)
    assert not Path("elsewhere").exists()


TWICE = """
title = "One question, twice"
seeds = 1
epochs = 1
[base]
train_size = 500
width = 8
depth = 1
[[ablations]]
param = "learning_rate"
values = [0.1, 0.5]
[[ablations]]
param = "learning_rate"
values = [0.5, 1e20]
base = { loss = "cross_entropy" }
epochs = 2
"""


def test_a_question_twice_is_two_studies(kmlp, lab, runs):
    Path("twice.toml").write_text(TWICE)
    result = kmlp("reproduce", "twice.toml", "--jobs", "1", "--json")
    assert result.code == 0
    one, two = json.loads(result.out)["parts"]
    assert two["name"] == f"{one['name']}-2"
    assert [it["value"] for it in one["levels"]] == [0.1, 0.5]
    page = (runs / "twice.html").read_text()
    assert page.count("learning_rate: 0.1, 0.5") == 1
    assert page.count("learning_rate: 0.5, 1e+20") == 1


FAR = """
title = "What diverges"
seeds = 2
epochs = 2
[base]
train_size = 500
width = 8
depth = 1
loss = "mse"
output = "linear"
[[ablations]]
param = "learning_rate"
values = [0.01, 1e20]
published = { accuracy = { 1e20 = 9.8 } }
[[configs]]
runs = [
  { learning_rate = 1e20, published = { accuracy = 9.8 } },
  { learning_rate = 0.01, published = { seconds = 9 } },
]
[[configs]]
runs = [
  { learning_rate = 0.01, published = { accuracy = 20.5 } },
  { learning_rate = 0.02 },
]
"""


def test_what_published_figures_leave_open_is_in_a_table_of_its_own(kmlp, lab):
    Path("far.toml").write_text(FAR)
    result = kmlp("reproduce", "far.toml", "--jobs", "1", "--quiet")
    assert result.code == 0
    words = " ".join(result.out.split())
    assert words.count("2 of 2 diverged") == 2  # of the ablation, and of the first trials
    assert words.count("Configurations: mnist, 2 configurations, 2 epochs") == 2
    assert words.count("Fewer than two") == 2
    assert re.search(r"1e\+20 +2 +9\.8 +- +- +- +- *\n", result.out)  # after 2 epochs
    parts = json.loads(kmlp("reproduce", "far.toml", "--json", "-q").out)["parts"]
    assert [it["outcome"] for it in parts[1]["published"]] == [None, None]


def test_a_recipe_and_the_schema_are_printed(kmlp, tmp_path):
    printed = kmlp("reproduce", "mnist-lab", "--print").out
    (tmp_path / "copy.toml").write_text(printed)
    assert read_recipe(str(tmp_path / "copy.toml")).parts == read_recipe("mnist-lab").parts
    assert json.loads(kmlp("reproduce", "--schema").out)["required"] == ["title"]


def test_the_recipes_that_come_with_kmlp_are_listed(kmlp):
    listed = json.loads(kmlp("reproduce", "--list", "--json").out)["recipes"]
    assert [recipe["name"] for recipe in listed] == bundled()
    table = kmlp("reproduce", "--list").out
    for recipe in listed:
        [line] = [line for line in table.splitlines() if f" {recipe['name']} " in line]
        assert f" {recipe['runs']} " in line
        assert recipe["question"].split()[0] in line


def test_the_help_names_the_recipes_that_come_with_kmlp(kmlp):
    words = " ".join(kmlp("reproduce", "--help").out.split())
    assert f"Recipes that come with kmlp: {', '.join(bundled())}." in words


def test_the_recipes_of_the_documentation_are_right(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(blocks) == 2
    whole, published = blocks
    path = tmp_path / "lab.toml"
    path.write_text(whole)
    assert [type(it).__name__ for it in read_recipe(str(path)).parts] == [
        "AblationPart", "AblationPart", "ConfigListPart", "SearchPart",
    ]  # fmt: skip
    space = tomllib.loads(whole)["search"]["space"]
    path.write_text(f'title = "A"\n{published}\nspace = {{ width = {space["width"]} }}')
    assert read_recipe(str(path)).search.accuracy == 86.07


@pytest.mark.slow
@pytest.mark.parametrize("name", bundled())
def test_the_labs_that_come_with_kmlp_work(kmlp, lab, runs, name):
    [folder] = KNOWN["fashion_mnist"].system_folders
    if name == "fashion-mnist-lab" and not folder.is_dir():
        pytest.skip("needs Fashion-MNIST: apt install dataset-fashion-mnist")
    result = kmlp("reproduce", name, "--quick", "--quiet", "--jobs", "1")
    assert (result.code, result.err.splitlines()[-1]) == (
        0,
        f"Wrote {runs / name}-quick.html.",
    )
    lab = read_recipe(name)
    assert all(part.heading in result.out for part in lab.parts)
