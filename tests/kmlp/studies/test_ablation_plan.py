"""The configurations of an ablation, and the errors before training."""

import numpy as np
import pytest

from kmlp import ConfigError, RunConfig, ablate
from kmlp.studies.ablate import ablation_spec
from kmlp.studies.ablation_plan import plan
from kmlp.studies.plans import plan_rows, plan_table

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=1024, width=16, depth=1)


def test_seeds_as_a_number_count_from_the_base_s():
    levels = plan("width", [8, 9], base=RunConfig(seed=5), seeds=3)
    rows = [level.configs for level in levels]
    assert [[config.seed for config in row] for row in rows] == [[5, 6, 7]] * 2


def test_each_optimizer_has_its_own_learning_rate_unless_one_was_given():
    def rates(**fields):
        levels = plan("optimizer", ["sgd", "adam"], base=RunConfig(**fields), seeds=1)
        return [level.configs[0].learning_rate for level in levels]

    assert rates() == [0.1, 0.001]
    assert rates(optimizer="adam") == [0.1, 0.001]
    assert rates(learning_rate=0.1) == [0.1, 0.1]


def test_an_ablation_of_optimizers_is_another_one_with_a_given_rate():
    def base_of(**fields):
        spec = ablation_spec(
            "optimizer", ["sgd", "adam"], base=RunConfig(**fields), seeds=1, epochs=1
        )
        return spec.identity["base"]

    assert "learning_rate" not in base_of()
    assert base_of() == base_of(optimizer="adam")
    assert base_of(learning_rate=0.1)["learning_rate"] == 0.1


def test_a_plan_shows_the_learning_rate_of_each_optimizer():
    levels = plan("optimizer", ["sgd", "adam"], base=RunConfig(), seeds=1)
    planned = plan_rows("optimizer", levels)
    assert [row["derived"] for row in planned] == [
        {"learning_rate": 0.1},
        {"learning_rate": 0.001},
    ]
    table = plan_table("optimizer", planned)
    assert [row.cells[:2] for row in table.rows] == [
        ("sgd", "0.1"), ("adam", "0.001"), ("total", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("param", "values", "change", "message"),
    [
        ("widht", [32], {}, 'did you mean "width"'),
        ("seed", [1, 2], {}, "The seed is not a parameter"),
        ("width", [], {}, "The values of `width` are [], but must be a list"),
        ("width", 32, {}, "The values of `width` are 32, but must be a list"),
        ("width", "32", {}, "The values of `width` are '32', but must be a list"),
        ("width", [32], {"seeds": 2.0}, "`seeds` is 2.0, but must be an integer"),
        ("width", [32], {"epochs": 1.5}, "`epochs` is 1.5, but must be an integer"),
        ("width", [0], {}, "`width` is 0"),
        ("width", [32, 32], {}, "The value 32 of `width` is given 2 times"),
        ("width", [32, (32, 32)], {}, "The value 32 of `width` is given 2 times"),
        ("width", [32, (9, 8, 7)], {}, "(9, 8, 7), for 3 hidden layers, but `depth` is 2"),
        ("width", [(9, 8), 0, ()], {}, "`width` is (), but must be"),
        (
            "depth",
            [2, 3],
            {"base": RunConfig(width=(9, 8))},
            "(9, 8), for 2 hidden layers, but `depth` is 3. Give a `depth` of 2, or one",
        ),
        ("depth", [1, None], {}, "`depth` is None, but must be an integer"),
        ("momentum", [0, 0.0], {}, "The value 0.0 of `momentum` is given 2 times"),
        ("width", ["32"], {}, "must be an integer"),
        (
            "width",
            [32],
            {"seeds": 0},
            "`seeds` is 0, but must be an integer, `1 <= seeds <= 10000`",
        ),
        ("width", [32], {"seeds": True}, "`seeds` is True"),
        ("width", [32], {"seeds": 10**9}, "`seeds` is 1000000000"),
        (
            "width",
            [32, 64],
            {"base": RunConfig(depth=0)},
            "`width` has no effect if `depth` is 0",
        ),
        ("width", [32], {"seeds": []}, "at least one"),
        ("width", [32], {"seeds": [1, 1]}, "given once"),
        ("width", [32], {"seeds": [-1]}, "`seed >= 0`"),
        ("width", [32], {"epochs": 0}, "`1 <= epochs <= 1000000`"),
        ("batch_size", [32, 60_000], {}, "at most the 50000 training images"),
        ("nesterov", [False, True], {}, "does nothing"),
    ],
)
def test_ablations_that_cannot_be_trained_are_refused_before_training(
    param, values, change, message
):
    events = []
    with pytest.raises(ConfigError) as caught:
        ablate(param, values, observer=events.append, **change)
    assert message in str(caught.value)
    assert events == []


def test_problems_of_all_values_come_at_once():
    with pytest.raises(ConfigError) as caught:
        ablate("width", [0, -1, "x"], seeds=0, epochs=0, jobs=1)
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("param", "values", "seeds"),
    [
        ("learning_rate", np.logspace(-3, -1, 3), np.int64(2)),
        ("width", range(8, 10), np.array([3, 4])),
        ("width", (width for width in (8, 9)), (3, 4)),
    ],
)
def test_numpy_and_iterators_are_taken_as_they_are(param, values, seeds):
    rows = [level.configs for level in plan(param, values, base=BASE, seeds=seeds)]
    assert {len(row) for row in rows} == {2}
    assert {type(config.seed) for row in rows for config in row} == {int}
