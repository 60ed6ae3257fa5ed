"""Train the runs of studies that the store does not have."""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import zip_longest
from typing import Any, Generic, Protocol, TypeVar

from kmlp import backend
from kmlp.engine import LookTaken, RunRequest, StudyStarted, execute
from kmlp.errors import StoreLostError
from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.model.run_data import dataset_of, training_size
from kmlp.settings import read_settings
from kmlp.store import StudyRecord
from kmlp.store.environments import environments_of
from kmlp.store.studies import put_study
from kmlp.studies._planned import as_planned
from kmlp.studies.execution import Execution
from kmlp.training.identity import RunIdentity, identify
from kmlp.training.run import Run
from kmlp.training.target import Target


class StudyWithRuns(Protocol):
    """The result of a study."""

    @property
    def runs(self) -> Sequence[Run]:
        """The runs that answer the question of the study."""
        ...


Result = TypeVar("Result", bound=StudyWithRuns)

Runs = Mapping[RunConfig, Run]


class ListPlanner:
    """A planner of lists of requests, one after the other.

    Args:
        requests: The first list.
        go_on: Called with all runs so far when every request of the last list is answered.
            It returns the next list; if that is empty, the planner is done. Defaults to
            None: there is only the first list.
    """

    def __init__(
        self,
        requests: Iterable[RunRequest],
        go_on: Callable[[Runs], Sequence[RunRequest]] | None = None,
    ) -> None:
        self._left = deque(requests)
        self._go_on = go_on
        self._unanswered = 0
        self.runs: dict[RunConfig, Run] = {}

    @property
    def done(self) -> bool:
        return not self._left and self._go_on is None

    def ask(self) -> RunRequest | None:
        if self._go_on is not None and not self._left and not self._unanswered:
            self._left.extend(self._go_on(self.runs))
            if not self._left:
                self._go_on = None
        if not self._left:
            return None
        self._unanswered += 1
        return self._left.popleft()

    def tell(self, request: RunRequest, run: Run) -> None:
        self._unanswered -= 1
        self.runs[request.config] = run


