"""The fields that identify a run do not change when fields are added."""

import pytest

from kmlp import RunConfig
from kmlp.model.identity import identity_fields

pytestmark = pytest.mark.once


def test_only_the_first_fields_identify_a_run_at_their_defaults():
    """A field that is added later must not change the keys of stored runs."""
    identity = identity_fields(RunConfig().to_dict())
    assert set(identity) == {
        "dataset", "width", "depth", "activation", "loss", "output", "learning_rate",
        "momentum", "nesterov", "weight_decay", "batch_size", "initializer", "train_size",
        "validation_fraction", "seed",
    }  # fmt: skip
    changed = RunConfig(scaling="symmetric", resplit=True).to_dict()
    assert set(identity_fields(changed)) == {*identity, "scaling", "resplit"}
