"""Fused steps on PyTorch: Keras' step traced into a graph, in a loop of TorchScript.

The graph has only `aten` operations, and none of the Python code of Keras and autograd.
TorchScript runs it without returning to Python between steps. No compiler is needed,
and tracing takes a fraction of a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from kmlp.fused._graph import loop_over, simplify, values_described_once
from kmlp.fused._torch_tracing import holding, traceable
from kmlp.fused.chunks import StepBlock
from kmlp.fused.loop import Program, StepLoop, step_loss

CHUNK_IDS_PER_BATCH = 1
SEES_WHAT_IS_SET = True
chunk_ids = np.arange


def to_device(array: Any) -> Any:
    """Implement `kmlp.fused.loop.Steps`."""
    return keras.ops.convert_to_tensor(array)


def compile_program(model: Any, block: StepBlock, *, training: bool) -> Program:
    """Implement `kmlp.fused.loop.Steps`."""
    rows = torch.from_numpy(block.order[0]).long()
    batch = [array[rows] for array in keras.tree.flatten(block.data)]
    variables = _variables(model)
    step = model.train_step if training else model.test_step
    metrics = set(model.get_metrics_result())

    def flat_step(*arrays: Any) -> Any:
        data = keras.tree.pack_sequence_as(block.data, list(arrays[len(variables) :]))
        with (
            holding(variables, arrays[: len(variables)]),
            traceable(variables) as draws,
            step_loss(model) as losses,
        ):
            logs = step(data)
        if set(_names(logs)) != metrics:
            raise ValueError("the step returns a value that is not a metric's result")
        loss = losses[-1].detach().mean() if losses else torch.tensor(math.nan)
        generators.extend(generator for generator, _ in draws)
        return [loss.to(torch.float32), *(seed for _, seed in draws)]

    generators: list[torch.Generator] = []
    device = batch[0].device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        with _mode(model, training), values_described_once():
            graph = make_fx(flat_step)(*_copies(variables), *batch)
        with torch.no_grad():
            values = [value.detach() for value in _copies(variables)]
            with values_described_once():
                graph = simplify(graph, len(variables), [*values, *batch], generators)
            loop = loop_over(graph, len(variables), generators)
            # TorchScript profiles its first run, which is slow, and optimizes at the
            # second one.
            order = rows[None].repeat(2, 1).to(device)
            losses = torch.zeros(2, device=device)
            for _ in range(2):
                loop(2, order, losses, values, keras.tree.flatten(block.data))

    def run(state: Any, block: StepBlock) -> Any:
        data = keras.tree.flatten(block.data)
        order = torch.from_numpy(block.order).long().to(data[0].device)
        losses = torch.zeros(len(order), device=data[0].device)
        values = [variable.value.detach() for variable in variables]
        with torch.no_grad():
            loop(block.steps, order, losses, values, data)
            return state, model.get_metrics_result(), losses

    return run


def _names(logs: Any) -> Iterator[str]:
    """Yield the names in a step's logs, nested ones included, as Keras flattens them."""
    for name, value in logs.items():
        if isinstance(value, dict):
            yield from _names(value)
        else:
            yield name


def build(model: Any, batch: Any) -> None:
    """Implement `kmlp.fused.loop.Steps`."""

    def first_batch() -> Iterator[Any]:
        # If the model is not built, Keras' `fit` starts an iterator over its data loader,
        # which draws a random number. Without that draw, layers without a seed would draw
        # other numbers than in `fit`.
        iter(torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(1))))
        yield 0, 0, [batch]

    model._symbolic_build(iterator=first_batch())


def as_train_function(loop: StepLoop) -> Callable[..., Any]:
    """Implement `kmlp.fused.loop.Steps`."""
    return lambda data: loop.run_chunk()[1]


def clear_caches() -> None:
    """Implement `kmlp.fused.loop.Steps`."""


def _variables(model: Any) -> list[Any]:
    """Return all variables that a step may change."""
    return [
        *model.trainable_variables,
        *model.non_trainable_variables,
        *model.optimizer.variables,
        *model.metrics_variables,
    ]


def _copies(variables: Iterable[Any]) -> list[Any]:
    """Return copies of the variables' values, with the same `requires_grad`."""
    values = [variable.value for variable in variables]
    return [value.detach().clone().requires_grad_(value.requires_grad) for value in values]


@contextmanager
def _mode(model: Any, training: bool) -> Iterator[None]:
    """Put the PyTorch modules in a model into training or test mode, and restore them."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    model.train(training)
    try:
        with torch.set_grad_enabled(training):
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, value in buffers:
            buffer.copy_(value)
