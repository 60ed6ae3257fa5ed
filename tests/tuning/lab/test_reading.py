"""Recipes as files: what they say, and what is wrong with them."""

import json
import os
import textwrap

import pytest
from jsonschema import Draft202012Validator

from kmlp import ConfigError
from kmlp.studies.ablation_plan import SEEDS
from kmlp.studies.runner import targets_of
from kmlp_tuning import read_recipe
from kmlp_tuning.lab.bundled import bundled
from kmlp_tuning.lab.plan import plan_lab
from kmlp_tuning.lab.recipe import AblationPart, ConfigListPart, SearchPart
from kmlp_tuning.lab.tables import schema

pytestmark = pytest.mark.once

LAB = """
title = "A lab"
source = "a report"
notes = ["It is short."]
epochs = 4
seeds = 2

[base]
width = 16
learning_rate = 1e-2

[[ablations]]
heading = "What does the depth do?"
notes = ["Nothing yet."]
param = "depth"
values = [0, 1]
published = { best = 1, accuracy = { 0 = 90.0, 1 = 91 }, seconds = { 1 = 30 } }

[[configs]]
epochs = 3
base = { depth = 1 }
runs = [
  { width = "300x100", depth = 2, published = { loss = 0.50 } },
  { epochs = 2, seeds = 1, published = { accuracy = [80.0, 81.5] } },
]

[search]
max_trials = 5
published = { accuracy = 95.5, best = { width = 64 } }

[search.space]
width = [32, 64]
learning_rate = "1e-3:1:log"
momentum = 0.5

[[ablations]]
param = "width"
values = "8,300x100"
base = { batch_size = 32 }
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "my-lab.toml"
        path.write_text(textwrap.dedent(text))
        return str(path)

    return write


def test_a_recipe_says_what_its_file_says(written):
    lab = read_recipe(written(LAB))
    assert (lab.name, lab.title, lab.source) == ("my-lab", "A lab", "a report")
    assert (lab.notes, lab.comparable) == (("It is short.",), True)
    depth, width, configs, search = lab.parts
    assert isinstance(depth, AblationPart)
    assert (depth.param, depth.values, depth.epochs, depth.seeds) == ("depth", (0, 1), 4, 2)
    assert (depth.heading, depth.notes) == ("What does the depth do?", ("Nothing yet.",))
    assert (depth.base.width, depth.base.learning_rate) == (16, 0.01)
    published = depth.published.values
    assert (depth.best, published) == (
        (1,),
        {"accuracy": {0: (90.0,), 1: (91.0,)}, "seconds": {1: (30.0,)}},
    )
    assert published["accuracy"][1][0].half_unit == 0.5
    assert published["accuracy"][0][0].half_unit == 0.05
    assert (width.values, width.base.batch_size, width.best) == ((8, (300, 100)), 32, ())
    assert isinstance(configs, ConfigListPart)
    first, second = configs.configs
    assert (first.width, first.depth, second.width, second.depth) == ((300, 100), 2, 16, 1)
    assert (configs.epochs, configs.seeds) == ((3, 2), (2, 1))
    assert configs.published.values == {"loss": {1: (0.5,)}, "accuracy": {2: (80.0, 81.5)}}
    assert isinstance(search, SearchPart)
    assert (search.base.momentum, search.base.learning_rate) == (0.5, 0.1)
    settings = search.settings(fused=True)
    assert list(settings.space.fields) == ["width", "learning_rate"]
    assert (settings.max_trials, settings.algorithm, settings.replicates) == (
        5,
        "hyperband",
        5,
    )
    assert (search.accuracy, search.best) == (95.5, {"width": 64})


def test_a_lab_has_the_seeds_of_an_ablation_unless_it_says_otherwise(written):
    lab = read_recipe(written(LAB.replace("seeds = 2\n", "")))
    assert lab.parts[0].seeds == SEEDS


def test_published_values_are_of_single_runs_unless_the_lab_or_the_part_says_otherwise(
    written,
):
    def texts(text):
        parts = read_recipe(written(text)).parts
        return [
            part.published.aggregation.text
            for part in parts
            if not isinstance(part, SearchPart)
        ]

    assert texts(LAB) == ["single run"] * 3
    of_lab = LAB.replace("epochs = 4", 'epochs = 4\npublished_is = "best of 5"')
    assert texts(of_lab) == ["best of 5"] * 3
    of_part = of_lab.replace("epochs = 3", 'epochs = 3\npublished_is = "mean of several"')
    assert texts(of_part) == ["best of 5", "best of 5", "mean of several"]


def test_all_parts_are_judged_at_the_epoch_of_the_lab(written):
    def at(lab):
        studies = [part.spec(fused=True).progress["at"] for part in lab.fixed]
        return [*studies, lab.search.settings(fused=True).at]

    best = read_recipe(written(LAB))
    last = read_recipe(written(LAB.replace("epochs = 4", 'epochs = 4\nat = "last"')))
    assert at(best) == ["best"] * 4
    assert at(last) == at(best.judged_at("last")) == ["last"] * 4
    assert at(last.quick()) == at(last.with_seeds(1)) == ["last"] * 4


def test_a_part_has_the_patience_of_the_lab_unless_it_says_otherwise(written):
    text = LAB.replace("epochs = 4", "epochs = 4\npatience = 2", 1)
    with pytest.raises(ConfigError, match=r"runs 2: .*`patience` ends runs before"):
        read_recipe(written(text))
    text = text.replace("[80.0, 81.5]", "81.5")
    depth, width, configs, search = read_recipe(written(text)).parts
    assert (depth.patience, width.patience, configs.patience) == (2, 2, 2)
    assert search.settings(fused=True).patience == 2
    own = text.replace('param = "depth"', 'param = "depth"\npatience = 1')
    assert read_recipe(written(own)).parts[0].spec(fused=True).patience == 1


@pytest.mark.parametrize(
    ("param", "values", "epochs"), [("epochs", [2, 3], 3), ("patience", [1, 2], 1)]
)
def test_a_quick_lab_has_values_that_read_the_same_runs(written, param, values, epochs):
    text = f'title = "A"\npatience = 2\n[[ablations]]\nparam = "{param}"\nvalues = {values}'
    lab = read_recipe(written(text))
    [part] = lab.parts
    assert (part.run_count, part.patience) == (5, None)
    [spec] = plan_lab(lab.quick()).specs
    assert (max(spec.epochs), len(targets_of([spec]))) == (epochs, 2)


def test_quick_trains_little_and_compares_nothing(written):
    lab = read_recipe(written(LAB)).quick()
    assert not lab.comparable
    depth, _, configs, search = lab.parts
    assert (depth.epochs, depth.seeds, depth.base.train_size) == (1, 2, 2000)
    assert (configs.epochs, configs.seeds) == ((1, 1), (2, 1))
    assert {config.train_size for config in configs.configs} == {2000}
    assert search.settings(fused=True).max_trials == 4
    assert search.settings(fused=True).max_epochs == 2


def test_quick_does_not_train_more_than_the_recipe(written):
    text = (
        'title = "A"\n[search]\nmax_trials = 2\nmax_epochs = 1\nspace = { width = [1, 2] }'
    )
    settings = read_recipe(written(text)).quick().search.settings(fused=True)
    assert (settings.max_epochs, settings.max_trials) == (1, 2)


def test_quick_keeps_images_for_the_largest_batch(written):
    text = 'title = "A"\n[[ablations]]\nparam = "batch_size"\nvalues = [64, 5000]'
    assert read_recipe(written(text)).quick().parts[0].base.train_size == 5000


def test_other_seeds(written):
    depth, width, configs, _ = read_recipe(written(LAB)).with_seeds(7).parts
    assert (depth.seeds, width.seeds, configs.seeds) == (7, 7, (7, 7))


WRONG = {
    "no TOML": ("title = ", "my-lab.toml is not TOML: "),
    "nothing": ('title = "A"', "There is nothing to train. Give [[ablations]]"),
    "no title": ('[[ablations]]\nparam = "width"\nvalues = [1]', "title is missing."),
    "a key": ('title = "A"\nsedes = 3', 'Unknown key "sedes": did you mean "seeds"?'),
    "a parameter": (
        'title = "A"\n[[ablations]]\nparam = "widht"\nvalues = [1]',
        'ablations 1: param: Unknown name "widht": did you mean "width"?',
    ),
    "a field of a configuration": (
        'title = "A"\n[[configs]]\nruns = [{ width = 1 }, { lr = 1.0 }]',
        'configs 1: runs 2: Unknown key "lr"',
    ),
    "a value": (
        'title = "A"\n[[ablations]]\nparam = "width"\nvalues = [0, 1]',
        "ablations 1: The value of `width` is 0, but must be `width >= 1`.",
    ),
    "the base": (
        'title = "A"\n[base]\nmomentum = 2\n[[configs]]\nruns = [{ width = 4 }]',
        "configs 1: The value of `momentum` is 2.0, but must be `0 <= momentum < 1`.",
    ),
    "seeds": (
        'title = "A"\nseeds = 0\n[[configs]]\nruns = [{}]',
        "seeds: 0, but must be at least 1.",
    ),
    "a share": (
        'title = "A"\n[[configs]]\nruns = [{ published = { accuracy = 0.97 } }]',
        "the accuracy is 0.97, but must be a percentage",
    ),
    "figures by epoch": (
        'title = "A"\nepochs = 3\n[[configs]]\nruns = [{ published = { loss = [1.0] } }]',
        "configs 1: runs 1: published: 1 value of `loss`, but 3 epochs.",
    ),
    "another value": (
        'title = "A"\n[[ablations]]\nparam = "width"\nvalues = [1, 2]\npublished = { best = 3 }',
        "ablations 1: published: 3 is not among the values of `width`: 1, 2.",
    ),
    "a space": (
        'title = "A"\n[search]\nspace = { width = "2:1" }',
        "search: The range of `width` is 2 to 1, but must be `low < high`.",
    ),
    "a field of a space": (
        'title = "A"\n[search]\nspace = { widht = [1, 2] }',
        'search: space: Unknown key "widht": did you mean "width"?',
    ),
    "a value with a point": (
        'title = "A"\n[[ablations]]\nparam = "momentum"\nvalues = [0.1]\npublished = { accuracy = { 0.1 = 80 } }',
        'published: accuracy: 0: {"1": 80}, but must be a number. Is the value 0.1? Write "0.1" = ...',
    ),
    "a table for a figure": (
        'title = "A"\n[[ablations]]\nparam = "width"\nvalues = [1]\npublished = { accuracy = { 1 = {} } }',
        "published: accuracy: 1: {}, but must be a number.",
    ),
    "a value in two spellings": (
        'title = "A"\n[[ablations]]\nparam = "momentum"\nvalues = [0.1]\npublished = { accuracy = { "0.1" = 80, 1e-1 = 81 } }',
        "ablations 1: published: `accuracy` of 0.1 is given twice.",
    ),
    "an infinite loss": (
        'title = "A"\n[[ablations]]\nparam = "width"\nvalues = [1]\npublished = { loss = { 1 = inf } }',
        "ablations 1: published: `loss` is inf, but must be a finite number.",
    ),
    "a loss of any size": (
        'title = "A"\n[[ablations]]\nparam = "width"\nvalues = [1]\npublished = { loss = { 1 = 1e999 } }',
        "ablations 1: published: `loss` is inf, but must be a finite number.",
    ),
    "no time": (
        'title = "A"\n[[configs]]\nruns = [{ published = { seconds = 0 } }]',
        "published: `seconds` is 0, but must be above 0.",
    ),
    "epochs with a point": (
        'title = "A"\nepochs = 10.0\n[[configs]]\nruns = [{}]',
        "epochs: 10.0, but must be a whole number.",
    ),
    "a text for a list": (
        'title = "A"\nnotes = "We."\n',
        'notes: "We.", but must be a list.',
    ),
    "no values": (
        'title = "A"\n[[ablations]]\nparam = "width"\nvalues = []',
        "ablations 1: values: the value is empty.",
    ),
    "several parameters": (
        'title = "A"\n[[ablations]]\nparam = ["width"]\nvalues = [1]',
        'ablations 1: param: Unknown name "[\'width\']": did you mean "width"?',
    ),
    "brackets": (
        'title = "A"\n[configs]\nruns = [{}]',
        "configs: this is a single table. Write [[configs]], with two pairs of brackets.",
    ),
    "too many brackets": (
        'title = "A"\n[[search]]\nspace = { width = [1, 2] }',
        "search: there can be only one search. Write [search], with one pair of brackets.",
    ),
    "figures of no kind": (
        'title = "A"\n[[configs]]\nruns = [{ published = { loss = ["1"] } }]',
        'loss: ["1"], but must be a number, or a list of numbers, one for each epoch.',
    ),
    "a number without end": (f'title = "A"\nepochs = {"9" * 5000}', "is not TOML: "),
    "a list without end": (f"title = {'[' * 5000}", "nested more than 100 deep"),
    "the kind of published values": (
        'title = "A"\npublished_is = "median of 5"\n[[configs]]\nruns = [{}]',
        'published_is: "median of 5", but must be "single run", "mean of N"',
    ),
    "the best of one": (
        'title = "A"\n[[configs]]\nruns = [{}]\npublished_is = "best of 1"',
        'configs 1: published_is: "best of 1", but must have a number of runs from 2',
    ),
    "a number for a kind": (
        'title = "A"\npublished_is = 5\n[[configs]]\nruns = [{}]',
        "published_is: 5, but must be a text in quotes.",
    ),
    "an epoch": (
        'title = "A"\nat = "first"\n[[configs]]\nruns = [{}]',
        'at: Unknown name "first".',
    ),
    "an algorithm": (
        'title = "A"\n[search]\nalgorithm = "halving"\nspace = { width = [1, 2] }',
        'search: algorithm: Unknown name "halving".',
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(written, text, message):
    with pytest.raises(ConfigError) as caught:
        read_recipe(written(text))
    assert message in str(caught.value)
    assert all("my-lab.toml" in it for it in caught.value.problems)


def test_all_problems_are_said_at_once(written):
    text = 'title = "A"\n[[ablations]]\nparam = "width"\nvalues = [0]\n[[configs]]\nruns = [{ depth = -1 }]'
    with pytest.raises(ConfigError) as caught:
        read_recipe(written(text))
    assert len(caught.value.problems) == 2


def test_a_mark_that_some_editors_begin_files_with_is_no_problem(tmp_path):
    path = tmp_path / "my-lab.toml"
    path.write_text(LAB, "utf-8-sig")
    assert read_recipe(str(path)).title == "A lab"


@pytest.mark.parametrize(
    ("base", "param", "values"),
    [
        ("momentum = 0.9\nnesterov = true", "momentum", "[0.5, 0.9]"),
        ('loss = "mse"\noutput = "sigmoid"', "loss", '["mse", "mae"]'),
        ("width = 8", "width", '[8, "8x4x2"]'),
    ],
)
def test_the_base_of_a_param_fits_to_its_values(written, base, param, values):
    """As on the command line, where nothing is said of the parameter but its values."""
    text = (
        f'title = "A"\n[base]\n{base}\n[[ablations]]\nparam = "{param}"\nvalues = {values}'
    )
    [part] = read_recipe(written(text)).parts
    assert len(part.spec(fused=True).runs_by_level) == 2


def test_a_search_says_all_of_its_problems_at_once(written):
    text = """
    title = "A"
    [search]
    space = { width = "2:1" }
    base = { momentum = 2.0 }
    published = { accuracy = 0.9, best = { depth = -1 } }
    """
    with pytest.raises(ConfigError) as caught:
        read_recipe(written(text))
    for said in (
        "`width` is 2 to 1",
        "`momentum` is 2.0",
        "`depth` is -1",
        "accuracy is 0.9",
    ):
        assert said in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.toml", "folder.toml", "fifo.toml"])
def test_a_file_that_cannot_be_read(tmp_path, name):
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "fifo.toml")
    with pytest.raises(ConfigError, match=name):
        read_recipe(str(tmp_path / name))


def test_an_unknown_recipe_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigError, match='"mnist-lab"') as caught:
        read_recipe("mnist-lap")
    assert ", ".join(bundled()) in str(caught.value)


def test_the_schema_is_one_and_allows_what_is_read(written):
    import tomllib

    Draft202012Validator.check_schema(schema())
    json.dumps(schema())
    for name in bundled():
        read_recipe(name)
    assert list(Draft202012Validator(schema()).iter_errors(tomllib.loads(LAB))) == []


def test_the_labs_that_come_with_kmlp_are_the_published_ones():
    lab = read_recipe("fashion-mnist-lab")
    params = [it.param for it in lab.parts if isinstance(it, AblationPart)]
    assert params[:5] == ["learning_rate", "batch_size", "depth", "width", "activation"]
    base, _, ten = (it for it in lab.parts if isinstance(it, ConfigListPart))
    assert len(base.published.values["accuracy"][1]) == 10
    assert len(base.published.values["loss"][1]) == 10
    assert (len(ten.configs), len(ten.published.values["accuracy"])) == (10, 10)
    lab = read_recipe("mnist-lab")
    configs, _ = (it for it in lab.parts if isinstance(it, ConfigListPart))
    assert {it: len(of) for it, of in configs.published.values.items()} == dict.fromkeys(
        ["seconds", "loss", "train_loss", "accuracy"], 18
    )
    assert {it.output for it in configs.configs} == {"log_softmax"}
    assert {it.scaling for it in configs.configs} == {"symmetric"}
