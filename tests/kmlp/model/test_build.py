"""`build_mlp` builds the described layers, and compiles them with SGD and the loss."""

import math

import keras
import numpy as np
import pytest
from helpers.processes import USER_SCRIPTS, run

from kmlp import ConfigError, Loss, build_mlp


@pytest.mark.parametrize(
    ("arguments", "units"),
    [
        ({}, [128, 128, 10]),
        ({"width": 5}, [5, 5, 10]),
        ({"width": [7, 5, 6]}, [7, 5, 6, 10]),
        ({"width": np.array([7, 5])}, [7, 5, 10]),
        ({"width": (5, 5, 5)}, [5, 5, 5, 10]),
    ],
)
def test_width_and_depth_state_the_layers(arguments, units):
    dense = [layer for layer in build_mlp(**arguments).layers if hasattr(layer, "units")]
    assert [layer.units for layer in dense] == units
    assert [layer.activation.__name__ for layer in dense] == [
        *["relu"] * (len(units) - 1),
        "linear",
    ]
    assert dense[-1].name == "output"


def test_several_equal_widths_give_the_model_of_one_width():
    one = build_mlp(width=6, depth=3).get_weights()
    several = build_mlp(width=(6, 6, 6)).get_weights()
    for first, second in zip(one, several, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_depth_that_contradicts_the_width_is_refused():
    with pytest.raises(ConfigError, match=r"\(7, 5\).* 2 .*`depth`.* 3"):
        build_mlp(width=(7, 5), depth=3)


def test_the_model_is_a_plain_compiled_sequential_of_keras_layers():
    model = build_mlp(depth=2)
    assert type(model) is keras.Sequential
    assert model.compiled
    assert [type(layer).__name__ for layer in model.layers] == [
        "Rescaling", "Flatten", "Dense", "Dense", "Dense",
    ]  # fmt: skip


def test_random_layers_are_those_of_keras_where_they_belong():
    model = build_mlp(width=(8, 6), dropout=0.3, input_dropout=0.1, gaussian_noise=0.2)
    numbers = {
        layer.name: getattr(layer, "rate", None) or layer.stddev
        for layer in model.layers
        if isinstance(layer, keras.layers.Dropout | keras.layers.GaussianNoise)
    }
    assert numbers == {
        "gaussian_noise": 0.2, "input_dropout": 0.1, "dropout_1": 0.3, "dropout_2": 0.3,
    }  # fmt: skip
    assert [layer.name for layer in model.layers] == [
        "rescaling", "flatten", "gaussian_noise", "input_dropout", "hidden_1", "dropout_1",
        "hidden_2", "dropout_2", "output",
    ]  # fmt: skip


def test_pixels_are_scaled_by_the_chosen_scaling():
    pixels = np.array([[[0, 51, 255]]], "uint8")
    for scaling, numbers, expected in (
        ("unit", None, [0, 0.2, 1]),
        ("symmetric", None, [-1, -0.6, 1]),
        ("standard", (51, 102), [-0.5, 0, 2]),
        ("none", None, [0, 51, 255]),
    ):
        model = build_mlp(
            input_shape=(1, 3), scaling=scaling, pixels=numbers, width=2, depth=1
        )
        scaled = keras.ops.convert_to_numpy(model.layers[0](pixels))
        np.testing.assert_allclose(scaled[0, 0], expected, atol=1e-6)
    with pytest.raises(ConfigError, match=r'"symetric".*"symm'):
        build_mlp(scaling="symetric")


@pytest.mark.once
@pytest.mark.parametrize(
    ("scaling", "pixels"),
    [("standard", None), ("standard", (1, 0)), ("standard", 3), ("unit", (1, 2))],
)
def test_the_numbers_of_the_pixels_are_for_the_standard_scaling(scaling, pixels):
    with pytest.raises(ConfigError, match=r"`pixels`.*`scaling`"):
        build_mlp(scaling=scaling, pixels=pixels)


def test_the_rows_of_a_table_are_normalized_by_the_numbers_of_their_columns():
    model = build_mlp(input_shape=(2,), columns=([10, -3], [5, 0.5]), width=2, depth=1)
    assert [type(layer).__name__ for layer in model.layers] == [
        "Normalization", "Dense", "Dense",
    ]  # fmt: skip
    rows = np.array([[10, -3], [20, -2.5]], "float32")
    scaled = keras.ops.convert_to_numpy(model.layers[0](rows))
    np.testing.assert_allclose(scaled, [[0, 0], [2, 1]], rtol=1e-6)


def test_a_regression_predicts_one_number_in_the_unit_of_the_targets():
    model = build_mlp(
        input_shape=(2,), num_classes=None, depth=0, scaling="none", targets=(150, 20)
    )
    assert model.output_shape == (None, 1)
    assert model.get_layer("output").activation is keras.activations.linear
    rows = np.array([[1, 2], [3, 4]], "float32")
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(
        model.predict(rows, verbose=0), (rows @ kernel + bias) * 20 + 150, rtol=1e-5
    )
    y = np.array([150, 190], "float32")
    figures = model.evaluate(rows, y, verbose=0, return_dict=True)
    assert set(figures) == {"loss", "rmse", "mae"}
    errors = model.predict(rows, verbose=0)[:, 0] - y
    assert math.isclose(figures["rmse"], np.sqrt((errors**2).mean()), rel_tol=1e-5)
    assert math.isclose(figures["mae"], np.abs(errors).mean(), rel_tol=1e-5)


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ([0], [1]), "input_shape": (2,)}, "`columns`"),
        ({"columns": ([0], [1]), "input_shape": (1,), "scaling": "none"}, "`scaling`"),
        ({"columns": ([0], [1]), "input_shape": (1,), "pixels": (0, 1)}, "`pixels`"),
        ({"targets": (0, 1)}, "`num_classes` is given"),
        ({"num_classes": None, "targets": (0, 0)}, r"`targets=\(y\.mean\(\)"),
        ({"num_classes": None, "loss": "cross_entropy"}, '"cross_entropy"'),
        ({"num_classes": None, "loss": "msee"}, '"mse"'),
        ({"num_classes": None, "output": "relu"}, "`output`"),
        ({"num_classes": None, "label_smoothing": 0.1}, "no classes"),
        ({"num_classes": None, "loss": Loss(function=len)}, '"number"'),
        ({"loss": Loss(function=len, targets="number")}, '"one_hot"'),
    ],
)
def test_arguments_of_tables_and_regressions_that_do_not_fit_are_refused(
    arguments, message
):
    with pytest.raises(ConfigError, match=message):
        build_mlp(**arguments)


