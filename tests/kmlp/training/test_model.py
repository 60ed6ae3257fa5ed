"""The model that trains a run."""

import pytest

from kmlp import RunConfig, load_dataset
from kmlp.training._model import training_model

pytestmark = pytest.mark.once


def test_the_dataset_is_not_looked_for_by_its_name():
    """A node may have its images in memory, and no files of it."""
    fields = RunConfig(width=8, depth=1).to_dict() | {"dataset": "elsewhere"}
    model = training_model(RunConfig.restored(fields), load_dataset("mnist"))
    assert model.count_params() == 784 * 8 + 8 + 8 * 10 + 10
