import json
import math
import re
import shutil
from dataclasses import replace

import pytest

from kmlp import ConfigError, RunConfig
from kmlp.engine import EpochFinished
from kmlp.errors import StoreError
from kmlp.store import Store
from kmlp.store.studies import get_study, list_studies
from kmlp.studies.columns import COLUMNS
from kmlp.studies.config_list import config_list_spec, load_config_list
from kmlp.studies.execution import Execution
from kmlp.studies.level_conclusion import conclude
from kmlp.studies.runner import default_name, train_all

pytestmark = [pytest.mark.once, pytest.mark.trains]

BASE = RunConfig(train_size=500, width=8, depth=1)
CONFIGS = [
    BASE,
    replace(BASE, width=(9, 7), depth=2, seed=4),
    replace(BASE, learning_rate=0.2),
]
OPTIONS = {"epochs": [1, 3, 2], "seeds": [1, 2, 1]}


def trained(folder, configs=CONFIGS, *, name="list", **options):
    """Return the study, and the number of epochs that were trained for it."""
    events = []
    spec = config_list_spec(configs, base=BASE, name=name, **{**OPTIONS, **options})
    execution = Execution(observer=events.append, jobs=1, runs_dir=folder)
    [study] = train_all([spec], execution)
    return study, sum(isinstance(event, EpochFinished) for event in events)


