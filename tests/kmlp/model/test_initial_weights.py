"""The initial weights of a run are known without its model."""

import numpy as np
import pytest

from kmlp import RunConfig, load_dataset
from kmlp.model.build import build_for
from kmlp.model.initial_weights import initial_weights


@pytest.mark.once
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_the_initial_weights_of_a_run_are_those_of_its_model(normalization):
    config = RunConfig(width=(5, 3), normalization=normalization)
    mnist = load_dataset("mnist")
    weights = build_for(config, mnist).get_weights()
    for ours, theirs in zip(initial_weights(config, mnist), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    first = build_for(RunConfig(width=(5, 3)), mnist).get_weights()[0]
    np.testing.assert_array_equal(weights[0], first)