@dataclass(frozen=True, kw_only=True, slots=True)
class StudySpec(Generic[Result]):
    """A study to train, whose runs were all checked."""

    kind: str
    """The kind of study. `StudyRecord` describes this field, `identity`, `extent` and
    `progress`."""
    prefix: str
    """The beginning of a default name."""
    identity: dict[str, Any]
    extent: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    planned: Sequence[str] = ()
    """The entries of `progress` that stay as they were when the study was first shown; see
    `kmlp.studies._planned`. Defaults to none."""
    runs_by_level: Sequence[Sequence[RunConfig]]
    """The configurations of the runs of each level."""
    epochs: Sequence[int]
    """The target epochs of each level."""
    patience: int | None = None
    """The patience of early stopping, of all runs; part of the identity. Defaults to None:
    no early stopping."""
    metric: Metric = ACCURACY
    """The metric that compares the runs, and that early stopping watches. Part of the
    identity if runs stop early by another than accuracy. Defaults to accuracy."""
    name: str | None
    """The name of the study. None: a name derived from its identity."""
    build_result: Callable[[StudyRecord, list[list[Run]], Sequence[int]], Result]
    """Builds the result from the study's record, the runs by level and the epochs of each
    level. A level whose training was interrupted has fewer runs, or none."""
    go_on: Callable[[Any, StudyRecord, Runs], tuple[Any, str]] | None = None
    """Chooses further runs by the results, when all runs that were asked for are there.
    Takes the specification, its record and all runs. Returns the specification with the
    further runs, or None if the study is complete; and a sentence for people, perhaps
    empty. Defaults to None: all runs are known."""

    @property
    def targets(self) -> list[Target]:
        """The target of the runs of each level."""
        return [Target(epochs, self.patience, self.metric) for epochs in self.epochs]

    def requests(self) -> Iterator[tuple[RunConfig, Target]]:
        """Yield the configurations with their targets, seed by seed.

        The first run of each level comes first, then the second, and so on. After an
        interruption, the levels can then be compared.
        """
        for column in zip_longest(*self.runs_by_level):
            for config, target in zip(column, self.targets, strict=True):
                if config is not None:
                    yield config, target

    def default_name(self, *, fused: bool) -> str:
        """Return the name of the study if no name is given."""
        return default_name(self.prefix, self._identity(fused=fused))

    def _identity(self, *, fused: bool) -> dict[str, Any]:
        stops: dict[str, Any] = {}
        if self.patience is not None:
            stops["patience"] = self.patience
            if self.metric.name != ACCURACY.name:
                stops["metric"] = self.metric.name
        return {**identify_backend(fused=fused), **self.identity, **stops}

    def record(
        self, identify_run: Callable[[RunConfig], RunIdentity], *, fused: bool
    ) -> StudyRecord:
        """Return the study as the store keeps it.

        Args:
            identify_run: Returns the identity of a run.
            fused: As `kmlp.Execution` has it.
        """
        return StudyRecord(
            name=self.default_name(fused=fused) if self.name is None else self.name,
            kind=self.kind,
            identity=self._identity(fused=fused),
            extent=self.extent,
            progress={**self.progress, **metric_to_dict(self.metric)},
            epochs=max(self.epochs),
            runs_by_level=tuple(
                tuple(identify_run(config).key for config in level)
                for level in self.runs_by_level
            ),
        )

    def pick(self, runs: Mapping[RunConfig, Run]) -> list[list[Run]]:
        """Return the runs of each level, without epochs beyond the target."""
        return [
            [runs[config].within(target) for config in row]
            for row, target in zip(self.runs_by_level, self.targets, strict=True)
        ]

    def result_so_far(
        self, record: StudyRecord, runs: Mapping[RunConfig, Run]
    ) -> Result | None:
        """Return the result of an interrupted study.

        Args:
            record: The study's record.
            runs: The runs so far, some perhaps with fewer epochs than the target.

        Returns:
            The result of the runs that are finished. If no run is finished, the result of
            all runs after the most epochs that all of them have. None if no run has an
            epoch, or if no run but those of a tuning has.
        """
        rows = [
            [runs[config] for config in row if config in runs] for row in self.runs_by_level
        ]
        targets = self.targets
        finished = [
            [run for run in row if run.reaches(target)]
            for row, target in zip(rows, targets, strict=True)
        ]
        if any(finished):
            rows = finished
        else:
            least = min((run.epochs for row in rows for run in row), default=0)
            targets = [Target(least, self.patience, self.metric)] * len(rows)
        rows = [
            [run.within(target) for run in row]
            for row, target in zip(rows, targets, strict=True)
        ]
        epochs = [target.epochs for target in targets]
        if not any(rows):
            return None
        result = self.build_result(record, rows, epochs)
        return result if result.runs else None


def train_all(specs: Sequence[StudySpec[Any]], execution: Execution) -> list[Any]:
    """Train the runs of studies that the store does not have, all studies together.

    Args:
        specs: The specification of each study.
        execution: The options of training.

    Returns:
        The result that each specification builds from its runs.
    """
    specs = list(specs)
    targets = targets_of(specs)
    order = list(targets)
    opened = execution.open_executor(runs=len(order))
    settings = read_settings(backend.select())
    identify_run = cache(partial(identify, fused=execution.fused, settings=settings))
    records = [spec.record(identify_run, fused=execution.fused) for spec in specs]
    with opened as trains, execution.open_store() as store:
        if trains.free() > 1:  # the longest first, so that the last ones are short
            order.sort(
                key=lambda config: -work(identify_run(config)) * targets[config].epochs
            )

        def go_on(runs: Runs) -> list[RunRequest]:
            """Let the studies that choose their runs by the results ask for more."""
            asked = targets_of(specs)
            for place, spec in enumerate(specs):
                if spec.go_on is None:
                    continue
                record = records[place]
                extended, summary = spec.go_on(spec, record, runs)
                if extended is None:
                    specs[place] = replace(spec, go_on=None)  # it is complete
                else:
                    specs[place] = extended
                    more = extended.record(identify_run, fused=execution.fused)
                    kept = {
                        name: record.progress[name]
                        for name in (*spec.planned, "looks")
                        if name in record.progress
                    }
                    records[place] = replace(more, progress={**more.progress, **kept})
                    put_study(store, records[place])
                if execution.observer is not None and summary:
                    added = targets_of([specs[place]]).items() - asked.items()
                    looked = LookTaken(
                        study=record.name,
                        seeds=max(map(len, spec.runs_by_level)),
                        summary=summary,
                        requests=len(added),
                        epochs=sum(
                            max(0, target.epochs - asked[config].epochs)
                            if config in asked
                            else target.epochs
                            for config, target in added
                        ),
                    )
                    execution.observer(looked)
            now = targets_of(specs)
            return [
                RunRequest(config, target)
                for config, target in now.items()
                if target != asked.get(config)
            ]

        chooses = any(spec.go_on is not None for spec in specs)
        planner = ListPlanner(
            (RunRequest(config, targets[config]) for config in order),
            go_on if chooses else None,
        )
        records = [
            as_planned(store, record, spec.planned)
            for spec, record in zip(specs, records, strict=True)
        ]
        for record in records:
            put_study(store, record)
        if execution.observer is not None:
            names = tuple(record.name for record in records)
            most = sum(target.epochs for target in targets.values())
            execution.observer(StudyStarted(names, len(order), most))
        try:
            execute(
                planner,
                store=store,
                executor=trains,
                identify=identify_run,
                load=dataset_of,
                observer=execution.observer,
                fresh=execution.fresh,
            )
            store.check_presence()
        except StoreLostError as error:
            runs_so_far = {**error.unfinished, **planner.runs}
            error.results = [
                spec.result_so_far(record, runs_so_far)
                for spec, record in zip(specs, records, strict=True)
            ]
            raise
        # A temporary store is deleted, so read its models now.
        runs = {
            config: run.with_model_loaded() if store.temporary else run
            for config, run in planner.runs.items()
        }
        environments = [environments_of(store, record.name) for record in records]
        for record in records:
            put_study(store, record.shown())
    return [
        replace(
            spec.build_result(record, spec.pick(runs), spec.epochs),
            environments=tuple(trained_in),
        )
        for spec, record, trained_in in zip(specs, records, environments, strict=True)
    ]


