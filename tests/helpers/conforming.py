"""Compare `kmlp.fit` with `model.fit`, for every public name in a module of Keras."""

import keras
import numpy as np

from kmlp import ConfigError, fit

BACKEND = keras.config.backend()
EXAMPLES, BATCH_SIZE, EPOCHS = 20, 8, 2
"""Each of the two epochs has two steps of 8 examples and one of 4."""
SEED = 0


def names_of(module):
    """The public names of a module."""
    return {name for name in dir(module) if not name.startswith("_")}


def aliases(module, covered):
    """The names of objects that are covered, under these names or under other ones."""
    objects = {id(getattr(module, name)) for name in covered}
    return {name for name in names_of(module) if id(getattr(module, name)) in objects}


def trained(make, x, y, fitting):
    """Build and train a model with fixed seeds; return the logs and all variables."""
    keras.utils.clear_session()  # so that names of layers are equal
    keras.utils.set_random_seed(SEED)
    model = make()
    keras.utils.set_random_seed(SEED + 1)  # for random numbers during training
    history = fitting(model, x, y)
    optimizer = getattr(model.optimizer, "inner_optimizer", None)
    variables = [*model.variables, *model.optimizer.variables]
    variables += optimizer.variables if optimizer is not None else []
    return history.history, [
        (variable.path, keras.ops.convert_to_numpy(variable)) for variable in variables
    ]


def by_keras(model, x, y):
    few = keras.tree.map_structure(lambda array: array[:5], (x, y))
    return model.fit(
        x, y, batch_size=BATCH_SIZE, epochs=EPOCHS, shuffle=False, verbose=0,
        validation_data=few,
    )  # fmt: skip


def by_kmlp(model, x, y):
    few = keras.tree.map_structure(lambda array: array[:5], (x, y))
    return fit(
        model, x, y, batch_size=BATCH_SIZE, epochs=EPOCHS, shuffle=False,
        validation_data=few,
    )  # fmt: skip


def difference(make, x, y):
    """Describe how the results of `kmlp.fit` and `model.fit` differ; "" if they do not."""
    try:
        logs, state = trained(make, x, y, by_kmlp)
    except ConfigError as error:
        return f"refused: {error}"
    expected_logs, expected = trained(make, x, y, by_keras)
    if logs.keys() != expected_logs.keys():
        return f"the logs are {sorted(logs)}, not {sorted(expected_logs)}"
    for name, values in logs.items():
        if not np.allclose(values, expected_logs[name], 1e-4, 1e-5, equal_nan=True):
            return f"{name} is {values}, not {expected_logs[name]}"
    for (path, one), (_, other) in zip(state, expected, strict=True):
        largest = np.abs(other).max(initial=0) if other.dtype.kind == "f" else 0
        if not np.allclose(one, other, 1e-4, 1e-4 * largest + 1e-7, equal_nan=True):
            errors = np.abs(np.asarray(one, "float64") - np.asarray(other, "float64"))
            return f"{path} is off by {errors.max()}"
    return ""


def differences(cases, run):
    """Return the differences by name.

    All cases are trained at once. Only if there is a difference, each is trained alone.
    """
    if not run(cases):
        return {}
    return {name: text for name in cases if (text := run([name]))}
