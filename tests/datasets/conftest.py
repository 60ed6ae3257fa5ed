"""Tests with real processes, TFDS and files. They do not depend on the backend."""

from pathlib import Path

import pytest

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A folder with an empty cache, an empty folder of TFDS and no runs."""
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("KMLP_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


@pytest.fixture
def fashion_mnist():
    """The system folder of Fashion-MNIST."""
    if not FASHION_MNIST.is_dir():
        pytest.skip("needs Fashion-MNIST: apt install dataset-fashion-mnist")
    return FASHION_MNIST
