"""Many steps in one compiled program, in the place of one step of Keras."""

from __future__ import annotations

import gc
import importlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from kmlp.errors import ConfigError
from kmlp.fused.arguments import Examples
from kmlp.fused.chunks import ChunkedDataset, StepBlock
from kmlp.fused.constants import Constants
from kmlp.fused.refusal import refusing

Program = Callable[[Any, StepBlock], tuple[Any, dict[str, Any], Any]]
"""Does a block's steps: takes the model's state and the block; returns the new
state, the metrics and the loss of every step. Only JAX hands the state round:
on the others it is None, and the program changes the model's variables."""

IN_USE = (
    "A callback trains or evaluates the model while `kmlp.fit` does. Train with "
    "`model.fit`."
)
MAX_PROGRAMS = 8
"""How many programs a loop keeps, each for a block of another shape."""


class Steps(Protocol):
    """What each backend's module has."""

    CHUNK_IDS_PER_BATCH: int | None
    """The batch size with which Keras takes one number after the other."""

    SEES_WHAT_IS_SET: bool
    """Whether Keras' own step sees what a callback sets of a layer, a loss and so on.
    The others keep what there was when `fit` began."""

    def chunk_ids(self, count: int) -> Any:
        """What Keras iterates over: numbers stand for chunks."""
        ...

    def to_device(self, array: Any) -> Any:
        """Puts an array where the model computes."""
        ...

    def build(self, model: Any, batch: Any) -> None:
        """Makes the variables of a model and of its optimizer, as Keras' `fit` does."""
        ...

    def compile_program(self, model: Any, block: StepBlock, *, training: bool) -> Program:
        """Makes the program for blocks of that shape, and trains nothing."""
        ...

    def clear_caches(self) -> None:
        """Frees what the backend keeps of programs that are gone."""
        ...

    def as_train_function(self, loop: StepLoop) -> Callable[..., Any]:
        """What Keras' `fit` calls as the model's train or test function."""
        ...


def steps() -> Steps:
    """The module of the backend that Keras runs on."""
    module: Any = importlib.import_module(f"kmlp.fused.{keras.config.backend()}_steps")
    found: Steps = module
    return found


class StepLoop:
    """Runs a model's training or test steps, chunk by chunk.

    Args:
        model: A compiled, built Keras model.
        training: Whether the steps train. Otherwise they test.
    """

    def __init__(self, model: Any, *, training: bool) -> None:
        self._model = model
        self._training = training
        self._programs: dict[Any, Program] = {}
        self._constants: Constants | None = None  # of the programs
        self._chunked: ChunkedDataset | None = None
        self._batch: Examples | None = None
        self._chunks: Iterator[list[StepBlock]] = iter(())
        self._left = 0
        self._losses: list[tuple[Any, int]] = []
        self._steps_given = self._chunks_done = 0
        self.steps = 0
        """Steps of the epoch that were done."""

    def load(self, chunked: ChunkedDataset, batch: Examples) -> None:
        """Takes a dataset, and compiles what its blocks need.

        Args:
            chunked: The dataset.
            batch: Examples of one step, for messages.

        Raises:
            ConfigError: if the model's step cannot be compiled.
        """
        self._chunked = chunked
        self._batch = batch
        self._prepare()

    def _prepare(self) -> None:
        """Compiles what the dataset's blocks need, anew where something was set."""
        assert self._chunked is not None
        constants = Constants(self._model)
        if self._constants != constants:
            self._programs.clear()
        with _only_new_objects_collected():
            compiled = [self._compile(block) for block in self._chunked.samples()]
        if any(compiled):
            constants = Constants(self._model)  # a step may set something itself
        self._constants = constants

    def _compile(self, block: StepBlock) -> bool:
        """Makes the program of a block, unless it is there; returns whether it was made."""
        shape = _shape(block)
        if shape in self._programs:
            self._programs[shape] = self._programs.pop(shape)  # used last
            return False
        while len(self._programs) >= MAX_PROGRAMS:
            del self._programs[next(iter(self._programs))]
        assert self._batch is not None
        with refusing(self._model, self._batch), _nothing_drawn_by_python():
            program = steps().compile_program(self._model, block, training=self._training)
        self._programs[shape] = program
        gc.collect()  # tracing leaves cycles, which hold the sample
        return True

    @property
    def in_use(self) -> bool:
        """Whether it has a dataset."""
        return self._chunked is not None

    @property
    def size(self) -> int:
        """Examples in the dataset."""
        assert self._chunked is not None
        return self._chunked.size

    @property
    def finished(self) -> bool:
        """Whether the pass over the data is at its end, or none was begun."""
        return self._left == 0

    @property
    def is_short(self) -> bool:
        """Whether the data ended before the epoch, without Keras having seen it.

        Keras counts chunks, and warns where they were too few.
        """
        assert self._chunked is not None
        return (
            self._chunks_done == self._chunked.chunks_in_epoch
            and self._steps_given < self._chunked.steps
        )

    def begin_pass(self, order: NDArray[np.int64] | None = None) -> None:
        """Starts at the beginning of the data, with its examples in that order."""
        assert self._chunked is not None
        self._chunks = self._chunked.one_pass(order)
        self._left = self._chunked.chunks

    def begin_epoch(self) -> None:
        """Starts an epoch, where the last one has ended."""
        self._losses = []
        self.steps = self._steps_given = self._chunks_done = 0

    def run_chunk(self, state: Any = None) -> tuple[Any, dict[str, Any]]:
        """Does the steps of the next chunk; returns the state and the metrics."""
        logs: dict[str, Any] = {}
        blocks = next(self._chunks, None)
        if blocks is None:  # Keras calls it for data that are not ours
            raise ConfigError([IN_USE])
        if steps().SEES_WHAT_IS_SET and self._constants != Constants(self._model):
            self._prepare()
        self._left -= 1
        self._chunks_done += 1
        self._steps_given += sum(block.steps for block in blocks)
        if self._stopped():
            blocks = [replace(blocks[0], steps=1)]
        while blocks:
            block = blocks.pop(0)
            state, logs, losses = self._programs[_shape(block)](state, block)
            self._losses.append((losses, block.steps))
            self.steps += block.steps
            del block
        assert self._chunked is not None
        if not self._chunked.whole:
            # Flattening data for PyTorch leaves cycles, which hold the chunk.
            gc.collect(1)
        return state, logs

    def _stopped(self) -> bool:
        """Whether a callback has ended training already: Keras does one step still."""
        flag = "stop_training" if self._training else "stop_evaluating"
        return bool(getattr(self._model, flag, False))

    def end_epoch(self) -> NDArray[np.float32]:
        """Ends an epoch; returns the loss of each of its steps, of shape `(steps,)`."""
        losses, self._losses = self._losses, []
        to_numpy = keras.ops.convert_to_numpy
        return np.concatenate([to_numpy(block)[:count] for block, count in losses])

    def unload(self) -> None:
        """Lets go of the dataset; keeps the programs."""
        self._chunked = self._batch = None
        self._chunks = iter(())
        self._left = 0


