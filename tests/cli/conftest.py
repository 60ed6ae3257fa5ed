import sys
from types import SimpleNamespace

import pytest

from kmlp_cli.app import main


@pytest.fixture
def kmlp(monkeypatch, capsys):
    """Runs the command line in this process: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["kmlp", *arguments])
        monkeypatch.setattr(sys, "path", [*sys.path])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return SimpleNamespace(code=caught.value.code or 0, out=out, err=err)

    return run