def loaded(folder, name="list"):
    with Store(folder) as store:
        return load_config_list(store, get_study(store, name))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with the list, its study, and the number of epochs that were trained."""
    folder = tmp_path_factory.mktemp("list")
    return folder, *trained(folder)


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole[0], tmp_path / "runs")


@pytest.fixture
def study(whole):
    return whole[1]


def figures(study):
    """Return the results of a study, without times."""
    return (
        study.name, study.headline, study.base, study.varied, study.epochs, study.seeds,
        study.epochs_by_level, study.backend, study.fused,
        [(level.value, level.parameters, level.chance_limit) for level in study.levels],
        [(run.config, run.status, [epoch.loss for epoch in run.history]) for run in study.runs],
    )  # fmt: skip


def test_every_configuration_is_trained_for_its_own_epochs_and_seeds(study):
    assert [level.value for level in study.levels] == [1, 2, 3]
    assert [[(run.config.seed, run.epochs) for run in level.runs] for level in study.levels] == [
        [(0, 1)], [(4, 3), (5, 3)], [(0, 2)],
    ]  # fmt: skip
    assert [level.runs[0].config for level in study.levels] == CONFIGS
    assert (study.param, study.epochs, study.epochs_by_level) == (
        "configuration",
        3,
        (1, 3, 2),
    )
    assert (study.seeds, study.varied) == ((0, 4, 5), ("width", "depth", "learning_rate"))
    assert re.match("mnist, 3 .*, .* 3 epochs, ", study.headline)
    assert study.best() is max(study.levels, key=lambda level: level.val_accuracy.mean)
    assert " of 1 to 3 epochs" in conclude(study).text


def test_they_are_read_back_as_they_were(study, folder):
    assert figures(loaded(folder)) == figures(study)


def test_nothing_is_trained_twice(whole, folder):
    """Not for the same list, and only the new ones for more epochs, seeds or configurations."""
    assert whole[2] == 1 + 2 * 3 + 2
    assert trained(folder)[1] == 0
    assert trained(folder, seeds=[2, 2, 1])[1] == 1
    more = {"epochs": [2, 3, 2, 1], "seeds": [1, 2, 1, 1]}
    assert (
        trained(folder, [*CONFIGS, replace(BASE, learning_rate=0.3)], name="more", **more)[
            1
        ]
        == 2
    )


def test_a_configuration_has_no_more_epochs_than_were_asked_for(study, folder):
    """The store has more epochs of the same configurations, for another study."""
    options = {"epochs": [1, 1, 2], "seeds": [1, 1, 1]}
    cut, count = trained(folder, name="cut", **options)
    assert count == 0
    for shorter in (cut, loaded(folder, "cut")):
        assert [level.runs[0].epochs for level in shorter.levels] == [1, 1, 2]
        for level, longer in zip(shorter.levels, study.levels, strict=True):
            [run] = level.runs
            record = longer.runs[0].history[run.epochs - 1]
            assert (run.val_accuracy, run.test_loss) == (
                record.val_accuracy,
                record.test_loss,
            )
    with Store(folder) as store:
        short, long = list_studies(store)
    assert (short.name, short.finished, long.finished) == ("cut", 3, 4)
    assert short.best_val_accuracy == max(run.val_accuracy for run in cut.runs)
    assert long.best_val_accuracy == max(run.val_accuracy for run in study.runs)


def test_an_edited_list_is_another_study(folder):
    def name(configs=CONFIGS, **options):
        spec = config_list_spec(configs, base=BASE, **{**OPTIONS, **options})
        return default_name(spec.prefix, spec.identity)

    assert name() == name(seeds=[3, 2, 1])
    edited = [
        name(), name(CONFIGS[::-1]), name(epochs=[1, 3, 3]),
        name([*CONFIGS[:2], replace(CONFIGS[2], seed=1)]),
        name([*CONFIGS[:2], replace(CONFIGS[2], loss="mse")]),
    ]  # fmt: skip
    assert len(set(edited)) == len(edited)
    assert all(text.startswith("configs-") for text in edited)
    with pytest.raises(ConfigError, match='"list" is taken'):
        trained(folder, epochs=[1, 3, 3])


def test_configurations_without_a_finished_run_are_left_out(folder):
    with Store(folder) as store:
        first, _, [third] = get_study(store, "list").runs_by_level
        store.connection.execute("DELETE FROM runs WHERE key = ?", first)
        [number] = store.connection.execute(
            "SELECT id FROM runs WHERE key = ?", (third,)
        ).fetchone()
        with store.writing():
            store.cut(number, 1)
    study = loaded(folder)
    assert [level.value for level in study.levels] == [2]
    assert (study.epochs_by_level, study.seeds) == ((3,), (4, 5))
    assert study.varied == ("width", "depth", "learning_rate")  # of the list
    with Store(folder) as store:
        store.connection.execute("DELETE FROM runs")
    with pytest.raises(StoreError, match=r'"list".*finished'):
        loaded(folder)


def test_one_configuration_varies_nothing(folder):
    study, _ = trained(folder, [CONFIGS[1]], name="one", epochs=[3], seeds=[1])
    assert (study.varied, study.base.width) == ((), (9, 7))
    assert study.headline.startswith("mnist, 1 configuration, 3 epochs, ")
    assert figures(loaded(folder, "one")) == figures(study)


def test_a_diverged_configuration_ranks_behind_the_others(folder):
    diverging = replace(BASE, loss="mse", output="linear", learning_rate=1e20)
    study, count = trained(
        folder, [diverging, BASE], name="lost", epochs=[3, 1], seeds=[1, 1]
    )
    assert count == 1
    assert study.best() is study.levels[1]
    assert [level.diverged for level in loaded(folder, "lost").levels] == [1, 0]


def test_the_runs_as_a_table_and_as_plain_values(study, folder):
    frame = study.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert set(frame["kind"]) == {"configs"}
    assert frame["config"].tolist() == [1, *[2] * 6, 3, 3]
    assert frame["epoch"].tolist() == [1, 1, 2, 3, 1, 2, 3, 1, 2]
    assert frame["width"].tolist() == ["8", *["9x7"] * 6, "8", "8"]
    assert frame["part"].isna().all()
    with Store(folder) as store:
        [line] = (summary.to_dict() for summary in list_studies(store))
    assert line["configs"] == [
        {"epochs": 1, "seed": 0}, {"epochs": 3, "width": [9, 7], "depth": 2, "seed": 4},
        {"epochs": 2, "learning_rate": 0.2, "seed": 0},
    ]  # fmt: skip
    assert (line["seeds"], line["epochs"], "progress" in line) == ([1, 2, 1], 3, False)
    json.dumps(line, allow_nan=False)


@pytest.mark.parametrize(
    ("configs", "options", "message"),
    [
        ([], {"epochs": [], "seeds": []}, "There are no configurations."),
        ([BASE, BASE], {"epochs": [1, 1], "seeds": [1, 1]}, "Configuration 2 is the same as configuration 1."),
        (CONFIGS, {"epochs": [1, 1]}, "There are 3 configurations, but 2 `epochs`."),
        (CONFIGS, {"seeds": [1, 1, 1, 1]}, "There are 3 configurations, but 4 `seeds`."),
        (CONFIGS, {"epochs": [1, 0, 1]}, "Configuration 2: The value of `epochs` is 0"),
        (CONFIGS, {"epochs": [1, 1, 1.5]}, "Configuration 3: The value of `epochs` is 1.5"),
        (CONFIGS, {"seeds": [True, 1, 1]}, "Configuration 1: The value of `seeds` is True"),
        ([BASE, replace(BASE, batch_size=501)], {"epochs": [1, 1], "seeds": [1, 1]}, "Configuration 2: The value of `batch_size` is 501"),
    ],
)  # fmt: skip
def test_configurations_that_cannot_be_trained_are_refused(configs, options, message):
    with pytest.raises(ConfigError) as caught:
        config_list_spec(configs, base=BASE, **{**OPTIONS, **options})
    assert message in str(caught.value)


def test_problems_of_all_configurations_come_at_once():
    configs = [BASE, replace(BASE, batch_size=501), BASE]
    with pytest.raises(ConfigError) as caught:
        config_list_spec(configs, base=BASE, epochs=[0, 1, math.nan], seeds=[1, 1, 0])
    assert len(caught.value.problems) == 5
