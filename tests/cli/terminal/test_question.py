"""Nothing is removed unless somebody says so."""

import io
import sys

import pytest

from kmlp_cli.terminal.question import confirmed

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("answer", "yes"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False)]
)
def test_answers(monkeypatch, capsys, answer, yes):
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert confirmed("Remove it?", "--yes") is yes
    assert capsys.readouterr().err == "Remove it? [y/N]: "


@pytest.fixture
def trained(kmlp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KMLP_RUNS_DIR", "runs")
    result = kmlp(
        "train", "--name", "mine", "--train-size", "256", "--width", "4", "--epochs", "1"
    )
    assert result.code == 0, result.err


@pytest.mark.trains
@pytest.mark.parametrize("stdin", [None, io.StringIO("")], ids=["closed", "at its end"])
def test_nothing_is_removed_if_nobody_answers(kmlp, trained, monkeypatch, stdin):
    """As with `<&-`, `< /dev/null` and in a batch job."""
    monkeypatch.setattr(sys, "stdin", stdin)
    result = kmlp("rm", "mine")
    assert result.code == 2
    assert "standard input" in result.err
    assert "--yes" in result.err
    assert kmlp("show", "mine").code == 0
