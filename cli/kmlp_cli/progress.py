"""Progress on stderr: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kmlp.config import RunConfig, value_text
from kmlp.engine import (
    EpochFinished,
    Event,
    Observer,
    RunFinished,
    RunStarted,
    StudyStarted,
)
from kmlp.run import Run

_SECONDS_BETWEEN_LINES = 10.0
"""How often a long run says a line where there is no terminal."""


@contextlib.contextmanager
def show_progress(names: tuple[str, ...], *, quiet: bool) -> Iterator[Observer]:
    """Shows the progress of what is observed; Ctrl-C says what was finished.

    Args:
        names: The fields of a configuration that tell runs apart.
        quiet: Whether to show nothing.

    Raises:
        typer.Exit: with code 130, after Ctrl-C.
    """
    console = Console(stderr=True, highlight=False)
    with contextlib.ExitStack() as stack:
        shown: LiveProgress | PlainProgress | None = None
        if not quiet:
            live = console.is_terminal and not console.is_dumb_terminal
            shown = LiveProgress(names, console, stack) if live else PlainProgress(names)
        finished: list[Run] = []
        total = 0

        def observe(event: Event) -> None:
            nonlocal total
            if isinstance(event, StudyStarted):
                total = len(event.assignments)
            elif isinstance(event, RunFinished):
                finished.append(event.run)
            if shown is not None:
                shown(event)

        try:
            yield observe
        except KeyboardInterrupt:
            stack.close()
            print(
                f"Interrupted: {len(finished)} of {total} runs finished.",
                file=sys.stderr,
            )
            for run in finished:
                print(f"  {_name(run.config, names)}: {_outcome(run)}", file=sys.stderr)
            raise typer.Exit(130) from None


class LiveProgress:
    """A bar for everything with the time left, and one for the run in progress."""

    def __init__(
        self, names: tuple[str, ...], console: Console, stack: contextlib.ExitStack
    ) -> None:
        self._names = names
        self._progress = stack.enter_context(
            Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.completed:.0f}/{task.total:.0f} epochs"),
                TextColumn("{task.fields[note]}"),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )
        )
        self._tasks: dict[RunConfig, TaskID] = {}
        self._all: TaskID | None = None
        self._runs = 0
        self._finished = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, StudyStarted):
            self._runs = len(event.assignments)
            total = sum(assignment.epochs for assignment in event.assignments)
            self._all = self._progress.add_task("all runs", total=total, note=self._count())
            return
        assert self._all is not None
        config = event.assignment.config
        if isinstance(event, RunStarted):
            self._tasks[config] = self._progress.add_task(
                _name(config, self._names),
                total=event.assignment.epochs,
                note="starting",
            )
        elif isinstance(event, EpochFinished):
            record = event.record
            note = f"loss {record.loss:.4f}, val_accuracy {100 * record.val_accuracy:.2f} %"
            self._progress.update(self._tasks[config], completed=record.epoch, note=note)
            self._progress.advance(self._all)
        elif isinstance(event, RunFinished):
            self._finished += 1
            self._progress.remove_task(self._tasks.pop(config))
            missing = max(0, event.assignment.epochs - event.run.epochs)
            self._progress.update(self._all, advance=missing, note=self._count())

    def _count(self) -> str:
        return f"{self._finished} of {self._runs} runs finished"


class PlainProgress:
    """A line a run, and now and then one for a run that takes long."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._runs = 0
        self._finished = 0
        self._said = time.monotonic()

    def __call__(self, event: Event) -> None:
        if isinstance(event, StudyStarted):
            self._runs = len(event.assignments)
            return
        name = _name(event.assignment.config, self._names)
        if isinstance(event, RunFinished):
            self._finished += 1
            self._say(f"[{self._finished}/{self._runs}] {name}: {_outcome(event.run)}")
        elif isinstance(event, EpochFinished) and self._silent():
            record = event.record
            self._say(
                f"{name}: epoch {record.epoch} of {event.assignment.epochs}, "
                f"loss {record.loss:.4f}, val_accuracy {100 * record.val_accuracy:.2f} %"
            )

    def _silent(self) -> bool:
        return time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        print(line, file=sys.stderr, flush=True)


def _name(config: RunConfig, names: tuple[str, ...]) -> str:
    return " ".join(f"{name}={value_text(getattr(config, name))}" for name in names)


def _outcome(run: Run) -> str:
    if run.status == "diverged":
        return f"diverged in epoch {run.epochs}"
    return (
        f"val_accuracy {100 * run.val_accuracy:.2f} %, epochs {run.epochs}, "
        f"{run.seconds:.1f} s"
    )