def test_the_input_is_raw_images():
    model = build_mlp(depth=0)
    white, black = np.full((1, 28, 28), 255, "uint8"), np.zeros((1, 28, 28), "uint8")
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(white, verbose=0)[0], kernel.sum(0), rtol=1e-4)
    np.testing.assert_array_equal(model.predict(black, verbose=0)[0], bias)


@pytest.mark.parametrize(
    ("loss", "output", "activation"),
    [
        ("cross_entropy", None, "linear"),
        ("nll", None, "log_softmax"),
        ("multi_margin", None, "linear"),
        ("mse", None, "softmax"),
        ("mae", None, "softmax"),
        ("mse", "sigmoid", "sigmoid"),
        ("binary_crossentropy", None, "sigmoid"),
    ],
)
def test_the_loss_decides_the_default_output(loss, output, activation):
    model = build_mlp(loss=loss, output=output)
    assert model.get_layer("output").activation is keras.activations.get(activation)


@pytest.mark.once
@pytest.mark.parametrize(
    ("penalties", "regularizer"),
    [
        ({"l1": 0.5}, keras.regularizers.L1(0.5)),
        ({"l2": 0.25}, keras.regularizers.L2(0.25)),
        ({"l1": 0.5, "l2": 0.25}, keras.regularizers.L1L2(0.5, 0.25)),
    ],
)
def test_all_kernels_have_the_regularizer_of_keras_and_no_bias_has(penalties, regularizer):
    model = build_mlp(depth=1, width=4, **penalties)
    for name in ("hidden_1", "output"):
        layer = model.get_layer(name)
        assert type(layer.kernel_regularizer) is type(regularizer)
        assert layer.kernel_regularizer.get_config() == regularizer.get_config()
        assert layer.bias_regularizer is None


