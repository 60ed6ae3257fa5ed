import pytest
from benchmarks import evidence

pytestmark = pytest.mark.once


def test_false_conclusions_are_rare_and_right_ones_frequent(capsys):
    """The benchmark with few studies, so with a wide bound for chance."""
    code = evidence.main(["--studies", "100", "--errors", "4"])
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "earlier" in printed
