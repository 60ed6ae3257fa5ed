"""Run many steps in one compiled program where Keras calls one step."""

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

from kmlp._util.garbage import collected_once
from kmlp.errors import ConfigError
from kmlp.fused._arguments import Examples
from kmlp.fused._constants import Constants
from kmlp.fused._refusal import refusing
from kmlp.fused.chunks import ChunkedDataset, StepBlock

Program = Callable[[Any, StepBlock], tuple[Any, dict[str, Any], Any]]
"""A compiled program that runs the steps of a block.

Its arguments are the model's state and the block. It returns the new state, the
metrics and the loss of every step. Only JAX passes the state: on the other backends
it is None, and the program changes the model's variables.
"""

IN_USE = (
    "A callback trains or evaluates the model while `kmlp.fit` does. Train with "
    "`model.fit`."
)
MAX_PROGRAMS = 8
"""The number of programs that a loop keeps, each for blocks of one shape."""


class Steps(Protocol):
    """The interface of each backend's module of steps."""

    CHUNK_IDS_PER_BATCH: int | None
    """The `batch_size` that makes Keras' `fit` take one chunk id at a time."""

    SEES_WHAT_IS_SET: bool
    """True if Keras' own step sees attributes that a callback sets, of a layer or a
    loss, for example. False if the step keeps the values from when `fit` began."""

    def chunk_ids(self, count: int) -> Any:
        """Return the data that Keras iterates over: one number for each chunk."""
        ...

    def to_device(self, array: Any) -> Any:
        """Copy an array to the device on which the model computes."""
        ...

    def build(self, model: Any, batch: Any) -> None:
        """Create the variables of a model and its optimizer, as Keras' `fit` does."""
        ...

    def compile_program(self, model: Any, block: StepBlock, *, training: bool) -> Program:
        """Compile the program for blocks of this shape, without training."""
        ...

    def clear_caches(self) -> None:
        """Free the memory that the backend holds for deleted programs."""
        ...

    def as_train_function(self, loop: StepLoop) -> Callable[..., Any]:
        """Return the function that Keras calls as the model's train or test function."""
        ...


def steps() -> Steps:
    """Return the module of steps of the backend that Keras runs on."""
    module: Any = importlib.import_module(f"kmlp.fused._{keras.config.backend()}_steps")
    implementation: Steps = module
    return implementation