@pytest.mark.once
@pytest.mark.parametrize(
    ("normalization", "name"),
    [("batch", "BatchNormalization"), ("layer", "LayerNormalization")],
)
def test_a_normalization_is_between_a_hidden_layer_and_its_activation(normalization, name):
    model = build_mlp(depth=2, activation="tanh", normalization=normalization)
    assert [type(layer).__name__ for layer in model.layers[2:]] == [
        *["Dense", name, "Activation"] * 2, "Dense",
    ]  # fmt: skip
    assert model.get_layer("hidden_1").activation is keras.activations.linear
    assert model.get_layer("activation_1").activation is keras.activations.tanh


def test_a_loss_of_the_users_has_no_label_smoothing():
    with pytest.raises(ConfigError, match=r"`label_smoothing`.*your own"):
        build_mlp(loss=Loss(function=keras.losses.MeanSquaredError()), label_smoothing=0.1)


def test_the_optimizer_is_sgd_with_the_chosen_values():
    optimizer = build_mlp(
        learning_rate=0.5, momentum=0.9, nesterov=True, weight_decay=0.01
    ).optimizer
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert math.isclose(float(optimizer.learning_rate), 0.5)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert optimizer.weight_decay == 0.01


def test_a_step_of_sgd_follows_the_formula():
    """w - lr * (gradient + weight_decay * w), computed by hand for the linear model."""
    x = np.array([[[255, 0], [51, 102]]], "uint8")
    model = build_mlp(
        input_shape=(2, 2), num_classes=3, depth=0, learning_rate=0.5, weight_decay=0.1
    )
    kernel, bias = model.get_weights()
    features = x.reshape(1, 4) / 255
    scores = features @ kernel + bias
    probabilities = np.exp(scores) / np.exp(scores).sum()
    error = probabilities - np.array([[0, 1, 0]])
    model.fit(x, np.array([1]), verbose=0)
    new_kernel, new_bias = model.get_weights()
    np.testing.assert_allclose(
        new_kernel, kernel - 0.5 * (features.T @ error + 0.1 * kernel), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(new_bias, bias - 0.5 * error[0], rtol=1e-5, atol=1e-6)


def test_all_problems_are_named_at_once():
    with pytest.raises(ConfigError) as refusal:
        build_mlp(
            width=0, depth=1001, learning_rate=math.nan, activation="rellu", num_classes=1,
            loss=keras.losses.Huber(),
        )  # fmt: skip
    assert len(refusal.value.problems) == 6


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": ()},
        {"input_shape": (0, 2)},
        {"input_shape": 28},
        {"num_classes": 1},
        {"num_classes": "10"},
    ],
)
def test_a_wrong_shape_is_refused(arguments):
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        build_mlp(**arguments)


def test_custom_functions_need_no_name():
    def custom_loss(y_true, y_pred):
        return keras.ops.mean(y_pred, axis=-1)

    loss = Loss(function=custom_loss, output="softmax")
    model = build_mlp(activation=keras.ops.sin, loss=loss, output="sigmoid")
    assert model.loss is custom_loss
    assert model.get_layer("output").activation is keras.activations.sigmoid
    with pytest.raises(ConfigError, match="relu"):
        build_mlp(
            loss=Loss(function=custom_loss, output="relu", outputs=("relu",)),
            output="linear",
        )


@pytest.mark.trains
@pytest.mark.once
def test_a_script_with_a_custom_loss_and_activation_trains():
    import sys

    result = run(sys.executable, str(USER_SCRIPTS / "my_lab.py"))
    assert result.returncode == 0, result.stderr
    parameters, outcome = result.stdout.splitlines()
    assert parameters == "101770"
    status, accuracy = outcome.split()
    assert status == "finished"
    assert float(accuracy) > 0.6
