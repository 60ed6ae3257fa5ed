"""A saved model is a plain file of Keras, whatever the model and the clock are."""

import json
import time

import keras
import numpy as np
import pytest
from helpers.processes import python

from kmlp import RunConfig, build_mlp, load_dataset
from kmlp.model.saving import save_portable
from kmlp.training.checkpoint import Checkpoint, CheckpointCodec

LOAD = """
import json, pathlib, sys, traceback
for name in ("kmlp", "kmlp_cli", "kmlp_tuning"):
    sys.modules[name] = None  # an import fails, as without an installation
import keras, numpy as np
x = np.full((1, 28, 28), 9, "uint8")
results = {}
for path in pathlib.Path().iterdir():
    try:
        model = keras.saving.load_model(path)
        results[path.stem] = [model.compiled, float(model.predict(x, verbose=0).sum())]
    except Exception:
        results[path.stem] = traceback.format_exc()
print(json.dumps(results))
"""


LOADED_COMPILED = {"cross_entropy": True, "mse": True, "nll": False, "multi_margin": False}


REGULARIZED = {
    "l1": 1e-4,
    "l2": 1e-3,
    "label_smoothing": 0.1,
    "normalization": "batch",
    "scaling": "standard",
    "pixels": (33, 79),
    "initializer": "normal:0.1",
}


def test_saved_models_can_be_loaded_without_kmlp(tmp_path):
    """Models with a loss of kmlp are saved without the loss."""
    expected = {}
    for seed, (loss, compiled) in enumerate(LOADED_COMPILED.items()):
        model = build_mlp(loss=loss, width=8, seed=seed, dropout=0.2, gaussian_noise=0.1)
        score = model.predict(np.full((1, 28, 28), 9, "uint8"), verbose=0).sum()
        expected[loss] = [compiled, pytest.approx(float(score), rel=1e-5)]
        assert save_portable(model, tmp_path / f"{loss}.keras") is compiled, loss
        assert model.compiled, loss
    model = build_mlp(width=8, **REGULARIZED)
    score = model.predict(np.full((1, 28, 28), 9, "uint8"), verbose=0).sum()
    expected["regularized"] = [True, pytest.approx(float(score), rel=1e-5)]
    assert save_portable(model, tmp_path / "regularized.keras")
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.keras" for name in expected
    }
    result = python(LOAD, cwd=tmp_path, TF_CPP_MIN_LOG_LEVEL="3")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == expected


@pytest.mark.trains
@pytest.mark.once
@pytest.mark.parametrize("year", [1960, 1970, 1979, 2108, 2200])
def test_a_model_is_saved_when_the_clock_is_outside_of_the_years_of_zip(
    year, tmp_path, monkeypatch
):
    """The clock of a machine without a battery starts in 1970."""
    config = RunConfig(train_size=100, width=4, depth=1)
    codec = CheckpointCodec(config, load_dataset("mnist"))
    state = Checkpoint(
        epochs=1,
        weights=tuple(codec.model.get_weights()),
        optimizer=tuple(map(keras.ops.convert_to_numpy, codec.model.optimizer.variables)),
    )
    monkeypatch.setattr(time, "time", lambda: (year - 1970) * 365.2425 * 86400 + 86400)
    assert time.localtime(time.time()).tm_year == year
    checkpoint_bytes = codec.dump(state)
    assert save_portable(codec.model, tmp_path / "model.keras")
    monkeypatch.undo()
    assert np.array_equal(codec.load(1, checkpoint_bytes).weights[0], state.weights[0])
    assert keras.saving.load_model(tmp_path / "model.keras").count_params() == 3190