class StepLoop:
    """A loop that runs a model's training or test steps, chunk by chunk.

    Args:
        model: A compiled, built Keras model.
        training: True if the steps train, False if they test.
    """

    def __init__(self, model: Any, *, training: bool) -> None:
        self._model = model
        self._training = training
        self._programs: dict[Any, Program] = {}
        self._constants: Constants | None = None  # those that the programs hold
        self._chunked: ChunkedDataset | None = None
        self._batch: Examples | None = None
        self._chunks: Iterator[list[StepBlock]] = iter(())
        self._left = 0
        self._losses: list[tuple[Any, int]] = []
        self._steps_given = self._chunks_done = 0
        self.steps = 0
        """The number of steps of the epoch that were run."""

    def load(self, chunked: ChunkedDataset, batch: Examples) -> None:
        """Set the dataset, and compile the programs for its blocks.

        Args:
            chunked: The dataset.
            batch: The first mini-batch, for messages.

        Raises:
            ConfigError: if the model's step cannot be compiled.
        """
        self._chunked = chunked
        self._batch = batch
        self._prepare()

    def _prepare(self) -> None:
        """Compile the missing programs, and all of them if an attribute was set."""
        assert self._chunked is not None
        constants = Constants(self._model)
        if self._constants != constants:
            self._programs.clear()
        compiled = [self._compile(block) for block in self._chunked.samples()]
        if any(compiled):
            constants = Constants(self._model)  # tracing a step may set attributes
        self._constants = constants

    def _compile(self, block: StepBlock) -> bool:
        """Compile the program of a block unless it exists; return True if it was new."""
        shape = _shape(block)
        if shape in self._programs:
            self._programs[shape] = self._programs.pop(shape)  # now the last used
            return False
        while len(self._programs) >= MAX_PROGRAMS:
            del self._programs[next(iter(self._programs))]
        assert self._batch is not None
        with (
            collected_once(),
            refusing(self._model, self._batch),
            _nothing_drawn_by_python(),
        ):
            program = steps().compile_program(self._model, block, training=self._training)
        self._programs[shape] = program
        return True

    @property
    def in_use(self) -> bool:
        """True if the loop has a dataset."""
        return self._chunked is not None

    @property
    def size(self) -> int:
        """The number of examples in the dataset."""
        assert self._chunked is not None
        return self._chunked.size

    @property
    def finished(self) -> bool:
        """True at the end of a pass over the data, and before the first pass."""
        return self._left == 0

    @property
    def is_short(self) -> bool:
        """True if the data ended before the epoch and Keras does not warn of that.

        Keras counts chunks: it warns only if there were too few chunks.
        """
        assert self._chunked is not None
        return (
            self._chunks_done == self._chunked.chunks_in_epoch
            and self._steps_given < self._chunked.steps
        )

    def begin_pass(self, order: NDArray[np.int64] | None = None) -> None:
        """Start a pass over the data, with the examples in this order."""
        assert self._chunked is not None
        self._chunks = self._chunked.one_pass(order)
        self._left = self._chunked.chunks

    def begin_epoch(self) -> None:
        """Start an epoch at the place in the data where the last epoch ended."""
        self._losses = []
        self.steps = self._steps_given = self._chunks_done = 0

    def run_chunk(self, state: Any = None) -> tuple[Any, dict[str, Any]]:
        """Run the steps of the next chunk; return the state and the metrics."""
        logs: dict[str, Any] = {}
        blocks = next(self._chunks, None)
        if blocks is None:  # a callback had Keras call this for its own data
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
            # Flattening data for PyTorch leaves cycles, which keep the chunk in memory.
            gc.collect(1)
        return state, logs

    def _stopped(self) -> bool:
        """Return True if a callback has ended training: Keras still runs one step."""
        flag = "stop_training" if self._training else "stop_evaluating"
        return bool(getattr(self._model, flag, False))

    def end_epoch(self) -> NDArray[np.float32]:
        """End an epoch; return the loss of each of its steps, of shape `(steps,)`."""
        losses, self._losses = self._losses, []
        to_numpy = keras.ops.convert_to_numpy
        return np.concatenate([to_numpy(block)[:count] for block, count in losses])

    def unload(self) -> None:
        """Drop the dataset, and keep the programs."""
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


def overrides(model: Any, *methods: str) -> bool:
    """Return True if the model's class overrides one of these methods of `keras.Model`."""
    return any(
        getattr(type(model), name) is not getattr(keras.Model, name) for name in methods
    )


def returns_own_logs(model: Any) -> bool:
    """Return True if a step may return anything but the results of metrics."""
    return overrides(model, "train_step", "test_step", "compute_metrics")


@contextmanager
def _nothing_drawn_by_python() -> Iterator[None]:
    """Refuse random numbers from Python or NumPy: a program would repeat the same ones.

    Raises:
        ValueError: if code within draws some.
    """
    drawn = random.getstate(), np.random.get_state(legacy=False)
    yield
    if str(drawn) != str((random.getstate(), np.random.get_state(legacy=False))):
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])
        raise ValueError("the step draws from Python's or NumPy's random numbers")


@contextmanager
def step_loss(model: Any) -> Iterator[list[Any]]:
    """Collect the losses that a model's step adds to its running mean.

    Keras' `train_step` and `test_step` return only the mean over the epoch.

    Args:
        model: A compiled model.

    Yields:
        A list to which each step adds its losses.
    """
    losses: list[Any] = []
    # Keras' own metric comes first. A model that overrides `train_step` may have none.
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
