"""Trials as Rich tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from kmlp.studies.conclusion import conclusion
from kmlp.studies.config_list import ConfigList
from kmlp.studies.results import LevelResult
from kmlp_cli.render.cells import NONE, mean_percent, percent, plain_table
from kmlp_cli.render.tables import description, wrongs
from kmlp_cli.terminal.output import print_table


def print_config_list(study: ConfigList) -> None:
    """Prints what came of trials."""
    print_table(config_list_table(study), study.best_text(), conclusion(study))


def config_list_table(study: ConfigList) -> Table:
    """A row a trial, in the order of their list: what it is, and what it comes to."""
    several = any(len(level.runs) > 1 for level in study.levels)
    lines = [
        description(
            study.base, fused=study.fused, settings=study.settings, but=study.varied
        )
    ]
    if several:
        lines.append("±: half of the 95 % interval over the seeds. s: median of them.")
    table = plain_table(f"Trials: {study.headline}", *lines)
    own_seeds = len({_seeds(level) for level in study.levels}) > 1
    judged = not study.validates_on_test  # else the test data are shown already
    table.add_column("trial", justify="right", no_wrap=True)
    for name in study.varied:
        table.add_column(name.replace("_", "\n"), justify="right", overflow="fold")
    for header in (
        *(["seeds"] if own_seeds else []),
        "epochs",
        "validation\naccuracy %",
        *(["test\nacc. %"] if judged else []),
        "validation\nloss",
        "s",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("went\nwrong", overflow="fold", min_width=5)
    for level, epochs in zip(study.levels, study.trial_epochs, strict=True):
        loss = level.val_loss
        table.add_row(
            str(level.value),
            *study.changes(level).values(),
            *([seeds_text(_seeds(level))] if own_seeds else []),
            str(epochs),
            percent(level.val_accuracy),
            *([mean_percent(level.test_accuracy)] if judged else []),
            NONE if loss is None else _loss_text(loss.mean),
            f"{level.seconds:.1f}",
            wrongs(level),
            style="bold" if level is study.best() else None,
        )
    return table


def _seeds(level: LevelResult) -> tuple[int, ...]:
    return tuple(run.config.seed for run in level.runs)


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as text, those that follow each other as a range.

    >>> seeds_text([0, 1, 2]), seeds_text([7]), seeds_text([0, 4, 5])
    ('0-2', '7', '0,4,5')
    """
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 2 and last - first == len(seeds) - 1:
        return f"{first}-{last}"
    return ",".join(map(str, seeds))


def _loss_text(loss: float) -> str:
    return f"{loss:.4f}" if loss < 1000 else f"{loss:.3g}"
