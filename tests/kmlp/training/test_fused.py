"""Runs that differ only in numbers share a compiled model, which is compiled once."""

import keras
import numpy as np
import pytest

from kmlp import RunConfig, ablate, load_dataset, register_optimizer, train
from kmlp.fused import loop as loops
from kmlp.model.optimizers import OPTIMIZERS
from kmlp.training import Session
from kmlp.training.fused import CompiledModelCache

pytestmark = pytest.mark.jax_first

BASE = {"train_size": 300, "width": 8, "depth": 1, "batch_size": 64}


@pytest.fixture
def programs(monkeypatch):
    """A list with an entry for each compiled program: True if the program trains."""
    compiled, module = [], loops.steps()
    compile_program = module.compile_program

    def record(*arguments, training):
        compiled.append(training)
        return compile_program(*arguments, training=training)

    monkeypatch.setattr(module, "compile_program", record)
    return compiled


# Training with 64 images a step, with the last 44, and evaluation.
THREE = [True, True, False]


@pytest.mark.parametrize(
    ("param", "values"),
    [
        ("learning_rate", [1e-3, 1e-2, 1e-1]),
        ("momentum", [0.1, 0.5, 0.9]),
        ("weight_decay", [1e-4, 1e-3]),
    ],
)
def test_an_ablation_of_a_number_compiles_each_program_once(programs, param, values):
    study = ablate(param, values, base=RunConfig(**BASE), seeds=2, epochs=1, jobs=1)
    assert programs == THREE
    means = {level.val_accuracy.mean for level in study.levels}
    assert len(means) == len(values)


# 320 is a multiple of 64: one program for training, and one for evaluation.
WHOLE_BATCHES = BASE | {"train_size": 320}
ANY = {"learning_rate": 0.01, "seed": 3, "initializer": "normal"}


@pytest.mark.parametrize(
    ("structure", "numbers"),
    [
        ({}, ANY),
        (
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
            ANY | {"momentum": 0.5, "weight_decay": 0.05},
        ),
    ],
    ids=["plain", "momentum"],
)
def test_a_run_has_the_same_bytes_on_a_used_model_and_on_a_new_one(structure, numbers):
    """No state is left of the earlier run, and each number is set."""
    base = WHOLE_BATCHES | structure
    alone = bytes_of(base | numbers, CompiledModelCache())
    compiled_models = CompiledModelCache()
    first = bytes_of(base, compiled_models)
    for name, number in numbers.items():
        assert bytes_of(base | {name: number}, compiled_models) != first, name
    assert bytes_of(base | numbers, compiled_models) == alone
    assert bytes_of(base, compiled_models) == first
    assert compiled_models.compiled_count == 1


def bytes_of(values, compiled_models):
    """The bytes of the weights after an epoch."""
    session = session_of(RunConfig(**values), compiled_models)
    weights = [array.tobytes() for array in session.checkpoint().weights]
    session.close()
    return weights


def session_of(config, compiled_models):
    session = Session(config, load_dataset("mnist"), compiled_models=compiled_models)
    session.train_epoch()
    return session


@pytest.mark.once
@pytest.mark.parametrize(
    ("optimizer", "betas"), [("adam", [0.0, 0.9]), ("muon", [None, 0.0, 0.8])]
)
def test_a_beta_of_0_and_one_that_is_not_given_have_programs_of_their_own(optimizer, betas):
    base, compiled_models = WHOLE_BATCHES | {"optimizer": optimizer}, CompiledModelCache()
    for beta_1 in betas:
        values = base | {"beta_1": beta_1}
        alone = bytes_of(values, CompiledModelCache())
        assert bytes_of(values, compiled_models) == alone, beta_1
    assert compiled_models.compiled_count == len(betas)


