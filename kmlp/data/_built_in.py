"""The tables that come with kmlp: their names, sizes and parameters.

| name | task | rows |
|---|---|---|
| iris, wine, breast_cancer, digits | classification | those of scikit-learn's copy |
| diabetes | regression | those of scikit-learn's copy, in its units |
| moons, circles, spirals | classification | made by a formula, 1000 unless stated |

The last three have parameters, `moons:ROWS:NOISE:SEED`, of which the last ones can be left
out: `moons:2000:0.3`. A dataset of the array cache with the same name has priority: it was
imported before kmlp had these tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kmlp.data._schema import Task
from kmlp.errors import ConfigError, raise_problems, shown

FEWEST_ROWS, MOST_ROWS = 12, 100_000
"""The limits of the number of rows. Each class needs rows in each split, and every process
makes the table again."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a table that is made by a formula."""

    rows: int = 1000
    """The number of rows of all splits together."""
    noise: float = 0.1
    """The standard deviation of the noise that is added to both columns."""
    seed: int = 0
    """The seed of the noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltIn:
    """The facts about a table that comes with kmlp, which are known without loading it."""

    rows: int
    """The number of rows of all splits together."""
    columns: int
    """The number of columns without the target."""
    target: str
    """The name of the target."""
    classes: int
    """The number of classes; 0 for a regression."""
    defaults: Parameters | None
    """The default parameters; None for a table that is not made by a formula."""
    homepage: str
    """The address of a page on the table."""
    citation: str
    """The citation."""

    @property
    def task(self) -> Task:
        """What is predicted: "classification" or "regression"."""
        return "classification" if self.classes else "regression"


def _real(
    page: str, target: str, rows: int, columns: int, classes: int, citation: str
) -> BuiltIn:
    return BuiltIn(
        rows=rows,
        columns=columns,
        target=target,
        classes=classes,
        defaults=None,
        homepage=f"https://scikit-learn.org/stable/datasets/toy_dataset.html#{page}",
        citation=citation,
    )


def _made(noise: float, homepage: str, citation: str) -> BuiltIn:
    defaults = Parameters(noise=noise)
    return BuiltIn(
        rows=defaults.rows,
        columns=2,
        target="class",
        classes=2,
        defaults=defaults,
        homepage=homepage,
        citation=citation,
    )


_SCIKIT_LEARN = "https://scikit-learn.org/stable/modules/generated/sklearn.datasets"
_PEDREGOSA = (
    "F. Pedregosa et al.: Scikit-learn: Machine learning in Python. Journal of Machine "
    "Learning Research 12 (2011), 2825-2830."
)

BUILT_IN: Mapping[str, BuiltIn] = {
    "iris": _real(
        "iris-dataset", "species", 150, 4, 3,
        "R. A. Fisher: The use of multiple measurements in taxonomic problems. Annual "
        "Eugenics 7, Part II (1936), 179-188.",
    ),
    "wine": _real(
        "wine-dataset", "cultivar", 178, 13, 3,
        "M. Forina et al.: PARVUS, an extendible package for data exploration, "
        "classification and correlation. Copy of the UCI Machine Learning Repository.",
    ),
    "breast_cancer": _real(
        "breast-cancer-dataset", "diagnosis", 569, 30, 2,
        "W. N. Street, W. H. Wolberg, O. L. Mangasarian: Nuclear feature extraction for "
        "breast tumor diagnosis. SPIE 1905 (1993), 861-870. Copy of the UCI Machine "
        "Learning Repository.",
    ),
    "digits": _real(
        "digits-dataset", "digit", 1797, 64, 10,
        "E. Alpaydin, C. Kaynak: Cascading classifiers. Kybernetika (1998). Copy of the "
        "test set of the UCI Machine Learning Repository.",
    ),
    "diabetes": _real(
        "diabetes-dataset", "progression", 442, 10, 0,
        "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani: Least angle regression. Annals "
        "of Statistics 32 (2004), 407-499.",
    ),
    "moons": _made(0.2, f"{_SCIKIT_LEARN}.make_moons.html", _PEDREGOSA),
    "circles": _made(0.1, f"{_SCIKIT_LEARN}.make_circles.html", _PEDREGOSA),
    "spirals": _made(
        0.1,
        "https://en.wikipedia.org/wiki/Archimedean_spiral",
        "After K. J. Lang, M. J. Witbrock: Learning to tell two spirals apart. Proceedings "
        "of the 1988 Connectionist Models Summer School, 52-59.",
    ),
}  # fmt: skip
"""The tables by their names without parameters."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """The rule for one parameter."""

    name: str
    type: Callable[[str], Any]
    least: float
    most: float


_RULES = (
    _Rule("rows", int, FEWEST_ROWS, MOST_ROWS),
    _Rule("noise", float, 0, 100),
    _Rule("seed", int, 0, 2**32 - 1),  # the largest of NumPy's RandomState
)


def built_in_of(name: str) -> BuiltIn | None:
    """Return the built-in table of a name with or without parameters; None if unknown.

    Example:
    >>> built_in_of("moons:2000:0.3").task, built_in_of("mnist")
    ('classification', None)
    """
    return BUILT_IN.get(name.partition(":")[0])


def parameters_of(name: str) -> Parameters | None:
    """Return the parameters of a built-in table; None if it is not made by a formula.

    Args:
        name: The name of a built-in table, with or without parameters.

    Raises:
        ConfigError: if a parameter is not valid.

    Example:
    >>> parameters_of("moons:2000:0.3")
    Parameters(rows=2000, noise=0.3, seed=0)
    """
    base, *texts = name.split(":")
    table = BUILT_IN[base]
    if table.defaults is None:
        if texts:
            raise ConfigError(
                [
                    f"The dataset is {shown(name)}, but {base} has no parameters: its "
                    f"{table.rows} rows are always the same. Write {base}."
                ]
            )
        return None
    remedy = f"Write {base}:ROWS:NOISE:SEED, such as {base}:2000:0.2 or {base}:500."
    if len(texts) > len(_RULES):
        raise ConfigError(
            [
                f"The dataset is {shown(name)}, which has {len(texts)} parameters, but "
                f"{base} has {len(_RULES)}. {remedy}"
            ]
        )
    values = {
        rule.name: _parse(rule, text) for rule, text in zip(_RULES, texts, strict=False)
    }
    raise_problems(
        f"The dataset is {shown(name)}, but its {rule.name} must be "
        f"{'a whole number' if rule.type is int else 'a number'} from {rule.least} to "
        f"{rule.most}. {remedy}"
        for rule in _RULES
        if values.get(rule.name, 0) is None
    )
    return Parameters(**({"noise": table.defaults.noise} | values))


def canonical_name(name: str) -> str:
    """Return the one name of all that stand for the same built-in table.

    Args:
        name: The name of a built-in table, with or without parameters.

    Raises:
        ConfigError: if a parameter is not valid.

    Example:
    >>> canonical_name("moons:1000:0.20"), canonical_name("moons:2000:.3:0")
    ('moons', 'moons:2000:0.3')
    """
    base = name.partition(":")[0]
    parameters, defaults = parameters_of(name), BUILT_IN[base].defaults
    texts = [_text(getattr(parameters, rule.name)) for rule in _RULES if parameters]
    default_texts = [_text(getattr(defaults, rule.name)) for rule in _RULES if defaults]
    while texts and texts[-1] == default_texts[len(texts) - 1]:
        texts.pop()
    return ":".join([base, *texts])


def _parse(rule: _Rule, text: str) -> Any:
    """Return the value of a parameter; None if it is not valid."""
    try:
        value = rule.type(text) + 0 if re.fullmatch(r"[-+.\de]+", text, re.ASCII) else None
    except ValueError:
        return None
    return value if value is not None and rule.least <= value <= rule.most else None


def _text(value: float) -> str:
    return f"{value!r}".removesuffix(".0")
