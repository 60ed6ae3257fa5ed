"""With real processes, TFDS and files. What is tested does not depend on the backend:
one is enough, and `make test` chooses it.
"""

from pathlib import Path

import pytest

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """No cache, nothing prepared, no runs but the test's own."""
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("KMLP_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


@pytest.fixture
def fashion_mnist():
    if not FASHION_MNIST.is_dir():
        pytest.skip("needs Fashion-MNIST: apt install dataset-fashion-mnist")
    return FASHION_MNIST
