import pytest
from helpers.processes import kmlp_here


@pytest.fixture
def kmlp(monkeypatch, capsys):
    """Runs the command line in this process: exit code, stdout, stderr."""
    return kmlp_here(monkeypatch, capsys)
