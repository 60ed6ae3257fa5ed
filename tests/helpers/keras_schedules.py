"""The schedules of Keras to which those of kmlp are equal."""

import keras
from keras.optimizers import schedules


class WithWarmup(schedules.LearningRateSchedule):
    """A schedule, multiplied by a factor that rises to 1 in a number of steps."""

    def __init__(self, schedule, steps):
        self.schedule, self.steps = schedule, steps

    def __call__(self, step):
        done = keras.ops.cast(step + 1, "float32")
        return self.schedule(step) * keras.ops.minimum(1.0, done / self.steps)


def keras_schedule(config, steps):
    """Return the schedule of a configuration, for epochs of so many steps."""
    rate = config.learning_rate
    word, *texts = config.schedule.split(":")
    first, second = (*map(float, texts), 0.0, 0.0)[:2]
    match word:
        case "constant":
            schedule = schedules.PiecewiseConstantDecay([1], [rate, rate])
        case "cosine":
            schedule = schedules.CosineDecay(rate, first * steps, alpha=second)
        case "linear":
            schedule = schedules.PolynomialDecay(rate, first * steps, second * rate)
        case "exponential":
            schedule = schedules.ExponentialDecay(rate, steps, first)
        case "step":
            schedule = schedules.ExponentialDecay(
                rate, first * steps, second, staircase=True
            )
    return WithWarmup(schedule, config.warmup * steps) if config.warmup else schedule
