"""Class labels are checked against a model's outputs before they are trained on.

What backends make of a label without a class differs, and none says it: TensorFlow
turns the loss and all weights to nan, JAX trains on.
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

from kmlp.fused.arguments import Examples
from kmlp.fused.shapes import symbols, traced
from kmlp.model.losses import LOSSES, multi_margin, nll


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array of targets that are numbers of classes."""

    array: int
    """Which of the targets' arrays it is."""
    classes: int
    """How many outputs there are for it."""
    ignored: frozenset[int]
    """Labels that the loss leaves out."""


_FOUND: WeakKeyDictionary[Any, tuple[Any, dict[str, list[Labelled]]]] = WeakKeyDictionary()
"""What was found for a model, with the losses and metrics that it had."""


def find(model: Any, data: Examples) -> list[Labelled]:
    """Finds which targets are numbers of classes.

    It is found once for a model, and again when that was compiled again.

    Args:
        model: A built, compiled model.
        data: A mini-batch for it.
    """
    if data.y is None:
        return []
    measures = (model._compile_loss, model._compile_metrics)
    kept, found = _FOUND.get(model, (None, {}))
    if kept is None or any(
        one is not other for one, other in zip(kept, measures, strict=True)
    ):
        found = {}
        _FOUND[model] = (measures, found)
    outline = _outline(data)
    if outline not in found:
        found[outline] = _find(model, data)
    return found[outline]


def _outline(data: Examples) -> str:
    """The structure of a mini-batch, and the shapes in it."""

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
    found: list[tuple[_Leaf, int, int | None]] = []

    def record(measure: Any, leaf: Any, output: Any) -> None:
        if not isinstance(leaf, _Leaf):
            return
        function, options = _unwrapped(measure)
        if _takes_labels(function):
            axis = options.get("axis", -1)
            found.append((leaf, output.shape[axis], options.get("ignore_class")))
        elif not _is_of_keras(function):
            calls.append((measure, leaf, output))

    calls: list[tuple[Any, _Leaf, Any]] = []
    with _recording(model, record), keras.StatelessScope():
        if model._compile_loss is not None:
            model._compile_loss(y, outputs)
        if model._compile_metrics is not None:
            model._compile_metrics.update_state(y, outputs)
    for measure, leaf, output in calls:
        classes = _classes_within(measure, leaf, output)
        if classes is not None:
            found.append((leaf, classes, None))
    return [
        Labelled(
            leaf.index,
            min(classes for other, classes, _ in found if other is leaf),
            frozenset(i for other, _, i in found if other is leaf and i is not None),
        )
        for leaf in leaves
        if any(other is leaf for other, _, _ in found)
    ]


def problems(data: Examples, labelled: list[Labelled]) -> list[str]:
    """What is wrong with the labels of some examples.

    Args:
        data: The examples.
        labelled: What `find` found of targets like these.
    """
    places = keras.tree.flatten_with_path(data.y) if labelled else []
    texts = []
    for place in labelled:
        path, array = places[place.array]
        labels = keras.ops.convert_to_numpy(array)
        index = _first_wrong(labels, place)
        if index is not None:
            name = data.names[1] + "".join(f"[{key!r}]" for key in path)
            where = ", ".join(map(str, index))
            texts.append(
                f"`{name}` has the label {labels[index]} at [{where}], but the model has "
                f"{place.classes} outputs for it: labels are integers from 0 to "
                f"{place.classes - 1}. What the loss is to leave out is its `ignore_class`."
            )
    return texts


@dataclass(frozen=True, slots=True, eq=False)
class _Leaf:
    """Stands for an array of targets."""

    index: int
    shape: tuple[int, ...]
    dtype: str


def _first_wrong(labels: NDArray[Any], place: Labelled) -> tuple[int, ...] | None:
    if labels.dtype.kind != "f" and labels.min() >= 0 and labels.max() < place.classes:
        return None
    wrong = ~((labels >= 0) & (labels < place.classes) & (labels == np.floor(labels)))
    wrong &= ~np.isin(labels, list(place.ignored))
    if not wrong.any():
        return None
    return tuple(map(int, np.unravel_index(wrong.argmax(), wrong.shape)))


def _unwrapped(measure: Any) -> tuple[Any, dict[str, Any]]:
    """The function of a loss or metric, and its options."""
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


def _is_of_keras(measure: Any) -> bool:
    named = measure if hasattr(measure, "__qualname__") else type(measure)
    return str(named.__module__).startswith("keras.")


def _classes_within(measure: Any, leaf: _Leaf, output: Any) -> int | None:
    """How many classes there are for Keras' cross entropy in a loss of a user's own.

    Some labels show it: those that are out of range, too, have to reach it as they are.

    Returns:
        Their number; None where it is given no labels, or labels that were changed.
    """
    seen: list[tuple[NDArray[Any], int]] = []

    def cross_entropy(
        target: Any, output: Any, from_logits: bool = False, axis: int = -1
    ) -> Any:
        seen.append((keras.ops.convert_to_numpy(target), output.shape[axis]))
        return keras.ops.zeros(target.shape)

    def reaches(label: int) -> bool:
        seen.clear()
        y = keras.ops.convert_to_tensor(np.full(leaf.shape, label, leaf.dtype))
        scores = keras.ops.ones(output.shape, output.dtype)
        call = getattr(measure, "update_state", measure)
        with suppress(Exception), keras.StatelessScope():
            call(y, scores)
        return bool(seen) and all((labels == label).all() for labels, _ in seen)

    own = nn.sparse_categorical_crossentropy
    nn.sparse_categorical_crossentropy = cross_entropy
    try:
        if not reaches(1):
            return None
        classes = min(count for _, count in seen)
        signed = not leaf.dtype.startswith(("uint", "bool"))
        return classes if reaches(classes) and (not signed or reaches(-1)) else None
    finally:
        nn.sparse_categorical_crossentropy = own


def _takes_labels(measure: Any) -> bool:
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
    """Has each loss and metric record what it would be called with, and do nothing."""

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
    own = [getattr(place, name) for place, name, _ in changes]
    for (place, name, substitute), items in zip(changes, own, strict=True):
        # Past Keras, which would take them for a part of the metrics.
        object.__setattr__(place, name, [substitute(item) for item in items])
    try:
        yield
    finally:
        for (place, name, _), items in zip(changes, own, strict=True):
            object.__setattr__(place, name, items)
