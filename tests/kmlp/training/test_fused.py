"""Runs that differ only in numbers share a compiled model: one compilation serves them all."""

import numpy as np
import pytest

from kmlp import RunConfig, ablate, load_dataset, train
from kmlp.fused import loop as loops
from kmlp.training import Session
from kmlp.training.fused import CompiledModelCache

BASE = {"train_size": 300, "width": 8, "depth": 1, "batch_size": 64}


@pytest.fixture
def programs(monkeypatch):
    """Whether each program that was compiled is one for training."""
    compiled, module = [], loops.steps()
    compile_program = module.compile_program

    def count(*arguments, training):
        compiled.append(training)
        return compile_program(*arguments, training=training)

    monkeypatch.setattr(module, "compile_program", count)
    return compiled


# 64 images a step, the last 44, and 1,000 of the validation or the test data.
THREE = [True, True, False]


@pytest.mark.parametrize(
    ("param", "values"),
    [
        ("learning_rate", [1e-3, 3e-3, 1e-2, 3e-2, 1e-1]),
        ("momentum", [0.1, 0.5, 0.9]),
        ("weight_decay", [1e-4, 1e-3]),
    ],
)
def test_an_ablation_of_a_number_compiles_each_program_once(programs, param, values):
    study = ablate(param, values, base=RunConfig(**BASE), seeds=3, epochs=1, jobs=1)
    assert programs == THREE
    means = {value.val_accuracy.mean for value in study.levels}
    assert len(means) == len(values)


# Batches of 64 only: a program for training, and one for evaluation.
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
def test_a_run_on_a_used_network_has_the_bytes_of_one_on_its_own(structure, numbers):
    """Nothing is left of the run that it was made for, and each number is taken."""
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
    found = [array.tobytes() for array in session.checkpoint().weights]
    session.close()
    return found


def session_of(config, compiled_models):
    session = Session(config, load_dataset("mnist"), compiled_models=compiled_models)
    session.train_epoch()
    return session


def test_jax_compiles_nothing_at_all_for_a_second_run():
    """Not even the drawing of weights or the conversion of a number."""
    import keras

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


def test_the_networks_that_were_used_last_are_kept_with_their_programs(programs):
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
def test_what_validates_on_the_test_images_has_their_figures(fused):
    config = RunConfig(**BASE, validation_fraction=None)
    run = train(config, epochs=1, fused=fused)
    test = load_dataset("mnist").test
    found = run.model().evaluate(test.x, test.y, batch_size=1000, verbose=0)
    [record] = run.history
    assert (record.val_loss, record.val_accuracy) == (
        record.test_loss,
        record.test_accuracy,
    )
    np.testing.assert_allclose(found, [record.val_loss, record.val_accuracy], rtol=1e-5)


@pytest.mark.once
def test_another_validation_fraction_has_other_data():
    """Runs with different ones trained on the same images where they followed each other."""
    fractions = [0.001, 0.5]
    base = RunConfig(**BASE)
    study = ablate("validation_fraction", fractions, base=base, seeds=1, epochs=1, jobs=1)
    for fraction, run in zip(fractions, study.runs, strict=True):
        alone = train(RunConfig(**BASE, validation_fraction=fraction), epochs=1)
        assert run.val_accuracy == alone.val_accuracy
        assert np.array_equal(run.history[0].step_losses, alone.history[0].step_losses)
