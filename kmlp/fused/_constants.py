"""Read the values that a compiled step holds as constants: attributes of Python objects.

After such an attribute is set, Keras needs another call of `compile`. `kmlp.fit` does
not: it compares the values, and compiles the step again if one has changed.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kmlp.settings import differing_settings

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_BACKENDS = ("tensorflow", "jax", "jaxlib", "torch", "numpy", "ml_dtypes")
"""Packages whose objects do not change, or do not hold constants of a step."""
_NOT_READ = {
    "_inbound_nodes",  # grows with each symbolic call
    "_outbound_nodes",
    "_tracker",
    "_torch_params",
    "training",  # which `fit` sets on PyTorch
    "history",
    "stop_training",
    "stop_evaluating",
    "stop_predicting",
    "train_function",
    "test_function",
    "predict_function",
    "_kmlp_loops",
    "_jax_state",
    "_jax_state_synced",
    "_eval_epoch_iterator",
    "_epoch_iterator",
    "_initial_epoch",
    "_losses",
    "_loss_ids",
    "steps_per_execution",
    "_called",
    "built",
    "_built",
}
"""Attributes that training itself changes, and that no step reads."""


class Constants:
    """A snapshot of a model's Python attributes and of the backend's settings.

    Two snapshots are equal if no attribute and no setting was changed in between.

    Args:
        model: A compiled model.
    """

    def __init__(self, model: keras.Model) -> None:
        self._alive: list[Any] = []  # kept, so that no other object gets the same id
        settings = differing_settings(keras.config.backend())
        self._values = [*settings.items(), *self._walk(model)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constants) and self._values == other._values

    __hash__ = object.__hash__

    def _walk(self, model: keras.Model) -> Iterator[Any]:
        seen: set[int] = set()
        waiting: list[tuple[str, Any]] = [("", model)]
        while waiting:
            name, value = waiting.pop()
            if isinstance(value, _PLAIN):
                yield name, type(value), value if value == value else "nan"
                continue
            if isinstance(value, np.ndarray | np.generic):
                yield name, value.dtype.str, value.shape, value.tobytes()
                continue
            self._alive.append(value)
            yield name, id(value)
            if id(value) not in seen:
                seen.add(id(value))
                waiting += [part for part in _parts(value) if part[0] not in _NOT_READ]


def _parts(value: Any) -> list[tuple[str, Any]]:
    """Return the parts of an object with their names."""
    match value:
        case dict():
            return [(str(key), part) for key, part in value.items()]
        case list() | tuple() | set() | frozenset():
            return [("", part) for part in value]
        case keras.Variable():
            names = ("trainable", "regularizer", "constraint")
            return [(name, getattr(value, name)) for name in names]
        case functools.partial():
            return [("func", value.func), ("args", value.args), ("kw", value.keywords)]
        case types.MethodType():
            return [("self", value.__self__), ("function", value.__func__)]
        case types.FunctionType():
            return _function_parts(value)
        case type() | types.ModuleType():
            return []
    if type(value).__module__.split(".")[0] in _BACKENDS:
        return []
    return list(getattr(value, "__dict__", {}).items())


def _function_parts(function: types.FunctionType) -> list[tuple[str, Any]]:
    """Return the outer variables and the defaults of a user's function, with names."""
    if function.__module__.split(".")[0] in ("keras", *_BACKENDS):
        return []
    names = function.__code__.co_freevars
    cells = zip(names, function.__closure__ or (), strict=True)
    closure = [(name, cell.cell_contents) for name, cell in cells if _is_filled(cell)]
    namespace = function.__globals__
    globals_ = [(n, namespace[n]) for n in function.__code__.co_names if n in namespace]
    plain = [(name, part) for name, part in globals_ if isinstance(part, _PLAIN)]
    return [*closure, *plain, ("defaults", function.__defaults__)]


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
