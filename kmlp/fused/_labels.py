"""Check class labels against a model's outputs before training.

No backend raises an error for a label without a class. On TensorFlow the loss and all
weights become nan, and JAX continues to train.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras.src.backend import nn
from numpy.typing import NDArray

from kmlp.fused._arguments import Examples
from kmlp.fused._shapes import symbols, traced
from kmlp.model.losses import LOSSES, multi_margin, nll


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array of targets that are class labels."""

    array: int
    """The index of the array among the targets' arrays."""
    classes: int
    """The number of the model's outputs for these targets."""
    ignored: frozenset[int]
    """The labels that the loss ignores."""


_CACHE: WeakKeyDictionary[Any, tuple[Any, dict[str, list[Labelled]]]] = WeakKeyDictionary()
"""The results of `find` for a model, with the model's losses and metrics at that time."""


def find(model: Any, data: Examples) -> list[Labelled]:
    """Return the arrays of targets that are class labels.

    The result is kept until the model is compiled again.

    Args:
        model: A built, compiled model.
        data: A mini-batch for the model.
    """
    if data.y is None:
        return []
    measures = (model._compile_loss, model._compile_metrics)
    cached_measures, results = _CACHE.get(model, (None, {}))
    if cached_measures is None or any(
        one is not other for one, other in zip(cached_measures, measures, strict=True)
    ):
        results = {}
        _CACHE[model] = (measures, results)
    outline = _outline(data)
    if outline not in results:
        results[outline] = _find(model, data)
    return results[outline]


def _outline(data: Examples) -> str:
    """Return the structure of a mini-batch with its shapes, as a key."""

    def shape(array: Any) -> str:
        return f"{tuple(array.shape)} {array.dtype}"

    return str([keras.tree.map_structure(shape, part) for part in (data.x, data.y)])


def _find(model: Any, data: Examples) -> list[Labelled]:
    outputs = traced(model, symbols(data.x), training=False)
    leaves = [
        _Leaf(index, tuple(array.shape), keras.backend.standardize_dtype(array.dtype))
        for index, array in enumerate(keras.tree.flatten(data.y))
    ]
    y = keras.tree.pack_sequence_as(data.y, leaves)
    labelled: list[tuple[_Leaf, int, int | None]] = []
    unknown: list[tuple[Any, _Leaf, Any]] = []

    def record(measure: Any, leaf: Any, output: Any) -> None:
        if not isinstance(leaf, _Leaf):
            return
        function, options = _unwrapped(measure)
        if _takes_labels(function):
            axis = options.get("axis", -1)
            labelled.append((leaf, output.shape[axis], options.get("ignore_class")))
        elif not _is_keras(function):
            unknown.append((measure, leaf, output))

    with _recording(model, record), keras.StatelessScope():
        if model._compile_loss is not None:
            model._compile_loss(y, outputs)
        if model._compile_metrics is not None:
            model._compile_metrics.update_state(y, outputs)
    for measure, leaf, output in unknown:
        classes = _inner_classes(measure, leaf, output)
        if classes is not None:
            labelled.append((leaf, classes, None))
    return [
        Labelled(
            leaf.index,
            min(classes for other, classes, _ in labelled if other is leaf),
            frozenset(i for other, _, i in labelled if other is leaf and i is not None),
        )
        for leaf in leaves
        if any(other is leaf for other, _, _ in labelled)
    ]


def problems(data: Examples, labelled: list[Labelled]) -> list[str]:
    """Return the problems of the labels: for each array, its first label without a class.

    Args:
        data: The examples.
        labelled: The result of `find` for a mini-batch of these examples.
    """
    arrays = keras.tree.flatten_with_path(data.y) if labelled else []
    texts = []
    for targets in labelled:
        path, array = arrays[targets.array]
        labels = keras.ops.convert_to_numpy(array)
        index = _first_wrong(labels, targets)
        if index is not None:
            name = data.names[1] + "".join(f"[{key!r}]" for key in path)
            position = ", ".join(map(str, index))
            texts.append(
                f"`{name}` has the label {labels[index]} at [{position}], but the model "
                f"has {targets.classes} outputs for it: labels must be integers from 0 to "
                f"{targets.classes - 1}. To ignore a label, set `ignore_class` of the loss."
            )
    return texts


@dataclass(frozen=True, slots=True, eq=False)
class _Leaf:
    """A placeholder for an array of targets."""

    index: int
    shape: tuple[int, ...]
    dtype: str


