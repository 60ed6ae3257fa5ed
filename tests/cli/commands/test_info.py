import json
import os

import keras

from kmlp import BackendError


def test_shows_versions_backends_devices_and_cores(kmlp):
    found = json.loads(kmlp("info", "--json").out)
    assert found["versions"]["keras"] == keras.__version__
    assert found["backend"] == keras.backend.backend()
    assert set(found["backends"]) == {"tensorflow", "jax", "torch"}
    assert found["cores"] == os.cpu_count()
    assert found["devices"]


def test_table(kmlp):
    result = kmlp("info")
    assert (result.code, result.err) == (0, "")
    assert keras.__version__ in result.out


def test_shows_the_settings_that_are_not_as_they_are_by_default(kmlp):
    assert json.loads(kmlp("info", "--json").out)["settings"] == {}
    keras.config.set_max_epochs(3)
    try:
        assert json.loads(kmlp("info", "--json").out)["settings"] == {"max_epochs": "3"}
        assert "max_epochs 3" in kmlp("info").out
    finally:
        keras.config.set_max_epochs(None)


def test_a_backend_that_cannot_start_is_said_after_all_else(kmlp, monkeypatch):
    def devices():
        raise BackendError("no libcuda")

    monkeypatch.setattr("kmlp.backend.devices", devices)
    result = kmlp("info")
    assert (result.code, result.err) == (2, "Error: no libcuda\n")
    assert keras.__version__ in result.out
    assert json.loads(kmlp("info", "--json").out)["devices"] == []