@pytest.mark.once
def test_the_numbers_of_a_custom_optimizer_are_its_own(monkeypatch):
    """They need not be fields, nor be used as they were given."""

    def own(learning_rate=0.1, beta_2=0.9):
        return keras.optimizers.Adam(learning_rate, beta_1=0.75, beta_2=beta_2 / 2)

    monkeypatch.setattr(OPTIMIZERS, "_custom", {})
    register_optimizer("own", own)
    mnist, compiled_models = load_dataset("mnist"), CompiledModelCache()
    for beta_2 in (0.9, 0.8):
        config = RunConfig(**BASE, optimizer="own", beta_2=beta_2)
        compiled = compiled_models.take(config, mnist)
        compiled.load(config, mnist, None)
        optimizer = compiled.model.optimizer
        assert (optimizer.beta_1, optimizer.beta_2) == (0.75, beta_2 / 2)
        compiled_models.give_back(config, compiled)
    assert compiled_models.compiled_count == 2


def test_jax_compiles_nothing_for_a_second_run():
    """Initial weights and conversions of numbers need no compilation either."""
    if keras.config.backend() != "jax":
        return
    import jax

    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, seconds, **_: (
            compiled.append(name) if "backend_compile" in name else None
        )
    )
    compiled_models = CompiledModelCache()
    session_of(RunConfig(**BASE), compiled_models).close()
    assert compiled
    compiled.clear()
    session_of(
        RunConfig(**BASE | {"seed": 1, "learning_rate": 0.3}), compiled_models
    ).close()
    assert compiled == []


def test_the_models_that_were_used_last_are_kept_with_their_programs(programs):
    dataset, compiled_models = load_dataset("mnist"), CompiledModelCache(limit=2)
    configs = {
        width: RunConfig(**WHOLE_BATCHES | {"width": width}) for width in (4, 5, 6, 7)
    }

    def use(width, *, train=False):
        if train:
            session_of(configs[width], compiled_models).close()
        else:
            compiled_models.give_back(
                configs[width], compiled_models.take(configs[width], dataset)
            )
        return [dict(structure)["width"] for structure in compiled_models._idle]

    assert use(4, train=True) == [4]
    assert use(5) == [4, 5]
    assert use(4) == [5, 4]
    assert use(6) == [4, 6]
    assert use(4, train=True) == [6, 4]
    assert programs == [True, False]
    assert use(7) == [4, 7]
    assert use(5) == [7, 5]


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_a_run_with_a_split_of_its_own_is_that_on_these_images(fused):
    """The data on the device are those of the seed, also after those of another."""
    compiled_models, mnist = CompiledModelCache(), load_dataset("mnist")

    def epoch(config, dataset, models):
        session = Session(config, dataset, compiled_models=models, fused=fused)
        record = session.train_epoch()
        session.close()
        return record

    accuracies = []
    for seed, resplit in ((0, True), (1, True), (0, True), (0, False)):
        config = RunConfig(**BASE, seed=seed, resplit=resplit)
        record = epoch(config, mnist, compiled_models)
        alone = epoch(
            RunConfig(**BASE, seed=seed),
            mnist.resplit(seed) if resplit else mnist,
            CompiledModelCache(),
        )
        assert record.val_accuracy == alone.val_accuracy
        assert record.step_losses.tobytes() == alone.step_losses.tobytes()
        accuracies.append(record.val_accuracy)
    assert accuracies[0] == accuracies[2]
    assert len(set(accuracies)) == 3


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_validation_on_the_test_images_has_the_results_of_the_test(fused):
    config = RunConfig(**BASE, validation_fraction=None)
    run = train(config, epochs=1, fused=fused)
    test = load_dataset("mnist").test
    expected = run.model().evaluate(test.x, test.y, batch_size=1000, verbose=0)
    [record] = run.history
    assert (record.val_loss, record.val_accuracy) == (
        record.test_loss,
        record.test_accuracy,
    )
    actual = [record.val_loss, record.val_accuracy]
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.once
def test_each_validation_fraction_has_its_own_data():
    """The data on the device are exchanged between runs of different fractions."""
    fractions = [0.001, 0.5]
    base = RunConfig(**BASE)
    study = ablate("validation_fraction", fractions, base=base, seeds=1, epochs=1, jobs=1)
    for fraction, run in zip(fractions, study.runs, strict=True):
        alone = train(RunConfig(**BASE, validation_fraction=fraction), epochs=1)
        assert run.val_accuracy == alone.val_accuracy
        assert np.array_equal(run.history[0].step_losses, alone.history[0].step_losses)
