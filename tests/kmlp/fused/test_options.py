"""`kmlp.fit` accepts the arguments of `model.fit`, and gives the same result."""

import inspect
import warnings

import keras
import numpy as np
import pytest

from kmlp import fit
from kmlp.fused.fit import evaluate

pytestmark = pytest.mark.jax_first

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = RNG.integers(0, 4, 50)
WEIGHTS = RNG.uniform(0, 2, 50)
LABELS = np.eye(4, dtype="float32")[Y]


def classifier(loss="sparse_categorical_crossentropy"):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(5, activation="tanh"),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    metrics = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy", loss]}
    model.compile(keras.optimizers.Adam(0.01), loss, **metrics)
    return model


def one_hot():
    return classifier("categorical_crossentropy")


def two_outputs(x):
    return {
        "a": keras.layers.Dense(4, activation="softmax", name="a")(x),
        "b": keras.layers.Dense(1, name="b")(x),
    }


def by_name():
    x = keras.Input((6,))
    model = keras.Model(x, two_outputs(x))
    model.compile(
        "sgd",
        {"a": "sparse_categorical_crossentropy", "b": "mse"},
        weighted_metrics={"a": ["accuracy"], "b": ["mae"]},
    )
    return model


def in_order():
    x = keras.Input((6,))
    model = keras.Model(x, list(two_outputs(x).values()))
    model.compile(
        "sgd",
        ["sparse_categorical_crossentropy", "mse"],
        weighted_metrics=[["accuracy"], ["mae"]],
    )
    return model