def _shape(block: StepBlock) -> Any:
    arrays = [block.order, *keras.tree.flatten(block.data)]
    names = str(keras.tree.map_structure(lambda array: 0, block.data))
    return (
        names,
        block.uneven,
        *((tuple(array.shape), str(array.dtype)) for array in arrays),
    )


@contextmanager
def _only_new_objects_collected() -> Iterator[None]:
    """Has collections leave out the objects that were there before.

    They are half a million where TensorFlow is loaded: looking through them takes
    as long as tracing does.
    """
    frozen = gc.get_freeze_count()  # by someone else, who wants them to stay so
    if not frozen:
        gc.collect(1)  # what was just made may be garbage already
        gc.freeze()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()


def overrides(model: Any, *methods: str) -> bool:
    """Whether the model's class has replaced one of these methods of `keras.Model`."""
    return any(
        getattr(type(model), name) is not getattr(keras.Model, name) for name in methods
    )


def returns_own_logs(model: Any) -> bool:
    """Whether a step may return something else than the metrics' results."""
    return overrides(model, "train_step", "test_step", "compute_metrics")


@contextmanager
def _nothing_drawn_by_python() -> Iterator[None]:
    """Refuses what draws while it is traced: each step would have the same numbers."""
    drawn = random.getstate(), np.random.get_state(legacy=False)
    yield
    if str(drawn) != str((random.getstate(), np.random.get_state(legacy=False))):
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])
        raise ValueError("the step draws from Python's or NumPy's random numbers")


@contextmanager
def step_loss(model: Any) -> Iterator[list[Any]]:
    """Collects the losses that a model's step gives to its running mean.

    Keras' `train_step` and `test_step` return only the mean over the epoch.
    """
    losses: list[Any] = []
    # Keras' own comes first; a step of the model's own may have none.
    tracker = next((metric for metric in model.metrics if metric.name == "loss"), None)
    if tracker is None:
        yield losses
        return

    def update_state(values: Any, sample_weight: Any = None) -> Any:
        losses.append(values)
        return type(tracker).update_state(tracker, values, sample_weight)

    tracker.update_state = update_state
    try:
        yield losses
    finally:
        del tracker.update_state
