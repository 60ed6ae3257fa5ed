"""What makes Keras' step on PyTorch one that can be traced: its Python taken out."""

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

from kmlp.fused.graph import written_by


@contextmanager
def holding(variables: Iterable[Any], values: Iterable[Any]) -> Iterator[None]:
    """Has variables hold other tensors, which a step reads and writes in place."""
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
    """Takes out of Keras what a graph cannot have.

    Args:
        variables: All that the step changes.

    Yields:
        The generators that the step draws from, each with the tensor that seeds it.
    """
    draws: list[tuple[torch.Generator, Any]] = []
    generator = partial(_generator, random.torch_seed_generator, draws)
    reset = "_backend_reset_gradient_accumulators"
    increment = "_backend_increment_gradient_accumulators"
    in_their_places = [
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
    own = [vars(place).get(name) for place, name, _ in in_their_places]
    for place, name, function in in_their_places:
        setattr(place, name, function)
    try:
        yield draws
    finally:
        for (place, name, _), function in zip(in_their_places, own, strict=True):
            if function is None:  # it was inherited
                delattr(place, name)
            else:
                setattr(place, name, function)


def _backward(
    loss: Any,
    variables: list[Any],
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """`Tensor.backward`, by formulas that could be differentiated again.

    For a few functions PyTorch has another one where that is not asked for, which
    rounds otherwise. Runs keep their numbers by it.
    """
    if inputs is None:
        values = [variable._value for variable in variables]
        inputs = [value for value in values if value.requires_grad]
    gradients = torch.autograd.grad(
        loss, inputs, gradient, create_graph=True, allow_unused=True
    )
    for value, found in zip(inputs, gradients, strict=True):
        if found is not None:
            found = found.detach()
            value.grad = found if value.grad is None else value.grad + found


def _no_values(tensor: Any, *arguments: Any, **options: Any) -> Any:
    """What reads values; other ways of it end in errors of PyTorch's own."""
    raise ValueError("the step reads a value, which is known only when it is done")


def _update_each(optimizer: Any, *arguments: Any) -> None:
    """Updates each variable by the formula that all backends share.

    Keras' own optimizers on PyTorch have the same one for a list of variables. What
    a user made of them has formulas of its own, which are used.
    """
    if type(optimizer).__module__.startswith("keras."):
        super(TorchParallelOptimizer, optimizer)._backend_update_step(*arguments)
    else:
        optimizer._parallel_update_step(*arguments)


def _generator(
    own: Callable[[Any], Any], draws: list[tuple[torch.Generator, Any]], seed: Any
) -> Any:
    """A generator whose seed is known only when the step is done: see `loop_over`."""
    if core.get_device() == "meta":
        return own(seed)
    first, second = random.draw_seed(seed)
    generator = torch.Generator(core.get_device())
    draws.append((generator, first + second))
    return generator


def _scatter(indices: Any, values: Any, shape: Any) -> Any:
    """`keras.ops.scatter`, which takes index by index on PyTorch, of all at once."""
    indices, values = map(core.convert_to_tensor, (indices, values))
    length = indices.shape[-1]
    values = values.reshape([-1, *shape[length:]])
    zeros = torch.zeros(tuple(shape), dtype=values.dtype, device=core.get_device())
    places = tuple(indices.reshape([-1, length]).long().unbind(-1))
    return zeros.index_put(places, values, accumulate=True)


def _cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`keras.ops.cond` that does both branches and chooses among what they come to.

    A graph cannot branch. What a branch writes into tensors is undone, and chosen,
    too. Gradients do not go through the choice: those of the branch that is not
    taken may be nan.
    """
    pred = core.convert_to_tensor(pred) if isinstance(pred, keras.Variable) else pred
    if not isinstance(pred, torch.Tensor):
        return true_fn() if pred else false_fn()
    (ours, after_ours), (theirs, after_theirs) = map(_outcome, (true_fn, false_fn))
    with torch.no_grad():
        written = {**after_ours, **after_theirs}
        if len({storage for storage, *_ in written}) < len(written):
            raise ValueError("the branches on a value write into one tensor's parts")
        for place, (tensor, _) in written.items():
            _, one = after_ours.get(place, (tensor, tensor))
            _, other = after_theirs.get(place, (tensor, tensor))
            tensor.copy_(torch.where(pred, one, other))
    return keras.tree.map_structure(partial(_choice, pred), ours, theirs)


def _outcome(branch: Callable[[], Any]) -> tuple[Any, dict[Any, tuple[Any, Any]]]:
    """What a branch returns, and what it leaves in the tensors that it writes into."""
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
    """Remembers the values of tensors, from elsewhere, before they are written into."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[Any, tuple[Any, Any]] = {}
        """By place in memory, a tensor and its value."""
        self._made: dict[int, Any] = {}  # kept, so that no other gets the same storage

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        for tensor in written_by(func, args, kwargs):
            place = _place(tensor)
            if place[0] not in self._made and place not in self.before:
                self.before[place] = (tensor, tensor.clone())
        result = func(*args, **kwargs)
        given = {_place(t)[0] for t in pytree.tree_leaves((args, kwargs)) if _is_tensor(t)}
        for tensor in pytree.tree_leaves(result):
            if _is_tensor(tensor) and _place(tensor)[0] not in given:
                self._made[_place(tensor)[0]] = tensor
        return result


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _place(tensor: Any) -> Any:
    """Of a tensor in memory: its storage first."""
    storage = tensor.untyped_storage()._cdata
    return storage, tensor.storage_offset(), tensor.shape, tensor.stride()


def _choice(pred: Any, one: Any, other: Any) -> Any:
    if one is None and other is None:
        return None
    if one.shape != other.shape or one.dtype != other.dtype:
        raise ValueError("the branches on a value come to different shapes or types")
    chosen = torch.where(pred, one, other)
    return _WithoutGradient.apply(chosen) if chosen.requires_grad else chosen


class _WithoutGradient(torch.autograd.Function):
    """The same values, of which no gradient can be taken."""

    @staticmethod
    def forward(ctx: Any, values: Any) -> Any:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise ValueError("a gradient goes through a branch on a value")
