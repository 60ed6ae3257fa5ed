"""Train the runs of studies, as far as the store lacks them."""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, Generic, TypeVar

from kmlp import backend
from kmlp.engine import RunRequest, StudyStarted, execute
from kmlp.errors import StoreLostError
from kmlp.model.config import RunConfig, dataset_of
from kmlp.settings import read_settings
from kmlp.store import StudyRecord
from kmlp.store.environments import environments_of
from kmlp.store.studies import put_study
from kmlp.studies.execution import Execution
from kmlp.training.run import Run, RunIdentity, identify

Result = TypeVar("Result")


class ListPlanner:
    """A planner whose requests are known from the start."""

    def __init__(self, requests: Iterable[RunRequest]) -> None:
        self._left = deque(requests)
        self.runs: dict[RunConfig, Run] = {}

    @property
    def done(self) -> bool:
        return not self._left

    def ask(self) -> RunRequest | None:
        return self._left.popleft() if self._left else None

    def tell(self, request: RunRequest, run: Run) -> None:
        self.runs[request.config] = run


@dataclass(frozen=True, kw_only=True, slots=True)
class StudySpec(Generic[Result]):
    """A study to train, all of whose runs were checked."""

    kind: str
    """See `StudyRecord`, as for `identity`, `extent` and `progress`."""
    prefix: str
    """The beginning of a default name."""
    identity: dict[str, Any]
    extent: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    runs_by_level: Sequence[Sequence[RunConfig]]
    """The configurations of the runs of each level."""
    epochs: Sequence[int]
    """The target epochs of each level."""
    name: str | None
    """The name of the study; None: made of its identity."""
    build_result: Callable[[str, list[list[Run]], Sequence[int]], Result]
    """Builds the result from the study's name, the runs by level and the epochs of each
    level; a level has fewer runs, or none, where it was not trained to its end."""

    def requests(self) -> Iterator[tuple[RunConfig, int]]:
        """Its configurations and their epochs: the first of each row, then the second,
        ..., so that what there is after an interruption can be compared.
        """
        for column in zip_longest(*self.runs_by_level):
            for config, epochs in zip(column, self.epochs, strict=True):
                if config is not None:
                    yield config, epochs

    def default_name(self, *, fused: bool) -> str:
        """What the study is called if it has no name."""
        return default_name(self.prefix, self._identity(fused=fused))

    def _identity(self, *, fused: bool) -> dict[str, Any]:
        return {**identify_backend(fused=fused), **self.identity}

    def record(
        self, identities: Mapping[RunConfig, RunIdentity], *, fused: bool
    ) -> StudyRecord:
        """The study as the store keeps it."""
        return StudyRecord(
            name=self.default_name(fused=fused) if self.name is None else self.name,
            kind=self.kind,
            identity=self._identity(fused=fused),
            extent=self.extent,
            progress=self.progress,
            epochs=max(self.epochs),
            runs_by_level=tuple(
                tuple(identities[config].key for config in level)
                for level in self.runs_by_level
            ),
        )

    def pick(self, runs: Mapping[RunConfig, Run]) -> list[list[Run]]:
        """Its runs, in their rows, with no more epochs than it asks for."""
        return [
            [runs[config].truncated(epochs) for config in row]
            for row, epochs in zip(self.runs_by_level, self.epochs, strict=True)
        ]

    def result_so_far(self, name: str, runs: Mapping[RunConfig, Run]) -> Result | None:
        """What came of it where it could not be trained to its end.

        Args:
            name: The study's.
            runs: Those that there are, which may have fewer epochs than it asks for.

        Returns:
            What the runs came to that are finished. If none is, what all came to after
            the most epochs that all of them have; None if none has any.
        """
        rows = [
            [runs[config] for config in row if config in runs] for row in self.runs_by_level
        ]
        epochs = self.epochs
        finished = [
            [run for run in row if run.reaches(count)]
            for row, count in zip(rows, epochs, strict=True)
        ]
        if any(finished):
            rows = finished
        else:
            least = min((run.epochs for row in rows for run in row), default=0)
            epochs = [least] * len(rows)
        rows = [
            [run.truncated(count) for run in row]
            for row, count in zip(rows, epochs, strict=True)
        ]
        return self.build_result(name, rows, epochs) if any(rows) else None


