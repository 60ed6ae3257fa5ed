"""Progress on stderr: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kmlp.config import RunConfig, value_text
from kmlp.engine import (
    CheckpointDamaged,
    EpochFinished,
    Event,
    RunFinished,
    RunStarted,
    RunWaits,
    SliceLost,
    StudyStarted,
)
from kmlp.run import EpochRecord, Run

Shown = StudyStarted | RunStarted | EpochFinished | RunFinished

_SECONDS_BETWEEN_LINES = 10.0
"""How often a long run says a line where there is no terminal."""


@contextlib.contextmanager
def show_progress(
    names: tuple[str, ...], *, quiet: bool, fresh: bool = False
) -> Iterator[Display]:
    """Shows the progress of what is observed; Ctrl-C says what was finished.

    Args:
        names: The fields of a configuration that tell runs apart.
        quiet: Whether to show nothing.
        fresh: Whether the runs are trained anew, which an interrupted command does
            again. Defaults to False.

    Raises:
        typer.Exit: with code 130, after Ctrl-C.
    """
    console = Console(stderr=True, highlight=False)
    live = console.is_terminal and not console.is_dumb_terminal
    kind = Display if quiet else LiveDisplay if live else PlainLines
    display = kind(names, console)
    try:
        with display:
            yield display
        if not quiet:
            print(display.summary(), file=sys.stderr)
    except KeyboardInterrupt:
        print(
            f"Interrupted: {len(display.finished)} of {display.total} runs finished."
            if display.total
            else "Interrupted before training began.",
            file=sys.stderr,
        )
        for run in display.finished:
            print(f"  {display.outcome(run)}", file=sys.stderr)
        if display.total:
            same = "Without --fresh, the same command" if fresh else "The same command"
            print(f"{same} goes on where it ended.", file=sys.stderr)
        raise typer.Exit(130) from None


class Display(contextlib.AbstractContextManager["Display"]):
    """Knows what was finished, and shows nothing: what shows something is a kind of it."""

    def __init__(self, names: tuple[str, ...], console: Console) -> None:
        self._names = names
        self.console = console
        self.total = 0
        self.trained = 0
        """Epochs."""
        self.stored = 0
        """Runs of which nothing had to be trained."""
        self.finished: list[Run] = []

    def __exit__(self, *exception: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        if isinstance(event, StudyStarted):
            self.total = len(event.assignments)
        elif isinstance(event, RunFinished):
            self.finished.append(event.run)
            self.trained += event.trained
            self.stored += not event.trained and event.run.status != "failed"
        if isinstance(event, RunWaits | SliceLost | CheckpointDamaged):
            self.warn(event)
        else:
            self.show(event)

    def show(self, event: Shown) -> None:
        """Shows an event."""

    def warn(self, event: RunWaits | SliceLost | CheckpointDamaged) -> None:
        """Says what went wrong, or is in the way, also where progress is not shown."""
        name = self.name(event.assignment.config)
        if isinstance(event, RunWaits):
            line = f"{name}: another process trains it; waiting."
        elif isinstance(event, CheckpointDamaged):
            line = f"{name}: {event.file}; trained again from epoch {event.epochs + 1}."
        elif event.again:
            line = f"{name}: {event.reason}; what it did since is done again."
        else:
            line = f"{name}: {event.reason}; failed after {event.tries} tries."
        self.console.print(line, markup=False, soft_wrap=True)

    def summary(self) -> str:
        """What was trained and what was not."""
        epochs = "1 epoch" if self.trained == 1 else f"{self.trained} epochs"
        runs = "1 run" if self.stored == 1 else f"{self.stored} runs"
        return f"{epochs} trained, {runs} from the store."

    def name(self, config: RunConfig) -> str:
        """What tells a run from the others: `width=32 seed=0`."""
        return " ".join(
            f"{key}={value_text(key, getattr(config, key))}" for key in self._names
        )

    def outcome(self, run: Run) -> str:
        """A line on a run that is finished."""
        if run.status == "failed":
            return f"{self.name(run.config)}: failed ({run.failure})"
        if run.status == "diverged":
            return f"{self.name(run.config)}: diverged in epoch {run.epochs}"
        return (
            f"{self.name(run.config)}: val_accuracy {100 * run.val_accuracy:.2f} %, "
            f"epochs {run.epochs}, {run.seconds:.1f} s"
        )

    def say_finished(self, run: Run) -> None:
        """Prints the line on a finished run, with its number."""
        line = f"[{len(self.finished)}/{self.total}] {self.outcome(run)}"
        self.console.print(line, markup=False, soft_wrap=True)


class PlainLines(Display):
    """A line a run, and now and then one for a run that takes long."""

    _said = 0.0

    def show(self, event: Shown) -> None:
        now = time.monotonic()
        if isinstance(event, RunFinished):
            self.say_finished(event.run)
        elif isinstance(event, EpochFinished) and now - self._said > _SECONDS_BETWEEN_LINES:
            target = event.assignment.epochs
            self.console.print(
                f"{self.name(event.assignment.config)}: epoch {event.record.epoch} of "
                f"{target}, {_figures(event.record)}",
                markup=False,
                soft_wrap=True,
            )
        elif not isinstance(event, StudyStarted):
            return
        self._said = now


class LiveDisplay(Display):
    """A bar for everything with the time left, one for each run in progress, and
    above them a line for each run that is finished.
    """

    def __init__(self, names: tuple[str, ...], console: Console) -> None:
        super().__init__(names, console)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f} epochs"),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[RunConfig, TaskID] = {}
        self._all = TaskID(0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def show(self, event: Shown) -> None:
        bars = self._progress
        count = f"{len(self.finished)} of {self.total} runs finished"
        if isinstance(event, StudyStarted):
            epochs = sum(assignment.epochs for assignment in event.assignments)
            self._all = bars.add_task("all runs", total=epochs, note=count)
            return
        config, target = event.assignment.config, event.assignment.epochs
        if isinstance(event, RunStarted):
            task = bars.add_task(self.name(config), total=target, note="starting")
            self._tasks[config] = task
        elif isinstance(event, EpochFinished):
            note = _figures(event.record)
            seen = next(it.completed for it in bars.tasks if it.id == self._tasks[config])
            bars.advance(self._all, event.record.epoch - 1 - seen)  # from the store
            bars.update(self._tasks[config], completed=event.record.epoch, note=note)
            bars.advance(self._all)
        elif isinstance(event, RunFinished):
            task = self._tasks.pop(config)
            missing = target - next(it.completed for it in bars.tasks if it.id == task)
            bars.remove_task(task)
            bars.update(self._all, advance=missing, note=count)
            self.say_finished(event.run)


def _figures(record: EpochRecord) -> str:
    return f"loss {record.loss:.4f}, val_accuracy {100 * record.val_accuracy:.2f} %"
