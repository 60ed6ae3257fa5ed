"""`kmlp doctor`: check the runs folder for damage, and repair it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.loading import opened
from kmlp_cli.options.execution import Jobs, RunsDir
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.terminal.output import print_json, print_lines, rephrased, say

if TYPE_CHECKING:
    from kmlp.store.doctor import Health, LostRun


def doctor(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Train damaged runs again, and remove files and rows without a run.",
        ),
    ] = False,
    jobs: Jobs = None,
    runs_dir: RunsDir = None,
    *,
    output: OutputOptions,
) -> None:
    """Check the runs folder for damage, and repair it.

    The command reads every file and row. The exit code is 1 if something is damaged and
    was not repaired.
    """
    from kmlp.store import runs_folder
    from kmlp.store.doctor import examine_folder, repair_folder

    health = examine_folder(partial(opened, runs_dir))
    mended = repair and not health.whole
    if mended:
        for line in _lines(health):
            say(line)
        repaired = repair_folder(
            runs_folder(runs_dir), partial(opened, runs_dir, writable=True)
        )
        if repaired.damaged_database is not None:
            say(
                "Everything readable is in a new database. The damaged one is kept as "
                f"{repaired.damaged_database}."
            )
        _train_again(repaired.lost, jobs, runs_dir, quiet=output.quiet)
        health = examine_folder(partial(opened, runs_dir))
    if output.as_json:
        damaged = [rephrased(problem) for problem in health.damaged]
        print_json(health.to_dict() | {"damaged": damaged})
    else:
        print_lines(*_lines(health))
    if not health.whole:
        if not mended:
            say("`kmlp doctor --repair` trains damaged runs again.")
        raise typer.Exit(1)


def _lines(health: Health) -> list[str]:
    from kmlp._util.text import count_of

    counts = (
        count_of(health.studies, "study", "studies"),
        count_of(health.runs, "run"),
        count_of(health.epochs, "epoch"),
        count_of(health.models, "model"),
    )
    lines = [f"Undamaged: {', '.join(counts)}."]
    lines += [f"Damaged: {rephrased(problem)}" for problem in health.damaged]
    lines += [f"Not part of any run: {leftover}." for leftover in health.leftovers]
    return lines


def _train_again(
    lost: list[LostRun], jobs: int | None, runs_dir: str | None, *, quiet: bool
) -> None:
    if not lost:
        return
    from kmlp.studies.repair import train_again
    from kmlp_cli.render.progress import show_progress

    with show_progress(("width", "seed"), quiet=quiet) as display:
        left = train_again(lost, observer=display, jobs=jobs, runs_dir=runs_dir)
    for run in left:
        say(
            f"The run {run.key[:12]} cannot be trained again here: it needs the backend "
            f"{run.backend} and other settings. Repeat the command that first trained it."
        )
