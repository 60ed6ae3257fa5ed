"""The fused steps on PyTorch: Keras' step traced into a graph, in TorchScript's loop.

A graph of `aten` operations has none of Keras' and autograd's Python left, and
TorchScript runs it without returning to Python between steps. No compiler is
needed, and tracing takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import torch
from keras.src.backend.torch import core
from keras.src.backend.torch.optimizers.torch_optimizer import TorchOptimizer
from keras.src.backend.torch.optimizers.torch_parallel_optimizer import (
    TorchParallelOptimizer,
)
from torch.fx.experimental.proxy_tensor import make_fx

from kmlp.fused.feed import Part
from kmlp.fused.graph import loop_over, simplify
from kmlp.fused.loop import Loop, Program

NUMBERS_AT_A_TIME = 1
numbers = np.arange


def to_device(array: Any) -> Any:
    """See `kmlp.fused.loop.Steps`."""
    return keras.ops.convert_to_tensor(array)


def compile_program(model: Any, part: Part, *, training: bool) -> Program:
    """See `kmlp.fused.loop.Steps`."""
    rows = torch.from_numpy(part.order[0]).long()
    batch = [array[rows] for array in keras.tree.flatten(part.data)]
    state = _tensors(model)
    step = _train_step if training else _test_step

    def flat_step(*arrays: Any) -> list[Any]:
        values = arrays[: len(state)]
        data = keras.tree.pack_sequence_as(part.data, list(arrays[len(state) :]))
        new, loss = step(model, values, data)
        return [*new, loss.to(torch.float32)]

    with _without_foreach(), torch.no_grad():
        graph = make_fx(torch.func.functionalize(flat_step))(*_copies(state), *batch)
        loop = loop_over(simplify(graph, len(state), batch[0].device), len(state))
        # TorchScript observes its first run, slowly, and is fast from the second one on.
        order = rows[None].repeat(2, 1).to(batch[0].device)
        losses = torch.zeros(2, device=batch[0].device)
        for _ in range(2):
            loop(2, order, losses, _copies(state), keras.tree.flatten(part.data))

    def run(state: Any, part: Part) -> Any:
        data = keras.tree.flatten(part.data)
        order = torch.from_numpy(part.order).long().to(data[0].device)
        losses = torch.zeros(len(order), device=data[0].device)
        with torch.no_grad():
            loop(part.steps, order, losses, _tensors(model), data)
            return state, model.get_metrics_result(), losses

    return run


def stand_in(loop: Loop) -> Callable[..., Any]:
    """See `kmlp.fused.loop.Steps`."""
    return lambda data: loop.run_chunk()[1]


def clear_caches() -> None:
    """See `kmlp.fused.loop.Steps`."""


def _tensors(model: Any) -> list[Any]:
    """The tensors of all that a step changes; a program writes into them."""
    return [variable.value.detach() for group in _groups(model) for variable in group]


def _copies(tensors: list[Any]) -> list[Any]:
    return [tensor.clone() for tensor in tensors]


def _groups(model: Any) -> list[list[Any]]:
    return [
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    ]


def _split(model: Any, values: Any) -> list[list[Any]]:
    parts, start = [], 0
    for group in _groups(model):
        parts.append(list(values[start : start + len(group)]))
        start += len(group)
    return parts


def _forward(
    model: Any, weights: Any, frozen: Any, metrics: Any, data: Any, *, training: bool
) -> Any:
    """The loss of a mini-batch; the new values of what it changes."""
    x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
    variables = [
        *model.trainable_variables,
        *model.non_trainable_variables,
        *model.metrics_variables,
    ]
    pairs = list(zip(variables, [*weights, *frozen, *metrics], strict=True))
    options = {"training": training} if model._call_has_training_arg else {}
    with keras.StatelessScope(pairs, collect_losses=True) as scope:
        y_pred = model(x, **options)
        with _both_branches():
            loss = model._compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=None, training=training
            )
        if any(
            scope.get_current_value(variable) is not value
            for variable, value in pairs[: len(weights)]
        ):
            raise ValueError("a layer assigns a trainable weight when it is called")
        model.metrics[0].update_state(loss, sample_weight=len(keras.tree.flatten(x)[0]))
        model.compute_metrics(x, y, y_pred, None)
        new = [scope.get_current_value(variable) for variable, _ in pairs[len(weights) :]]
    return loss, (new[: len(frozen)], new[len(frozen) :])


def _train_step(model: Any, values: Any, data: Any) -> Any:
    """Keras' training step of its JAX backend, without side effects."""
    weights, frozen, optimizer, metrics = _split(model, values)

    def scaled_loss(weights: Any) -> Any:
        loss, rest = _forward(model, weights, frozen, metrics, data, training=True)
        pairs = zip(model.optimizer.variables, optimizer, strict=True)
        with keras.StatelessScope(list(pairs)):
            return model.optimizer.scale_loss(loss), (loss, *rest)

    gradients, (_, (loss, frozen, metrics)) = torch.func.grad_and_value(
        scaled_loss, has_aux=True
    )(weights)
    weights, optimizer = model.optimizer.stateless_apply(optimizer, gradients, weights)
    return [*weights, *frozen, *optimizer, *metrics], loss


def _test_step(model: Any, values: Any, data: Any) -> Any:
    weights, frozen, optimizer, metrics = _split(model, values)
    loss, (frozen, metrics) = _forward(
        model, weights, frozen, metrics, data, training=False
    )
    return [*weights, *frozen, *optimizer, *metrics], loss


@contextmanager
def _without_foreach() -> Iterator[None]:
    """Has optimizers update each variable by the formulas that all backends share.

    Keras' own for PyTorch change all variables at once in place, which a
    function without side effects cannot.
    """
    own = [
        (TorchParallelOptimizer, "_backend_update_step"),
        (TorchOptimizer, "_apply_weight_decay"),
    ]
    functions = [vars(place)[name] for place, name in own]
    for place, name in own:
        delattr(place, name)
    try:
        yield
    finally:
        for (place, name), function in zip(own, functions, strict=True):
            setattr(place, name, function)


@contextmanager
def _both_branches() -> Iterator[None]:
    """Has `keras.ops.cond` compute both branches and choose among their values.

    A graph cannot branch. It is sound only for values that no gradient goes
    through (Keras' hinge losses look at the labels so): the gradient of the
    branch that is not taken may be nan.
    """

    def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
        if not isinstance(pred, torch.Tensor):
            return true_fn() if pred else false_fn()
        values = true_fn(), false_fn()
        if any(
            value is None or value.requires_grad
            for value in keras.tree.flatten(list(values))
        ):
            raise ValueError("the loss branches on a value")
        return keras.tree.map_structure(partial(torch.where, pred), *values)

    own, core.cond = core.cond, cond
    try:
        yield
    finally:
        core.cond = own
