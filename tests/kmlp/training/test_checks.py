"""What the dataset does not allow is refused before training."""

from dataclasses import replace

import numpy as np
import pytest

from kmlp import ConfigError, RunConfig, load_dataset
from kmlp.model import run_data
from kmlp.training import checks
from kmlp.training.checks import check_trainable

pytestmark = pytest.mark.once


def test_images_that_are_all_equal_cannot_be_standardized(monkeypatch):
    mnist = load_dataset("mnist")
    grey = replace(mnist, train=replace(mnist.train, x=np.full_like(mnist.train.x, 7)))
    for module in (checks, run_data):
        monkeypatch.setattr(module, "dataset_of", lambda config: grey)
    with pytest.raises(ConfigError, match=r"training images of mnist are 7,.*unit"):
        check_trainable([RunConfig(scaling="standard")], epochs=1)
    check_trainable([RunConfig(scaling="unit")], epochs=1)