def metric_to_dict(metric: Metric) -> dict[str, str]:
    """Return a metric as the progress of a study stores it; see `StudyRecord.metric`."""
    unit = {"unit": metric.target_unit} if metric.target_unit else {}
    return {"metric": metric.name, **unit}


def targets_of(specs: Sequence[StudySpec[Any]]) -> dict[RunConfig, Target]:
    """Return the target of every run that studies ask for so far, in order.

    If one study asks for more epochs, and another for more patience, the run has both.
    """
    targets: dict[RunConfig, Target] = {}
    for spec in specs:
        for config, target in spec.requests():
            targets[config] = target.joined(targets.get(config))
    return targets


def deduplicate_names(
    specs: Sequence[StudySpec[Result]], *, fused: bool
) -> list[StudySpec[Result]]:
    """Return the specifications with distinct names, such as `width-3f9a01-2`.

    Without this number, two specifications of one name would be one study. Two ablations
    have the same default name if they vary one field of one base, even with different
    values, epochs or seeds.
    """
    names = [spec.name or spec.default_name(fused=fused) for spec in specs]
    distinct = []
    for place, (spec, name) in enumerate(zip(specs, names, strict=True)):
        count = names[: place + 1].count(name)
        distinct.append(spec if count == 1 else replace(spec, name=f"{name}-{count}"))
    return distinct


def identify_backend(*, fused: bool) -> dict[str, Any]:
    """Return the part of a study's identity that names the backend and its settings.

    Raises:
        ConfigError: if this process has a setting that is not allowed for runs.
        BackendError: if there is no backend.
    """
    name = backend.select()
    settings = read_settings(name)
    return {"backend": name, "fused": fused} | ({"settings": settings} if settings else {})


_DIGESTED = {"param": "axis"}
"""Older names of keys, from which the digest is made. They keep the names of studies."""


def default_name(prefix: str, identity: dict[str, Any]) -> str:
    """Return a name that is derived from the identity of a study: `width-3f9a01`.

    Args:
        prefix: The beginning of the name.
        identity: The identity, whose digest ends the name.

    Example:
    >>> default_name("width", {"param": "width", "backend": "jax"})
    'width-38ac96'
    """
    digested = {_DIGESTED.get(key, key): value for key, value in identity.items()}
    digest = hashlib.sha256(json.dumps(digested, sort_keys=True).encode()).hexdigest()
    return f"{prefix.replace('_', '-')}-{digest[:6]}"


def work(identity: RunIdentity) -> float:
    """Return a rough time of an epoch of a run, in seconds, to order runs by length.

    Formula: 20 µs for each step, and 50 ps for each image and parameter, as measured on a
    CPU.
    """
    config = identity.config
    images = training_size(config)
    steps = math.ceil(images / config.batch_size)
    return steps * 20e-6 + images * identity.parameters * 50e-12
