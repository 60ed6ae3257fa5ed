"""Make Keras' step on PyTorch traceable: replace the parts that depend on Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial, partialmethod
from typing import Any

import keras
import torch
from keras.src.backend.torch import core, random
from keras.src.backend.torch.optimizers.torch_optimizer import TorchOptimizer
from keras.src.backend.torch.optimizers.torch_parallel_optimizer import (
    TorchParallelOptimizer,
)
from keras.src.optimizers.base_optimizer import BaseOptimizer
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from kmlp.fused._graph import written_by


@contextmanager
def holding(variables: Iterable[Any], values: Iterable[Any]) -> Iterator[None]:
    """Make variables hold other tensors, which a step reads and writes in place."""
    variables = list(variables)
    own = [variable._value for variable in variables]
    try:
        for variable, value in zip(variables, values, strict=True):
            variable._value = value
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable._value = value


@contextmanager
def traceable(variables: list[Any]) -> Iterator[list[tuple[torch.Generator, Any]]]:
    """Replace the functions of Keras and PyTorch that cannot be part of a graph.

    Args:
        variables: All variables that the step may change.

    Yields:
        The generators that the step draws from, each with the tensor that seeds it.
    """
    draws: list[tuple[torch.Generator, Any]] = []
    generator = partial(_generator, random.torch_seed_generator, draws)
    reset = "_backend_reset_gradient_accumulators"
    increment = "_backend_increment_gradient_accumulators"
    substitutes = [
        (core, "cond", _cond),
        (core, "scatter", _scatter),
        (random, "torch_seed_generator", generator),
        (TorchParallelOptimizer, "_backend_update_step", _update_each),
        (TorchParallelOptimizer, reset, getattr(BaseOptimizer, reset)),
        (TorchParallelOptimizer, increment, getattr(BaseOptimizer, increment)),
        (TorchOptimizer, "_apply_weight_decay", BaseOptimizer._apply_weight_decay),
        (torch.Tensor, "backward", partialmethod(_backward, variables)),
        *((torch.Tensor, name, _no_values) for name in ("numpy", "tolist")),
    ]
    originals = [vars(owner).get(name) for owner, name, _ in substitutes]
    for owner, name, function in substitutes:
        setattr(owner, name, function)
    try:
        yield draws
    finally:
        for (owner, name, _), original in zip(substitutes, originals, strict=True):
            if original is None:  # the attribute was inherited
                delattr(owner, name)
            else:
                setattr(owner, name, original)


def _backward(
    loss: Any,
    variables: list[Any],
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Replace `Tensor.backward`, with formulas that can be differentiated twice.

    For a few functions PyTorch has other formulas for a single derivative, which round
    differently. The numbers of existing runs depend on this choice.
    """
    if inputs is None:
        values = [variable._value for variable in variables]
        inputs = [value for value in values if value.requires_grad]
    gradients = torch.autograd.grad(
        loss, inputs, gradient, create_graph=True, allow_unused=True
    )
    for value, result in zip(inputs, gradients, strict=True):
        if result is not None:
            result = result.detach()
            value.grad = result if value.grad is None else value.grad + result


def _no_values(tensor: Any, *arguments: Any, **options: Any) -> Any:
    """Replace methods that read values. For other reads PyTorch raises its own errors."""
    raise ValueError("the step reads a value, which is known only when the step runs")


def _update_each(optimizer: Any, *arguments: Any) -> None:
    """Update each variable by the formula that all backends share.

    Keras' own optimizers on PyTorch apply the same formula to a list of variables. A
    user's subclass may have other formulas, which are used.
    """
    if type(optimizer).__module__.startswith("keras."):
        super(TorchParallelOptimizer, optimizer)._backend_update_step(*arguments)
    else:
        optimizer._parallel_update_step(*arguments)


def _generator(
    own: Callable[[Any], Any], draws: list[tuple[torch.Generator, Any]], seed: Any
) -> Any:
    """Return a generator whose seed is known only when the step runs: see `loop_over`."""
    if core.get_device() == "meta":
        return own(seed)
    first, second = random.draw_seed(seed)
    generator = torch.Generator(core.get_device())
    draws.append((generator, first + second))
    return generator


