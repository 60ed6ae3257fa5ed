"""Wrong arguments of `fit` are named before training."""

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from keras import ops

from kmlp import ConfigError, fit
from kmlp.fused import _arguments

pytestmark = pytest.mark.jax_first

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = RNG.integers(0, 4, 50)
WEIGHTS = RNG.uniform(0, 2, 50)


def classifier():
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, activation="softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return model


class OneBatch(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X, Y


class Ragged:
    """A substitute for the tensor of TensorFlow, which may not be installed."""


RaggedTensor = type("RaggedTensor", (Ragged,), {})


def masked(array):
    return np.ma.masked_array(array, np.arange(50) == 3)


BAD = {
    "nothing": ({"x": None}, "`x` is missing"),
    "an empty list": ({"x": []}, "`x`.*no arrays"),
    "an iterator": ({"x": iter([X])}, "`x`.* list_iterator"),
    "a generator": ({"x": (X for _ in range(3)), "y": None}, "`x`.* generator"),
    "a dataset": ({"x": OneBatch(), "y": None}, "`x`.* OneBatch"),
    "a text": ({"x": "MNIST"}, "`x`.* str"),
    "a list of numbers": ({"y": Y.tolist()}, r"`y\[0\]`.* int"),
    "a list of lists": ({"x": X.tolist()}, r"`x\[0\]\[0\]`.* float"),
    "None in a nest": ({"x": [X, None]}, r"`x\[1\]`.* NoneType"),
    "texts": ({"x": np.array(["a"] * 50)}, "`x`.* array of <U1"),
    "bytes": ({"y": np.array([b"a"] * 50)}, r"`y`.* array of \|S1"),
    "objects": ({"y": Y.astype(object)}, "`y`.* array of object"),
    "complex numbers": ({"x": X.astype("complex64")}, "`x`.* array of complex64"),
    "dates": ({"y": Y.astype("datetime64[s]")}, "`y`.* array of datetime64"),
    "a single number": ({"y": np.array(3)}, "`y`.*single number"),
    "a single tensor": ({"x": ops.convert_to_tensor(1.0)}, "`x`.*single number"),
    "no examples": ({"x": X[:0], "y": Y[:0]}, "`x` has 0 examples"),
    "fewer targets": ({"y": Y[:10]}, "`y` has 10 examples and `x` 50"),
    "fewer weights": ({"sample_weight": WEIGHTS[:10]}, "`sample_weight` has 10 examples"),
    "fewer of one input": (
        {"x": {"a": X, "b": X[:9]}}, r"`x\['b'\]` has 9 examples and `x\['a'\]` 50",
    ),
    "masked inputs": ({"x": np.ma.masked_invalid(np.where(X > 1, np.nan, X))}, "`x`.* masked"),
    "masked targets": ({"y": masked(Y)}, "`y`.* masked"),
    "masked weights": ({"sample_weight": masked(WEIGHTS)}, "`sample_weight`.* masked"),
    "sparse": ({"x": scipy.sparse.csr_matrix(X)}, "`x` is a csr_matrix"),
    "ragged": ({"y": RaggedTensor()}, "`y` is a RaggedTensor"),
    "a symbol": ({"x": keras.Input((6,))}, "`x` "),
    "a frame of texts": ({"x": pd.DataFrame({"a": ["b"] * 50})}, "`x` is an array of"),
    "both weights": (
        {"sample_weight": WEIGHTS, "class_weight": {0: 2.0}}, "cannot both be given",
    ),
    "weights without targets": (
        {"y": None, "sample_weight": WEIGHTS}, "`sample_weight` weights targets",
    ),
    "weights of classes without targets": (
        {"y": None, "class_weight": {0: 1.0}}, "`class_weight` weights targets",
    ),
    "weights of outputs": ({"sample_weight": {"a": WEIGHTS}}, "`sample_weight` is a nest"),
    "weights of some outputs": (
        {"y": [Y, Y], "sample_weight": [WEIGHTS]}, r"`sample_weight` has the structure",
    ),
    "weights of parts of outputs": (
        {"y": [Y, Y], "sample_weight": np.ones((50, 2))}, r"`sample_weight`.*\(50, 2\)",
    ),
    "a list of classes": ({"class_weight": [1.0, 2.0]}, "`class_weight` is .* a dict"),
    "names of classes": ({"class_weight": {"cat": 2.0}}, "the class 'cat'"),
    "weights in words": ({"class_weight": {0: "2"}}, "the weight '2' for the class 0"),
    "classes of several outputs": (
        {"y": [Y, Y], "class_weight": {0: 2.0}}, "needs one array of targets",
    ),
    "classes of pixels": (
        {"y": np.zeros((50, 2, 1), "int32"), "class_weight": {0: 2.0}}, r"`y`.*\(50, 2, 1\)",
    ),
    "the split of all": ({"validation_split": 1.0}, "`validation_split` is 1.0"),
    "a split below 0": ({"validation_split": -0.1}, "`validation_split` is -0.1"),
    "a split of one": (
        {"x": X[:1], "y": Y[:1], "validation_split": 0.1}, "leaves 0 of 1 examples",
    ),
    "a split of almost all": ({"validation_split": 0.999}, "leaves 0 of 50 examples"),
    "a split in words": ({"validation_split": "0.1"}, "`validation_split` is '0.1'"),
    "a number to validate": ({"validation_data": 3}, "`validation_data`.* int"),
    "too much to validate": (
        {"validation_data": (X, Y, WEIGHTS, Y)}, "`validation_data` has 4 parts",
    ),
    "nothing to validate": ({"validation_data": ()}, "`validation_data` has 0 parts"),
    "validation of other sizes": (
        {"validation_data": (X, Y[:9])}, r"`validation_data\[1\]` has 9 examples",
    ),
    "masked validation": (
        {"validation_data": (X, Y, masked(WEIGHTS))}, r"`validation_data\[2\]`.* masked",
    ),
    "texts to validate": (
        {"validation_data": (["a"], Y)}, r"`validation_data\[0\]\[0\]`.* str",
    ),
    "another order": ({"shuffle": "batch"}, "`shuffle` is 'batch'"),
    "no batch": ({"batch_size": 0}, "`batch_size` is 0"),
    "half a batch": ({"batch_size": 1.5}, "`batch_size` is 1.5"),
    "no epochs": ({"epochs": 0}, "`epochs` is 0"),
    "an epoch before": ({"initial_epoch": -1}, "`initial_epoch` is -1"),
    "no steps": ({"steps_per_epoch": 0}, "`steps_per_epoch` is 0"),
    "endless steps": ({"steps_per_epoch": -1}, "`steps_per_epoch` is -1"),
    "no validation": ({"validation_steps": 0}, "`validation_steps` is 0"),
    "no batch to validate": ({"validation_batch_size": 0}, "`validation_batch_size` is 0"),
    "validation at times": ({"validation_freq": -1}, "`validation_freq` is -1"),
    "validation before": ({"validation_freq": [0, 2]}, "`validation_freq` is 0"),
    "no seed": ({"seed": -1}, "`seed` is -1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_argument_is_named(name):
    changes, text = BAD[name]
    with pytest.raises(ConfigError, match=text):
        fit(classifier(), **{"x": X, "y": Y, "batch_size": 64} | changes)


def test_all_wrong_arguments_are_named_at_once():
    with pytest.raises(ConfigError) as refusal:
        fit(classifier(), masked(Y), "text", 0, validation_data=(X, [3]))
    assert len(refusal.value.problems) == 4


UNFIT = {
    "inputs": ({"x": X[:, :5]}, r"`x`.*expected axis -1 .* value 6"),
    "targets": ({"y": np.ones((50, 3))}, r"(loss|metric).*`y` \(.*\(25, 4\)\)"),
    "weights": (
        {"sample_weight": np.ones((50, 3))}, "take `sample_weight`",
    ),
    "weights that fit full batches by chance": (
        {"sample_weight": np.ones((50, 4)), "batch_size": 4}, "take `sample_weight`",
    ),
    "no targets": ({"y": None}, "`y` is missing"),
    "no targets to validate": (
        {"validation_data": (X,)}, r"`validation_data\[1\]` is missing",
    ),
    "targets of other outputs": ({"y": {"a": Y, "b": Y}}, "(loss|metric).*`y`"),
    "inputs to validate": (
        {"validation_data": (X[:, :5], Y)}, r"called on `validation_data\[0\]`",
    ),
    "targets to validate": (
        {"validation_data": (X, np.ones((50, 3)))}, r"metric.*`validation_data\[1\]`",
    ),
    "weights to validate": (
        {"validation_data": (X, Y, np.ones((50, 3)))}, r"not take `validation_data\[2\]`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_an_argument_that_does_not_fit_the_model_is_named_with_the_reason(name):
    changes, text = UNFIT[name]
    with pytest.raises(ConfigError, match=text) as refusal:
        fit(classifier(), **({"x": X, "y": Y, "batch_size": 25} | changes))
    assert "Exception encountered" not in str(refusal.value)


def variable(array):
    """A variable of TensorFlow on TensorFlow, and of Keras on the other backends."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.Variable(array)
    return keras.Variable(array, dtype=str(array.dtype), trainable=False)


SAME = {
    "frames": lambda: (pd.DataFrame(X), pd.Series(Y), pd.Series(WEIGHTS)),
    "of other types": lambda: (X.astype("float16"), Y.astype("uint8"), WEIGHTS.astype(">f4")),
    "of other byte orders": lambda: (X.astype(">f8"), Y.astype(">i4"), WEIGHTS),
    "backwards": lambda: (X[::-1], Y[::-1], WEIGHTS[::-1]),
    "without masked values": lambda: (np.ma.masked_array(X), np.asfortranarray(Y[:, None]), WEIGHTS),
    "tensors": lambda: tuple(map(ops.convert_to_tensor, (X.astype("float64"), Y, WEIGHTS))),
    "variables": lambda: (variable(X), variable(Y.astype("int32")), variable(WEIGHTS.astype("float32"))),
    "strided": lambda: (np.repeat(X, 2, axis=1)[:, ::2], Y, np.broadcast_to(0.5, 50)),
    "read-only": lambda: (np.frombuffer(X.tobytes(), "float32").reshape(50, 6), Y, WEIGHTS),
}  # fmt: skip


REFUSED_BY_KERAS = {
    "variables",
    "of other types",
    "of other byte orders",
    "backwards",
    "without masked values",
}


@pytest.mark.parametrize("name", SAME)
def test_arrays_of_all_kinds_are_trained_on_as_in_model_fit(name):
    x, y, weights = SAME[name]()
    ours, theirs = classifier(), classifier()
    theirs.set_weights(ours.get_weights())
    options = {"sample_weight": weights, "batch_size": 25, "shuffle": False}
    history = fit(ours, x, y, **options)
    if name in REFUSED_BY_KERAS:  # on at least one backend
        x, y, weights = (np.array(array).astype("float32") for array in (x, y, weights))
    options["sample_weight"] = weights
    expected = theirs.fit(x, y, **options, verbose=0)
    for key, values in expected.history.items():
        np.testing.assert_allclose(history.history[key], values, rtol=1e-5, err_msg=key)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_weights_of_classes_are_those_of_keras():
    from keras.src.trainers.data_adapters.data_adapter_utils import (
        class_weight_to_sample_weights,
    )

    weights = {0: 2, 1: 0.5, 3: 0.0, 7: 9.0}
    one_hot = np.eye(4)[Y]
    for y in (Y, Y[:, None], Y.astype("float32"), one_hot, Y > 1, Y * 0.9):
        data = _arguments.examples(("x", "y", "sample_weight"), X, y)
        np.testing.assert_array_equal(
            _arguments.with_class_weight(data, weights).weights,
            class_weight_to_sample_weights(y, weights),
        )
