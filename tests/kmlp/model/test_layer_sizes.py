"""The sizes that are computed without a model are those of the model."""

import pytest

from kmlp import build_mlp
from kmlp.model.layer_sizes import count_parameters


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"depth": 0}, 7_850),  # 784-10
        ({"depth": 1}, 101_770),  # 784-128-10
        ({"depth": 3}, 134_794),  # 784-128-128-128-10
        ({"depth": 1, "width": 30}, 23_860),  # 784-30-10
        ({"depth": 2, "width": 5, "input_shape": (3, 2, 1), "num_classes": 4}, 89),
        ({"depth": 2, "width": (300, 100)}, 266_610),  # 784-300-100-10
        ({"depth": 2, "width": (5, 7), "normalization": "batch"}, 4_095),  # + 4 * 12
        ({"depth": 2, "width": (5, 7), "normalization": "layer"}, 4_071),  # + 2 * 12
    ],
)
def test_the_number_of_parameters_is_that_of_the_layers(arguments, parameters):
    assert build_mlp(**arguments).count_params() == parameters
    sizes = {"input_shape": (28, 28), "num_classes": 10, "width": 128} | arguments
    assert count_parameters(outputs=sizes.pop("num_classes"), **sizes) == parameters