def sequences():
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.Dense(4)])
    model.compile(
        "sgd",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    return model


VALIDATION = (X[:20], Y[:20])
B = X[:, 0]
CASES = {
    "weights": (classifier, {"sample_weight": WEIGHTS}),
    "weights in a column": (classifier, {"sample_weight": WEIGHTS[:, None]}),
    "integer weights": (classifier, {"sample_weight": np.arange(50)}),
    "weights of classes": (classifier, {"class_weight": {0: 2, 2: 0.5, 9: 3.0}}),
    "weights of classes of one-hot targets": (
        one_hot, {"y": LABELS, "class_weight": {0: 2.0, 3: 0.0}},
    ),
    "weights of classes in a column": (
        classifier, {"y": Y[:, None].astype("float32"), "class_weight": {1: 3.0}},
    ),
    "weighted validation": (
        classifier, {"validation_data": (*VALIDATION, WEIGHTS[:20]), "epochs": 2},
    ),
    "validation in a list": (classifier, {"validation_data": list(VALIDATION)}),
    "split": (classifier, {"validation_split": 0.3, "sample_weight": WEIGHTS}),
    "split with weights of classes": (
        classifier, {"validation_split": 0.25, "class_weight": {1: 3.0}},
    ),
    "split that is overridden": (
        classifier, {"validation_split": 0.25, "validation_data": VALIDATION},
    ),
    "epochs that cut the data": (classifier, {"steps_per_epoch": 2, "epochs": 5}),
    "epochs that end with the data": (classifier, {"steps_per_epoch": 3, "epochs": 4}),
    "epochs longer than the data": (classifier, {"steps_per_epoch": 9, "epochs": 2}),
    "a batch size from the number of steps": (
        classifier, {"steps_per_epoch": 3, "batch_size": None, "epochs": 4},
    ),
    "Keras' default batch size": (classifier, {"batch_size": None}),
    "a part of the validation data": (
        classifier,
        {"validation_data": VALIDATION, "validation_steps": 1, "validation_batch_size": 7},
    ),
    "more validation steps than data": (
        classifier, {"validation_data": VALIDATION, "validation_steps": 9},
    ),
    "a validation batch size from the number of steps": (
        classifier,
        {"validation_data": VALIDATION, "validation_steps": 3, "batch_size": None},
    ),
    "validation after some epochs": (
        classifier, {"validation_data": VALIDATION, "validation_freq": [2, 3], "epochs": 4},
    ),
    "weights for all outputs": (
        by_name, {"y": {"a": Y, "b": B}, "sample_weight": WEIGHTS},
    ),
    "weights by output": (
        by_name,
        {"y": {"a": Y, "b": B}, "sample_weight": {"a": WEIGHTS, "b": WEIGHTS[::-1]}},
    ),
    "weights of outputs in order": (
        in_order, {"y": [Y, B], "sample_weight": [WEIGHTS, WEIGHTS[::-1]]},
    ),
    "weights of times": (
        sequences,
        {
            "x": X.reshape(50, 3, 2), "y": RNG.integers(0, 4, (50, 3)),
            "sample_weight": RNG.uniform(size=(50, 3)),
        },
    ),
}  # fmt: skip


# They are counted before a backend has a part in it, which weights are not.
STEPS_AND_PARTS = {
    name for name in CASES
    if name.startswith(("validation", "split that", "epochs", "a ", "Keras", "more"))
}  # fmt: skip
MARKED = [
    pytest.param(name, marks=[pytest.mark.once] if name in STEPS_AND_PARTS else [])
    for name in CASES
]


@pytest.mark.slow
@pytest.mark.parametrize("case", MARKED)
def test_options_give_the_result_of_model_fit(case):
    make, options = CASES[case]
    options = {"x": X, "y": Y, "batch_size": 20, "epochs": 2, **options}
    ours, theirs = make(), make()
    theirs.set_weights(ours.get_weights())
    with warnings.catch_warnings(record=True) as expected_warnings:
        warnings.simplefilter("always")
        expected = theirs.fit(**options, shuffle=False, verbose=0)
    with warnings.catch_warnings(record=True) as our_warnings:
        warnings.simplefilter("always")
        history = fit(ours, **options, shuffle=False)
    assert_same(ours, theirs, history.history, expected.history)
    assert ran_out(our_warnings) == ran_out(expected_warnings)
    assert len(history.step_losses) == options["epochs"]


def test_evaluation_with_weights_or_steps_gives_the_result_of_model_evaluate():
    model = classifier()
    for options in (
        {"sample_weight": WEIGHTS},
        {"steps": 2, "batch_size": 20},
        {"steps": 3},
    ):
        expected = model.evaluate(X, Y, **options, return_dict=True, verbose=0)
        assert evaluate(model, X, Y, **options) == pytest.approx(expected, rel=1e-5)


def test_arguments_are_in_the_order_of_model_fit():
    theirs = list(inspect.signature(keras.Model.fit).parameters)[1:]
    ours = list(inspect.signature(fit).parameters)[1:]
    assert ours == [*theirs, "seed"]


@pytest.mark.filterwarnings("ignore:Limiting:UserWarning")
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_keras_limits_for_debugging_are_applied(request):
    request.addfinalizer(lambda: keras.config.set_max_epochs(None))
    request.addfinalizer(lambda: keras.config.set_max_steps_per_epoch(None))
    keras.config.set_max_epochs(2)
    keras.config.set_max_steps_per_epoch(2)
    options = {"batch_size": 20, "epochs": 5, "shuffle": False, "validation_data": (X, Y)}
    ours, theirs = classifier(), classifier()
    theirs.set_weights(ours.get_weights())
    expected = theirs.fit(X, Y, **options, verbose=0)
    history = fit(ours, X, Y, **options)
    assert_same(ours, theirs, history.history, expected.history)
    assert [len(losses) for losses in history.step_losses] == [2, 1]


def ran_out(records):
    messages = [str(record.message) for record in records]
    return [message for message in messages if "ran out of data" in message]


def assert_same(ours, theirs, logs, expected):
    assert logs.keys() == expected.keys()
    for name in logs:
        np.testing.assert_allclose(logs[name], expected[name], rtol=1e-5, err_msg=name)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
