"""Progress on stderr: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Self

from rich.console import Console, OverflowMethod, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from kmlp.engine import (
    CheckpointDamaged,
    EpochFinished,
    Event,
    LookTaken,
    RunFailed,
    RunFinished,
    RunStarted,
    RunWaits,
    StudyStarted,
    TaskRetried,
)
from kmlp.errors import StoreLostError
from kmlp.model.config import RunConfig
from kmlp.model.metrics import Metric
from kmlp.model.text import short_text
from kmlp.training.run import EpochRecord, Run
from kmlp_cli.terminal.console import PlainConsole, plain
from kmlp_cli.terminal.interruption import Interrupted
from kmlp_cli.terminal.output import say

Shown = StudyStarted | LookTaken | RunStarted | EpochFinished | RunFinished

_WIDE = 100
"""The smallest width of a terminal at which bars have a note beside them, in columns."""

_SECONDS_BETWEEN_LINES = 10.0
"""The time between two lines of a long run, in seconds, without a terminal."""


@contextlib.contextmanager
def show_progress(
    names: tuple[str, ...],
    *,
    quiet: bool,
    fresh: bool = False,
    stages: Mapping[str, int] | None = None,
) -> Iterator[Display]:
    """Show progress. After an interruption, name the finished runs.

    Args:
        names: The fields of a configuration that differ between runs.
        quiet: True to show no progress.
        fresh: True if stored runs are trained again, which a repeated command would do
            once more. Defaults to False.
        stages: The number of runs of each stage of the study. Defaults to None: the study
            has no stages.
    """
    console = PlainConsole(stderr=True)
    live = console.is_terminal and not console.is_dumb_terminal
    kind = Display if quiet else LiveDisplay if live else PlainLines
    display = kind(names, console, stages or {})
    try:
        with display:
            yield display
        if not quiet:
            say(display.summary())
    except Interrupted as interrupted:
        for line in display.left(fresh=fresh):
            interrupted.add_note(line)
        raise
    except StoreLostError:
        say(display.count())
        raise


class Display(contextlib.AbstractContextManager["Display"]):
    """Count finished runs, and show nothing. Subclasses show progress."""

    def __init__(
        self, names: tuple[str, ...], console: Console, stages: Mapping[str, int]
    ) -> None:
        self._names = names
        self.console = console
        self.stages = stages
        self.total = 0
        self.trained: Counter[RunConfig] = Counter()
        """The number of trained epochs of each run that has not failed."""
        self.finished: list[Run] = []
        self.best: tuple[Run | None, str] = (None, "")
        """The run with the best validation value so far, and its label."""
        self.look = ""
        """The pairs that are still open at the last look, in a sentence."""
        self._labels: dict[RunConfig, str] = {}

    def __exit__(self, *exception: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        if isinstance(event, StudyStarted):
            self.total = event.requests
        elif isinstance(event, LookTaken):
            self.total += event.requests
            self.look = event.summary
        elif isinstance(event, RunFinished):
            metric = event.request.target.metric
            self.finished.append(replace(event.run, metric=metric))
            # The number of runs of a search is an estimate.
            self.total = max(self.total, len(self.finished))
            if event.trained or event.run.status != "failed":
                self.trained[event.run.config] += event.trained
            if event.run.status == "finished":
                best, _ = self.best
                run = self.finished[-1]
                if best is None or run.metric.is_better(run.val_value, best.val_value):
                    self.best = (run, event.request.label)
        elif isinstance(event, RunStarted):
            self._labels[event.request.config] = event.request.label
        if isinstance(event, RunWaits | TaskRetried | RunFailed | CheckpointDamaged):
            self.warn(event)
        else:
            self.show(event)

    def show(self, event: Shown) -> None:
        """Show an event."""

    def warn(self, event: RunWaits | TaskRetried | RunFailed | CheckpointDamaged) -> None:
        """Print a line about a failure or a wait, even if progress is not shown."""
        name = self.name(event.request.config)
        if isinstance(event, RunWaits):
            holder = f" ({event.holder})" if event.holder else ""
            line = f"{name}: another process{holder} trains this run; waiting."
        elif isinstance(event, CheckpointDamaged):
            line = f"{name}: {event.file}; trained again from epoch {event.epochs + 1}."
        elif isinstance(event, TaskRetried):
            line = f"{name}: {event.reason}; its last task is repeated."
        else:
            line = f"{name}: {event.reason}; failed after {event.tries} tries."
        self.say(line)

    def summary(self) -> str:
        """The number of trained epochs and of runs from the store."""
        trained = self.trained.total()
        stored = sum(not count for count in self.trained.values())
        epochs = "1 epoch" if trained == 1 else f"{trained} epochs"
        runs = "1 run" if stored == 1 else f"{stored} runs"
        return f"{epochs} trained, {runs} from the store."

    def left(self, *, fresh: bool) -> Iterator[str]:
        """Lines for an interruption: the finished runs, and the way to continue.

        Args:
            fresh: True if stored runs are trained again.
        """
        if not self.total:
            yield "training had not begun."
            return
        yield self.count()
        # A run that was continued several times counts with its last result.
        for run in {run.config: run for run in self.finished}.values():
            yield f"  {self.outcome(run)}"
        same = "Without --fresh, the same command" if fresh else "The same command"
        yield f"{same} continues where this one stopped."

    def count(self) -> str:
        """The number of finished runs, as a sentence."""
        return f"{len(self.finished)} of {self.total} runs finished."

    def name(self, config: RunConfig) -> str:
        """The name of a run among the others, such as `width=32 seed=0`."""
        label = self._labels.get(config)
        values = [f"{key}={short_text(key, getattr(config, key))}" for key in self._names]
        return " ".join([label, *values] if label else values)

    def outcome(self, run: Run) -> str:
        """A line about a finished run."""
        if run.status == "failed":
            return f"{self.name(run.config)}: failed ({run.failure})"
        if run.status == "diverged":
            return f"{self.name(run.config)}: diverged in epoch {run.epochs}"
        return (
            f"{self.name(run.config)}: {_value(run.outcome, run.metric)} "
            f"(epoch {run.outcome.epoch}), epochs {run.epochs}, {run.seconds:.1f} s"
        )

    def say_finished(self, run: Run) -> None:
        """Print the line about a finished run, with its number."""
        self.say(f"[{len(self.finished)}/{self.total}] {self.outcome(run)}")

    def say(self, line: str) -> None:
        """Print a line, above the bars if there are any."""
        self.console.print(plain(self.console, line), soft_wrap=True)


class PlainLines(Display):
    """Print a line for each finished run, and now and then one for a long run."""

    _said = 0.0

    def show(self, event: Shown) -> None:
        now = time.monotonic()
        if isinstance(event, RunFinished):
            self.say_finished(self.finished[-1])
        elif isinstance(event, LookTaken):
            self.say(event.summary)
        elif isinstance(event, EpochFinished) and now - self._said > _SECONDS_BETWEEN_LINES:
            target = event.request.target
            most = f"{'' if target.patience is None else 'at most '}{target.epochs}"
            where = f" on {event.place}" if event.place else ""
            self.say(
                f"{self.name(event.request.config)}{where}: epoch "
                f"{event.record.epoch} of {most}, {_figures(event)}"
            )
        elif not isinstance(event, StudyStarted):
            return
        self._said = now


class _Field(ProgressColumn):
    """A column of plain text. Rich's `TextColumn` would read it as markup.

    Args:
        text: Returns the text to show for a task.
    """

    def __init__(self, console: Console, text: Callable[[Task], str]) -> None:
        # A stand-in can be wider than the ellipsis.
        overflow: OverflowMethod = "crop" if console.options.ascii_only else "ellipsis"
        super().__init__(table_column=Column(no_wrap=True, overflow=overflow))
        self._console, self._text = console, text

    def render(self, task: Task) -> Text:
        return plain(self._console, self._text(task))


class _Bars(Progress):
    """Bars, and a line below them."""

    line = Text()

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield self.line


class LiveDisplay(Display):
    """Draw a bar for all runs, with the time left, and one for each run in progress.

    Above the bars there is a line for each finished run.
    """

    def __init__(
        self, names: tuple[str, ...], console: Console, stages: Mapping[str, int]
    ) -> None:
        super().__init__(names, console, stages)
        wide = console.width >= _WIDE
        columns = (
            _Field(console, lambda task: task.description),
            BarColumn(bar_width=20 if wide else 10),
            _Field(
                console,
                lambda task: f"{task.completed:.0f}/{task.total:.0f} {task.fields['unit']}",
            ),
            *([_Field(console, lambda task: task.fields["note"])] if wide else []),
            _Field(console, lambda task: task.fields["place"]),
            TimeRemainingColumn(),
        )
        self._progress = _Bars(*columns, console=console, transient=True)
        self._tasks: dict[RunConfig, TaskID] = {}
        self._stages: dict[str, TaskID] = {}
        self._epochs: Counter[RunConfig] = Counter()
        self._all = TaskID(0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def show(self, event: Shown) -> None:
        bars = self._progress
        if isinstance(event, StudyStarted):
            self._all = self._add("all runs", event.epochs)
            self._progress.line = self._count()
            for name, runs in self.stages.items():
                self._stages[name] = self._add(name, runs, unit="runs", visible=False)
            return
        if isinstance(event, LookTaken):
            total = next(task.total for task in bars.tasks if task.id == self._all) or 0
            bars.update(self._all, total=total + event.epochs)
            bars.line = self._count()
            self.say(event.summary)
            return
        config, target = event.request.config, event.request.target.epochs
        stage = self._stages.get(event.request.stage)
        if isinstance(event, RunStarted):
            name = event.request.label or self.name(config)
            self._tasks[config] = self._add(name, target, note="starting")
            if stage is not None:
                bars.update(stage, visible=True)
        elif isinstance(event, EpochFinished):
            note = _figures(event)
            bars.update(
                self._tasks[config],
                completed=event.record.epoch,
                note=note,
                place=event.place,
            )
            self._advance_to(config, event.record.epoch)
        elif isinstance(event, RunFinished):
            bars.remove_task(self._tasks.pop(config))
            self._advance_to(config, target)
            bars.line = self._count()
            if stage is not None:
                bars.advance(stage)
                done = next(task.finished for task in bars.tasks if task.id == stage)
                bars.update(stage, visible=not done)
            self.say_finished(self.finished[-1])

    def _add(
        self,
        name: str,
        total: int,
        *,
        note: str = "",
        unit: str = "epochs",
        visible: bool = True,
    ) -> TaskID:
        return self._progress.add_task(
            name, total=total, note=note, place="", unit=unit, visible=visible
        )

    def _advance_to(self, config: RunConfig, epoch: int) -> None:
        """Count each epoch of a run once, even if the run continues several times."""
        self._progress.advance(self._all, max(0, epoch - self._epochs[config]))
        self._epochs[config] = max(epoch, self._epochs[config])

    def _count(self) -> Text:
        run, label = self.best
        best = ""
        if label and run is not None:
            best = f"; best so far {run.metric.text(run.val_value)} ({label})"
        look = f". {self.look}" if self.look else ""
        line = f"{len(self.finished)} of {self.total} runs finished{best}{look}"
        return plain(self.console, line)


def _figures(event: EpochFinished) -> str:
    value = _value(event.record, event.request.target.metric)
    return f"loss {event.record.loss:.4f}, {value}"


def _value(record: EpochRecord, metric: Metric) -> str:
    """The validation value of a metric with its name: `val_accuracy 97.71 %`."""
    return f"{metric.figure()} {metric.text(record.value(metric))}"