def _first_wrong(labels: NDArray[Any], targets: Labelled) -> tuple[int, ...] | None:
    """Return the index of the first label without a class; None if there is none."""
    if labels.dtype.kind != "f" and labels.min() >= 0 and labels.max() < targets.classes:
        return None
    wrong = ~((labels >= 0) & (labels < targets.classes) & (labels == np.floor(labels)))
    wrong &= ~np.isin(labels, list(targets.ignored))
    if not wrong.any():
        return None
    return tuple(map(int, np.unravel_index(wrong.argmax(), wrong.shape)))


def _unwrapped(measure: Any) -> tuple[Any, dict[str, Any]]:
    """Return the function of a loss or metric, and its options."""
    options: dict[str, Any] = {}
    while not _takes_labels(measure):
        if isinstance(measure, partial):
            options |= measure.keywords
            measure = measure.func
        elif hasattr(measure, "_fn_kwargs"):  # Keras' wrappers of functions
            options |= measure._fn_kwargs
            measure = measure.fn if hasattr(measure, "fn") else measure._fn
        else:
            break
    return measure, options


def _is_keras(measure: Any) -> bool:
    definition = measure if hasattr(measure, "__qualname__") else type(measure)
    return str(definition.__module__).startswith("keras.")


def _inner_classes(measure: Any, leaf: _Leaf, output: Any) -> int | None:
    """Return the number of classes of Keras' cross entropy inside a user's loss.

    The loss is tried with some labels, in range and out of range. All of them must reach
    the cross entropy unchanged.

    Returns:
        The number of classes; None if the cross entropy receives no labels, or changed
        ones.
    """
    received: list[tuple[NDArray[Any], int]] = []

    def cross_entropy(
        target: Any, output: Any, from_logits: bool = False, axis: int = -1
    ) -> Any:
        received.append((keras.ops.convert_to_numpy(target), output.shape[axis]))
        return keras.ops.zeros(target.shape)

    def reaches(label: int) -> bool:
        received.clear()
        y = keras.ops.convert_to_tensor(np.full(leaf.shape, label, leaf.dtype))
        scores = keras.ops.ones(output.shape, output.dtype)
        call = getattr(measure, "update_state", measure)
        with suppress(Exception), keras.StatelessScope():
            call(y, scores)
        return bool(received) and all((labels == label).all() for labels, _ in received)

    original = nn.sparse_categorical_crossentropy
    nn.sparse_categorical_crossentropy = cross_entropy
    try:
        if not reaches(1):
            return None
        classes = min(count for _, count in received)
        signed = not leaf.dtype.startswith(("uint", "bool"))
        return classes if reaches(classes) and (not signed or reaches(-1)) else None
    finally:
        nn.sparse_categorical_crossentropy = original


def _takes_labels(measure: Any) -> bool:
    """Return True for the functions whose targets are class labels."""
    functions = [
        nll,
        multi_margin,
        keras.losses.sparse_categorical_crossentropy,
        keras.metrics.sparse_categorical_crossentropy,
        keras.metrics.sparse_categorical_accuracy,
        keras.metrics.sparse_top_k_categorical_accuracy,
        *(loss.function for loss in LOSSES.custom.values() if loss.targets == "index"),
    ]
    return any(measure is function for function in functions)


@contextmanager
def _recording(model: Any, record: Callable[[Any, Any, Any], None]) -> Iterator[None]:
    """Replace each loss and metric by a recorder of its arguments."""

    def loss_of(item: Any) -> Any:
        def recorder(y: Any, output: Any, weights: Any = None) -> float:
            record(item.loss, y, output)
            return 0.0

        return item._replace(loss=recorder)

    class Recorder:
        def __init__(self, metrics: list[Any]) -> None:
            self._metrics = metrics

        def update_state(self, y: Any, output: Any, weights: Any = None) -> None:
            for metric in self._metrics:
                record(metric, y, output)

    def metrics_of(item: Any) -> Any:
        return item and Recorder(item.metrics)

    changes: list[tuple[Any, str, Any]] = []
    if model._compile_loss is not None:
        changes.append((model._compile_loss, "_flat_losses", loss_of))
    if model._compile_metrics is not None:
        names = ("_flat_metrics", "_flat_weighted_metrics")
        changes += [(model._compile_metrics, name, metrics_of) for name in names]
    originals = [getattr(owner, name) for owner, name, _ in changes]
    for (owner, name, substitute), items in zip(changes, originals, strict=True):
        # Keras' own `__setattr__` would make the recorders a part of the metrics.
        object.__setattr__(owner, name, [substitute(item) for item in items])
    try:
        yield
    finally:
        for (owner, name, _), items in zip(changes, originals, strict=True):
            object.__setattr__(owner, name, items)