def train_all(specs: Sequence[StudySpec[Any]], execution: Execution) -> list[Any]:
    """Trains the runs of studies, as far as the store lacks them, all of them together.

    Args:
        specs: One a study.
        execution: Where and how they are trained.

    Returns:
        The result that each specification builds from its runs.
    """
    epochs: dict[RunConfig, int] = {}
    for spec in specs:
        for config, count in spec.requests():
            epochs[config] = max(count, epochs.get(config, 0))
    order = list(epochs)
    opened = execution.open_executor(runs=len(order))
    settings = read_settings(backend.select())
    identities = {
        config: identify(config, fused=execution.fused, settings=settings)
        for config in order
    }
    records = [spec.record(identities, fused=execution.fused) for spec in specs]
    with opened as trains, execution.open_store() as store:
        if trains.free() > 1:  # the longest first, so that the last ones are short
            order.sort(key=lambda config: -work(identities[config]) * epochs[config])
        planner = ListPlanner(RunRequest(config, epochs[config]) for config in order)
        for record in records:
            put_study(store, record)
        if execution.observer is not None:
            names = tuple(record.name for record in records)
            execution.observer(StudyStarted(names, len(order), sum(epochs.values())))
        try:
            execute(
                planner,
                store=store,
                executor=trains,
                identify=identities.__getitem__,
                load=dataset_of,
                observer=execution.observer,
                fresh=execution.fresh,
            )
            store.check_presence()
        except StoreLostError as error:
            found = {**error.unfinished, **planner.runs}
            error.results = [
                spec.result_so_far(record.name, found)
                for spec, record in zip(specs, records, strict=True)
            ]
            raise
        # What can be read now goes with a store that keeps nothing.
        runs = {
            config: run.with_model_loaded() if store.temporary else run
            for config, run in planner.runs.items()
        }
        environments = [environments_of(store, record.name) for record in records]
    return [
        replace(
            spec.build_result(record.name, spec.pick(runs), spec.epochs),
            environments=tuple(noted),
        )
        for spec, record, noted in zip(specs, records, environments, strict=True)
    ]


def deduplicate_names(
    specs: Sequence[StudySpec[Result]], *, fused: bool
) -> list[StudySpec[Result]]:
    """The same, those that would be one study being named apart: `width-3f9a01-2`.

    Ablations are, if they vary one field of one base, whatever their values, their epochs
    and their seeds.
    """
    names = [it.name or it.default_name(fused=fused) for it in specs]
    apart = []
    for place, (spec, name) in enumerate(zip(specs, names, strict=True)):
        count = names[: place + 1].count(name)
        apart.append(spec if count == 1 else replace(spec, name=f"{name}-{count}"))
    return apart


def identify_backend(*, fused: bool) -> dict[str, Any]:
    """What a study says of how its runs are computed; studies that do not say the same
    are different ones.

    Raises:
        ConfigError: if a setting of this process is none for runs.
        BackendError: if there is no backend.
    """
    name = backend.select()
    settings = read_settings(name)
    return {"backend": name, "fused": fused} | ({"settings": settings} if settings else {})


_DIGESTED = {"param": "axis"}
"""The words that names were first made with: a renamed key does not rename studies."""


def default_name(prefix: str, identity: dict[str, Any]) -> str:
    """The name of a study that is given none, made of its identity: `width-3f9a01`.

    >>> default_name("width", {"param": "width", "backend": "jax"})
    'width-38ac96'
    """
    digested = {_DIGESTED.get(key, key): value for key, value in identity.items()}
    digest = hashlib.sha256(json.dumps(digested, sort_keys=True).encode()).hexdigest()
    return f"{prefix.replace('_', '-')}-{digest[:6]}"


def work(identity: RunIdentity) -> float:
    """About how many seconds an epoch of a run takes, to compare it with others.

    A step's own 20 µs, and 50 ps for each image and parameter, as measured on a CPU.
    """
    config = identity.config
    images = config.train_size or len(dataset_of(config).train)
    steps = math.ceil(images / config.batch_size)
    return steps * 20e-6 + images * identity.parameters * 50e-12
