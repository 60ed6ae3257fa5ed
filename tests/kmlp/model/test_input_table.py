"""A model keeps the table that it takes, in every file of it."""

import json
import zipfile

import keras
import numpy as np
import pytest
from helpers.made_up_data import table_examples

from kmlp import ConfigError, RunConfig
from kmlp.data._dataset import make_dataset
from kmlp.model.build import build_for
from kmlp.model.input_table import InputTable, table_of_file, table_of_model
from kmlp.model.saving import save_portable

pytestmark = pytest.mark.once

DATASET = make_dataset("made_up", table_examples(), validation_fraction=0.25)
CONFIG = RunConfig(width=4, depth=1, scaling="standard")


def values():
    return table_of_model(build_for(CONFIG, DATASET)).to_dict()


@pytest.mark.parametrize(
    "save",
    [
        lambda model, path: model.save(path),
        lambda model, path: keras.saving.save_model(model, path),
        save_portable,
    ],
    ids=["save", "save_model", "save_portable"],
)
def test_a_file_has_the_columns_the_classes_and_what_is_filled_in(save, tmp_path):
    path = tmp_path / "model.keras"
    save(build_for(CONFIG, DATASET), path)
    kept = table_of_file(path)
    assert (kept.schema, kept.class_names) == (DATASET.schema, DATASET.class_names)
    assert (kept.fill_values == DATASET.fill_values()).all()
    rows = np.full((1, 6), 3, "float32")
    scores = build_for(CONFIG, DATASET).predict(rows, verbose=0)
    np.testing.assert_array_equal(
        keras.saving.load_model(path).predict(rows, verbose=0), scores
    )


def test_a_table_survives_conversion_to_a_dict():
    assert InputTable.from_dict(json.loads(json.dumps(values()))).to_dict() == values()


@pytest.mark.parametrize(
    "change",
    [
        {"schema": None},
        {"schema": {}},
        {"class_names": ["one"]},
        {"class_names": [1, 2]},
        {"class_names": ["a", "b\x1b[2J"]},
        {"fill_values": [1.0]},
        {"fill_values": ["1"] * 6},
        {"fill_values": [1e39] * 6},
        {"fill_values": {}},
        {"more": 1},
    ],
)
def test_a_description_from_anybody_is_checked(change, tmp_path):
    path = tmp_path / "model.keras"
    config = {"config": {"kmlp_table": {**values(), **change}}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    with pytest.raises(ConfigError, match=r"model\.keras: the description of its table"):
        table_of_file(path)


def test_a_model_of_images_has_no_table(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"name": "mlp"}}))
    assert table_of_file(path) is None
