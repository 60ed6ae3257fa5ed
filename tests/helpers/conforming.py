"""Whether `kmlp.fit` trains a model as `model.fit` does, name by name of Keras' own."""

import keras
import numpy as np

from kmlp import ConfigError, fit

BACKEND = keras.config.backend()
EXAMPLES, BATCH_SIZE, EPOCHS = 20, 8, 2
"""Two steps of 8 examples and one of 4, twice."""
SEED = 0


def names_of(module):
    """The public names of a module of Keras that may be used as it says."""
    return {name for name in dir(module) if not name.startswith("_")}


def aliases(module, covered):
    """The names of what has been covered under another one."""
    objects = {id(getattr(module, name)) for name in covered}
    return {name for name in names_of(module) if id(getattr(module, name)) in objects}


def trained(make, x, y, fitting):
    """Logs and state of a model that is made and trained from one seed."""
    keras.utils.clear_session()  # equal names
    keras.utils.set_random_seed(SEED)
    model = make()
    keras.utils.set_random_seed(SEED + 1)  # whatever is drawn while it trains
    history = fitting(model, x, y)
    optimizer = getattr(model.optimizer, "inner_optimizer", None)
    kept = [*model.variables, *model.optimizer.variables]
    kept += optimizer.variables if optimizer is not None else []
    return history.history, [
        (variable.path, keras.ops.convert_to_numpy(variable)) for variable in kept
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
    """What `kmlp.fit` comes to, beside `model.fit`: "" for the same, or a sentence."""
    try:
        logs, state = trained(make, x, y, by_kmlp)
    except ConfigError as error:
        return f"refused: {error}"
    expected_logs, expected = trained(make, x, y, by_keras)
    if logs.keys() != expected_logs.keys():
        return f"other logs: {sorted(logs)} and not {sorted(expected_logs)}"
    for name, values in logs.items():
        if not np.allclose(values, expected_logs[name], 1e-4, 1e-5, equal_nan=True):
            return f"{name} is {values} and not {expected_logs[name]}"
    for (path, one), (_, other) in zip(state, expected, strict=True):
        largest = np.abs(other).max(initial=0) if other.dtype.kind == "f" else 0
        if not np.allclose(one, other, 1e-4, 1e-4 * largest + 1e-7, equal_nan=True):
            apart = np.abs(np.asarray(one, "float64") - np.asarray(other, "float64"))
            return f"{path} is off by {apart.max()}"
    return ""


def differences(cases, run):
    """By name, what differs; all are trained at once, and alone where that differs."""
    if not run(cases):
        return {}
    return {name: told for name in cases if (told := run([name]))}
