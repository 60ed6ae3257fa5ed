"""Learning-rate schedules, beside those of Keras."""

import keras
import numpy as np
import pytest
from helpers.keras_schedules import keras_schedule

from kmlp import ConfigError, RunConfig
from kmlp.model.schedules import epoch_rates, rate_at, rate_numbers

pytestmark = pytest.mark.once

STEPS = 7


@pytest.mark.parametrize("warmup", [0, 0.5, 3])
@pytest.mark.parametrize(
    "schedule",
    [
        *("constant", "cosine:3", "cosine:3:0.1", "linear:3", "linear:2.5:0.2"),
        *("exponential:0.5", "step:2:0.1"),
    ],
)
def test_the_rate_of_every_step_is_that_of_keras(schedule, warmup):
    config = RunConfig(schedule=schedule, warmup=warmup, learning_rate=0.3)
    theirs = keras_schedule(config, STEPS)
    expected = [float(keras.ops.convert_to_numpy(theirs(step))) for step in range(40)]
    numbers = rate_numbers(config, STEPS)
    rates = rate_at(config, np.arange(40.0), numbers, np)
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-8)
    tensor = keras.ops.convert_to_tensor(np.array(numbers, "float32"))
    computed = rate_at(config, keras.ops.arange(40, dtype="float32"), tensor, keras.ops)
    np.testing.assert_allclose(computed, expected, rtol=1e-5, atol=1e-7)


def test_the_rate_of_an_epoch_is_the_mean_over_its_steps():
    config = RunConfig(schedule="linear:2", learning_rate=0.4)
    rates = epoch_rates(config, steps=4, epochs=4)
    np.testing.assert_allclose(rates, [0.325, 0.125, 0, 0])
    assert epoch_rates(RunConfig(), steps=4, epochs=2).tolist() == [0.1, 0.1]


def test_a_step_at_the_end_of_an_epoch_is_not_rounded_into_it():
    config = RunConfig(schedule="step:3:0.1")
    for steps in (7, 49, 781, 1563):
        numbers = np.array(rate_numbers(config, steps), "float32")
        step = np.arange(90, dtype="float32") * steps
        rates = rate_at(config, step, numbers, np)
        expected = 0.1 * 0.1 ** (np.arange(90) // 3)
        np.testing.assert_allclose(rates[:9], expected[:9], rtol=1e-5)
        assert np.flatnonzero(np.diff(rates)).tolist()[:5] == [2, 5, 8, 11, 14]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("cosine:10.0:0", "cosine:10"),
        ("linear:5:.10", "linear:5:0.1"),
        ("step:1e1:1e-1", "step:10:0.1"),
    ],
)
def test_equal_schedules_are_one_configuration(text, canonical):
    assert RunConfig(schedule=text).schedule == canonical


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("cosine", "cosine:EPOCHS or cosine:EPOCHS:FINAL"),
        ("cosine:0", "0 < EPOCHS < inf"),
        ("linear:inf", "0 < EPOCHS < inf"),
        ("linear:5:1", "0 <= FINAL < 1"),
        ("step:5", "step:EPOCHS:FACTOR"),
        ("step:5:0.1:3", "step:EPOCHS:FACTOR"),
        ("exponential:1.5", "0 < FACTOR < 1"),
        ("exponential:fast", "0 < FACTOR < 1"),
        ("cosin:5", "cosine:EPOCHS"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_right_forms(text, right):
    with pytest.raises(ConfigError, match="schedule") as caught:
        RunConfig(schedule=text)
    assert right in str(caught.value)


@pytest.mark.parametrize("warmup", [-1, float("inf"), float("nan")])
def test_a_wrong_warmup_is_refused(warmup):
    with pytest.raises(ConfigError, match="warmup"):
        RunConfig(warmup=warmup)