def _scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Replace `keras.ops.scatter`, which goes index by index on PyTorch, by one call."""
    indices, values = map(core.convert_to_tensor, (indices, values))
    length = indices.shape[-1]
    values = values.reshape([-1, *shape[length:]])
    zeros = torch.zeros(tuple(shape), dtype=values.dtype, device=core.get_device())
    positions = tuple(indices.reshape([-1, length]).long().unbind(-1))
    return zeros.index_put(positions, values, accumulate=True)


def _cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Replace `keras.ops.cond`: compute both branches, and select between the results.

    A graph cannot branch. The writes of both branches into tensors are undone, and then
    selected in the same way. Gradients through the selection are refused, because those
    of the branch that is not taken may be nan.
    """
    pred = core.convert_to_tensor(pred) if isinstance(pred, keras.Variable) else pred
    if not isinstance(pred, torch.Tensor):
        return true_fn() if pred else false_fn()
    (if_true, true_writes), (if_false, false_writes) = map(_outcome, (true_fn, false_fn))
    with torch.no_grad():
        written = {**true_writes, **false_writes}
        if len({storage for storage, *_ in written}) < len(written):
            raise ValueError("branches of a `cond` write into parts of one tensor")
        for place, (tensor, _) in written.items():
            _, true_value = true_writes.get(place, (tensor, tensor))
            _, false_value = false_writes.get(place, (tensor, tensor))
            tensor.copy_(torch.where(pred, true_value, false_value))
    return keras.tree.map_structure(partial(_choice, pred), if_true, if_false)


def _outcome(branch: Callable[[], Any]) -> tuple[Any, dict[Any, tuple[Any, Any]]]:
    """Return the results of a branch, and the changed tensors with their new values."""
    with _Writes() as writes:
        returned = keras.tree.map_structure(
            lambda value: None if value is None else core.convert_to_tensor(value).clone(),
            branch(),
        )
    with torch.no_grad():
        after = {
            place: (tensor, tensor.clone()) for place, (tensor, _) in writes.before.items()
        }
        for tensor, value in writes.before.values():
            tensor.copy_(value)
    return returned, after


class _Writes(TorchDispatchMode):
    """A record of the changed outer tensors, with their values before the first change."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[Any, tuple[Any, Any]] = {}
        """Each tensor and its earlier value, by place in memory."""
        # Tensors created within are kept, so that no other gets the same storage.
        self._created: dict[int, Any] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        for tensor in written_by(func, args, kwargs):
            place = _place(tensor)
            if place[0] not in self._created and place not in self.before:
                self.before[place] = (tensor, tensor.clone())
        result = func(*args, **kwargs)
        inputs = {_place(t)[0] for t in pytree.tree_leaves((args, kwargs)) if _is_tensor(t)}
        for tensor in pytree.tree_leaves(result):
            if _is_tensor(tensor) and _place(tensor)[0] not in inputs:
                self._created[_place(tensor)[0]] = tensor
        return result


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _place(tensor: Any) -> Any:
    """Return the place of a tensor in memory: storage, offset, shape and stride."""
    storage = tensor.untyped_storage()._cdata
    return storage, tensor.storage_offset(), tensor.shape, tensor.stride()


def _choice(pred: Any, if_true: Any, if_false: Any) -> Any:
    if if_true is None and if_false is None:
        return None
    if if_true.shape != if_false.shape or if_true.dtype != if_false.dtype:
        raise ValueError("branches of a `cond` have results of different shapes or types")
    selected = torch.where(pred, if_true, if_false)
    return _WithoutGradient.apply(selected) if selected.requires_grad else selected


class _WithoutGradient(torch.autograd.Function):
    """The identity, whose gradient is an error."""

    @staticmethod
    def forward(ctx: Any, values: Any) -> Any:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise ValueError("a gradient goes through a `cond` on a computed value")
