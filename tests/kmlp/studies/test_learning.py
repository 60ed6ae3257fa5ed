"""A run did not learn if it is no better than a network without training."""

import math
from dataclasses import replace

import pytest
from helpers.made_up import made_up_record

from kmlp import RunConfig, train
from kmlp.model.constant_losses import constant_loss
from kmlp.studies.learning import (
    DataFacts,
    facts_from_lists,
    facts_of,
    facts_to_lists,
    learned,
)
from kmlp.training.run import Run

FACTS = DataFacts(chance_limit=0.12, validation_images=10_000, classes=10)
LN_10 = math.log(10)


def run_of(accuracies, losses, val_losses=None, **fields):
    history = [
        replace(made_up_record(epoch, accuracy), loss=loss, val_loss=val_loss)
        for epoch, (accuracy, loss, val_loss) in enumerate(
            zip(accuracies, losses, val_losses or losses, strict=True), start=1
        )
    ]
    config = RunConfig(**fields)
    return Run(
        config=config, backend="none", fused=True, parameters=1, history=tuple(history)
    )


@pytest.mark.once
@pytest.mark.parametrize(
    ("accuracies", "losses", "val_losses", "expected"),
    [
        ([0.12], [1.0], None, False),  # at chance, however small the loss is
        ([0.9, 0.11, 0.10, 0.11], [1.0] * 4, None, False),  # lost what it had learned
        ([0.1, 0.1, 0.2, 0.3, 0.3], [2.0] * 5, None, True),
        ([0.2], [LN_10 + 0.01], None, False),  # as an untrained network
        ([0.2], [LN_10 - 0.01], None, False),  # not clearly below
        ([0.2], [LN_10 - 0.02], None, True),
        ([0.2], [LN_10 + 0.1], [LN_10 - 0.02], True),  # the first epoch of a slow run
        ([0.2, 0.2], [LN_10 - 0.02, 3.0], None, True),
        ([0.9], [1e9], None, True),  # the loss exploded, the classification did not
        ([0.3], [1e9], None, False),
    ],
)
def test_the_last_epochs_and_the_loss_judge(accuracies, losses, val_losses, expected):
    assert learned(run_of(accuracies, losses, val_losses), FACTS) is expected


@pytest.mark.once
def test_each_loss_has_a_constant_of_its_own():
    constant = constant_loss("mse", None, 10)
    for loss, expected in ((constant, False), (0.99 * constant, True)):
        assert learned(run_of([0.2], [loss], loss="mse"), FACTS) is expected
    negative = constant_loss("cosine_similarity", None, 10)
    for loss, expected in ((0.99 * negative, False), (1.01 * negative, True)):
        run = run_of([0.2], [loss], loss="cosine_similarity")
        assert learned(run, FACTS) is expected


@pytest.mark.once
def test_without_a_constant_the_accuracy_alone_judges():
    for run in (
        run_of([0.2], [9.0], loss="keras.ops:sin"),
        run_of([0.2], [9.0], loss="mse", output="tanh"),
    ):
        assert learned(run, FACTS)
    assert learned(run_of([0.2], [9.0]), DataFacts(chance_limit=0.12))
    assert not learned(run_of([0.1], [0.0], loss="keras.ops:sin"), FACTS)


@pytest.mark.once
def test_facts_survive_the_store_also_those_of_earlier_versions():
    facts = [facts_of(RunConfig()), facts_of(RunConfig(validation_fraction=0.1))]
    assert facts[0] == DataFacts(
        chance_limit=pytest.approx(0.1219, abs=1e-4), validation_images=10_000, classes=10
    )
    assert facts_from_lists(facts_to_lists(facts)) == facts
    assert DataFacts.restored(facts[0].to_dict()) == facts[0]
    assert facts_from_lists({"chance_limits": [0.1]}) == [DataFacts(chance_limit=0.1)]
    assert DataFacts.restored({"chance_limit": 0.1}) == DataFacts(chance_limit=0.1)


UNTRAINED = 1e-12
"""A learning rate at which nothing is learned."""


@pytest.mark.jax_first
def test_untrained_networks_did_not_learn_and_trained_ones_did():
    base = {"train_size": 1000, "width": 32}
    facts = facts_of(RunConfig())
    untrained = [
        train(RunConfig(**base, seed=seed, learning_rate=UNTRAINED), epochs=1)
        for seed in range(5)
    ]
    assert not any(learned(run, facts) for run in untrained)
    assert any(run.val_accuracy > 0.1156 for run in untrained)  # one standard error
    trained = [
        RunConfig(width=64, depth=1, learning_rate=1e-3),
        RunConfig(width=64, depth=6, learning_rate=1e-2, train_size=20_000),
    ]
    assert all(learned(train(config, epochs=1), facts) for config in trained)
