"""The fields that identify a run do not change when fields are added."""

import pytest

from kmlp import RunConfig
from kmlp.model.identity import fixed_identity, identity_fields

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


def test_the_default_scaling_of_a_dataset_is_part_of_the_key_unless_it_is_that_of_images():
    """The default of tables is another one, so each value has a key of its own."""
    texts = {
        scaling: identity_fields(RunConfig(dataset="wine", scaling=scaling).to_dict()).get(
            "scaling"
        )
        for scaling in (None, "standard", "unit", "none")
    }
    assert texts == {None: "standard", "standard": "standard", "unit": None, "none": "none"}


def test_a_study_that_varies_the_dataset_has_the_name_that_it_had_before_regression():
    fixed = fixed_identity(RunConfig(), ("dataset", "seed"))
    assert fixed["loss"] == "cross_entropy"
    assert "scaling" not in fixed
    assert "loss" not in fixed_identity(RunConfig(), ("loss", "seed"))
