"""A checkpoint has all numbers of its model, also those that were taken from the images."""

from dataclasses import replace

import numpy as np
import pytest

from kmlp import RunConfig, load_dataset
from kmlp.data._split import Split
from kmlp.training.checkpoint import Checkpoint, CheckpointCodec


@pytest.mark.once
def test_a_model_scales_pixels_as_its_file_says_even_if_the_images_have_changed():
    config = RunConfig(scaling="standard", width=4, depth=1)
    mnist = load_dataset("mnist").with_train_size(100)
    changed = replace(mnist, train=Split(x=255 - mnist.train.x, y=mnist.train.y))
    written, read = CheckpointCodec(config, mnist), CheckpointCodec(config, changed)
    checkpoint = Checkpoint(
        epochs=1,
        weights=tuple(written.model.get_weights()),
        optimizer=tuple(np.array(v) for v in written.model.optimizer.variables),
    )
    images = mnist.test.x[:3]
    expected = written.model.predict(images, verbose=0)
    assert not np.allclose(read.model.predict(images, verbose=0), expected)
    read.load(1, written.dump(checkpoint))
    read.model.predict_function = None  # Keras keeps the program of the first call
    np.testing.assert_array_equal(read.model.predict(images, verbose=0), expected)
