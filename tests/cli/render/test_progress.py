"""The display of a study that chooses its number of seeds. Nothing is trained."""

import io

import pytest
from rich.console import Console

from kmlp.engine import LookTaken, StudyStarted
from kmlp_cli.render.progress import Display, LiveDisplay, PlainLines

pytestmark = pytest.mark.once

STARTED = StudyStarted(("auto",), 6, 60)
LOOK = LookTaken(
    study="auto",
    seeds=3,
    summary="3 seeds: a is not separated from b.",
    requests=2,
    epochs=20,
)


def shown(kind):
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    display = kind(("width", "seed"), console, {})
    with display:
        display(STARTED)
        display(LOOK)
    return display, console.file.getvalue()


@pytest.mark.parametrize("kind", [Display, PlainLines, LiveDisplay])
def test_a_look_adds_its_runs(kind):
    display, _ = shown(kind)
    assert display.count() == "0 of 8 runs finished."


@pytest.mark.parametrize(("kind", "says"), [(Display, False), (PlainLines, True)])
def test_a_look_is_a_line_without_a_terminal(kind, says):
    _, text = shown(kind)
    assert (LOOK.summary in text) == says


def test_the_live_display_has_the_open_pairs_and_the_epochs_to_come():
    _, text = shown(LiveDisplay)
    assert "80 epochs" in text
    assert f"0 of 8 runs finished. {LOOK.summary}" in text
