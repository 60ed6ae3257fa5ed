"""Make the tables that come with kmlp. None of them needs a network or the array cache."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp.data._built_in import BUILT_IN, Parameters, canonical_name, parameters_of
from kmlp.data._examples import Examples, examples_of
from kmlp.data._schema import Column, Schema
from kmlp.data._split import Split

TURNS = 1.5
"""The number of turns of each spiral."""

_CLASSES = {
    "moons": ("upper", "lower"),
    "circles": ("outer", "inner"),
    "spirals": ("first", "second"),
}
"""The names of the classes of the tables that are made."""


def load_built_in(name: str) -> Examples:
    """Return the rows of a table that comes with kmlp, in 10 ms.

    A stratified sixth of the rows are the test rows.

    Args:
        name: The table's name, such as `wine` or `moons:2000:0.3`.

    Raises:
        ConfigError: if a parameter is not valid.
    """
    parameters = parameters_of(name)
    base = name.partition(":")[0]
    if parameters is None:
        return _from_scikit_learn(base)
    x, y = _make(base, parameters)
    return examples_of(
        Split(x=x.astype("float32"), y=y.astype("int32")),
        None,
        class_names=_CLASSES[base],
        source=f"made by kmlp: {canonical_name(name)}, with {parameters.rows} rows, noise "
        f"{parameters.noise:g} and the seed {parameters.seed}",
        schema=Schema(columns=(Column("x1"), Column("x2")), target=BUILT_IN[base].target),
    )


def _from_scikit_learn(name: str) -> Examples:
    """Return the copy of a table that scikit-learn has."""
    from sklearn import datasets

    options: dict[str, Any] = {"scaled": False} if name == "diabetes" else {}
    table = getattr(datasets, f"load_{name}")(**options)
    names = table.get("target_names")
    schema = Schema(
        columns=tuple(Column(str(column)) for column in table.feature_names),
        target=BUILT_IN[name].target,
    )
    return examples_of(
        Split(
            x=table.data.astype("float32"),
            y=table.target.astype("float32" if names is None else "int32"),
        ),
        None,
        class_names=[] if names is None else list(map(str, names)),
        source="comes with scikit-learn",
        schema=schema,
    )


def _make(base: str, parameters: Parameters) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the columns, of shape `(rows, 2)`, and the classes of a table."""
    if base == "spirals":
        return make_spirals(parameters.rows, parameters.noise, parameters.seed)
    from sklearn.datasets import make_circles, make_moons

    options: dict[str, Any] = {
        "n_samples": parameters.rows,
        "noise": parameters.noise,
        "random_state": parameters.seed,
    }
    # At scikit-learn's own factor of 0.8, this noise hides the circles.
    x, y = make_moons(**options) if base == "moons" else make_circles(factor=0.5, **options)
    return x, y


def make_spirals(
    rows: int, noise: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return points of two interleaved Archimedean spirals.

    Formula:
        Class c in (0, 1) has the points `(r cos(a + c π), r sin(a + c π))`, where
        `r = a / π`, for angles a from π/2 to 3π. The squares of the angles have equal
        distances, so that the points have nearly equal ones. Both columns get normal noise.

    The distance between the spirals is 1, so that the noise is in units of it.

    Reference:
        https://en.wikipedia.org/wiki/Archimedean_spiral. As a task for networks, with three
        turns: K. J. Lang, M. J. Witbrock, Learning to tell two spirals apart, 1988.

    Args:
        rows: The number of points of both classes together; the first has one more if the
            number is odd.
        noise: The standard deviation of the noise.
        seed: The seed of the noise.

    Returns:
        The points, of shape `(rows, 2)`, and the classes, of shape `(rows,)`.

    Example:
    >>> points, classes = make_spirals(4, noise=0.0, seed=0)
    >>> points.round(3).tolist(), classes.tolist()
    ([[0.0, 0.5], [-3.0, 0.0], [-0.0, -0.5], [3.0, -0.0]], [0, 0, 1, 1])
    """
    counts = (rows - rows // 2, rows // 2)
    least, most = (math.pi / 2) ** 2, (2 * math.pi * TURNS) ** 2
    angles = [np.sqrt(np.linspace(least, most, count)) for count in counts]
    radii = np.concatenate(angles) / math.pi
    angle = np.concatenate([angles[0], angles[1] + math.pi])
    points = radii[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shift = np.random.default_rng(seed).normal(0, noise, points.shape)
    return points + shift, np.repeat([0, 1], counts)
