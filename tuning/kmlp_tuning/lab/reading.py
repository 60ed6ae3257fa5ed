"""Reading recipes. Errors name every problem of a file at once, each with its place."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kmlp._util.text import count_of
from kmlp._util.user_files import parsed_toml, read_text
from kmlp.errors import (
    ConfigError,
    call_all,
    collect_errors,
    raise_problems,
    unknown_name,
    with_context,
)
from kmlp.model.config import RunConfig
from kmlp.model.fields import ConfigField
from kmlp.model.params import all_fields, param_field, parse_param_values
from kmlp.studies.axis import axis_of
from kmlp.studies.published_value import Aggregation, PublishedValue
from kmlp_tuning.lab._comparing import PublishedValues
from kmlp_tuning.lab._problems import problems
from kmlp_tuning.lab.bundled import SUFFIX, bundled, bundled_text
from kmlp_tuning.lab.recipe import (
    AblationPart,
    ConfigListPart,
    Part,
    Recipe,
    SearchPart,
)
from kmlp_tuning.lab.tables import (
    AblationTable,
    ConfigListTable,
    PartTable,
    RecipeTable,
    SearchTable,
)
from kmlp_tuning.space.parsing import parse_space
from kmlp_tuning.space.space import SearchSpace


def recipe_text(recipe: str | os.PathLike[str]) -> str:
    """Return the text of a recipe.

    Args:
        recipe: The name of a recipe that comes with kmlp, or the path of a file that ends
            in `.toml`.

    Raises:
        ConfigError: if no recipe has that name, or the file cannot be read.
    """
    name = os.fspath(recipe)
    if not name.endswith(SUFFIX):
        if name not in bundled():
            raise ConfigError(
                [
                    f"{unknown_name('recipe', name, bundled())} A file of your own needs a "
                    "name that ends in .toml."
                ]
            )
        return bundled_text(name)
    return read_text(Path(name))


def read_recipe(recipe: str | os.PathLike[str]) -> Recipe:
    """Read a recipe, and check everything that needs no dataset.

    Args:
        recipe: The name of a recipe that comes with kmlp, or the path of a file that ends
            in `.toml`.

    Returns:
        The studies of the lab, with their published values.

    Raises:
        ConfigError: if no recipe has that name; otherwise with every problem of the file,
            each with its place.

    Example:
    >>> from kmlp_tuning import read_recipe
    >>> lab = read_recipe("mnist-lab")
    >>> lab.title
    'Losses, batches and depth on MNIST: a published lab, reproduced'
    >>> [part.place for part in lab.parts]
    ['configs 1', 'configs 2', 'search']
    """
    name = os.fspath(recipe)
    values = parsed_toml(name, recipe_text(name), parse_float=PublishedValue)
    return with_context(name, partial(_read, name, values))  # type: ignore[no-any-return]


def _read(file: str, values: Mapping[str, Any]) -> Recipe:
    try:
        table = RecipeTable.model_validate(values)
    except ValidationError as error:
        raise ConfigError(problems(error)) from None
    parts: dict[str, list[Callable[[], Part]]] = {
        "ablations": _readers("ablations {}", _ablation, table, table.ablations),
        "configs": _readers("configs {}", _config_list, table, table.configs),
        "search": _readers("search", _search, table, filter(None, [table.search])),
    }
    readers = [reader for key in values for reader in parts.get(key, [])]
    if not readers:
        raise ConfigError(
            ["There is nothing to train. Give [[ablations]], [[configs]] or [search]."]
        )
    return Recipe(
        file=file,
        name=Path(file).name.removesuffix(SUFFIX),
        title=table.title,
        question=table.question,
        source=table.source,
        notes=tuple(table.notes),
        parts=tuple(call_all(readers)),
    )


def _readers(
    place: str, read: Callable[..., Part], recipe: RecipeTable, tables: Iterable[PartTable]
) -> list[Callable[[], Part]]:
    """Functions that read the parts. The problems of a part begin with its place."""
    return [
        partial(with_context, at, partial(read, recipe, table, place=at))
        for number, table in enumerate(tables, start=1)
        for at in [place.format(number)]
    ]


def _ablation(recipe: RecipeTable, table: AblationTable, *, place: str) -> AblationPart:
    field = param_field(table.param)
    levels: list[Any] = []
    with collect_errors() as step:
        with step():
            levels = _levels(field, table.values)
        with step():
            # A width with a number for each layer determines the depth.
            example = max(
                levels, key=lambda level: isinstance(level, tuple), default=field.default
            )
            own = {table.param: example} if axis_of(table.param).of_config else {}
            base = _config(recipe, table, own)
    entries = table.published.given()
    best = [_value(field.name, entries.pop("best"))] if "best" in entries else []
    published = {
        quantity: _published_by_level(field, quantity, values)
        for quantity, values in entries.items()
    }
    named = [*best, *(level for values in published.values() for level in values)]
    raise_problems(
        f"published: {field.text(level)} is not among the values of `{table.param}`: "
        f"{', '.join(map(field.text, levels))}."
        for level in dict.fromkeys(named)
        if level not in levels
    )
    return AblationPart(
        place=place,
        heading=table.heading,
        notes=tuple(table.notes),
        param=table.param,
        values=tuple(levels),
        base=base,
        epochs=table.epochs or (max(levels) if table.param == "epochs" else recipe.epochs),
        patience=table.patience
        or (recipe.patience if axis_of(table.param).of_config else None),
        at=axis_of(table.param).at or recipe.at,
        metric=table.metric or recipe.metric,
        seeds=table.seeds or recipe.seeds,
        best=tuple(best),
        published=PublishedValues(
            values=published,
            aggregation=Aggregation.parse(table.published_is or recipe.published_is),
        ),
    )


def _levels(field: ConfigField, values: str | list[Any]) -> list[Any]:
    if isinstance(values, str):
        return list(parse_param_values(field.name, values))
    return call_all(partial(_value, field.name, value) for value in values)


def _config_list(
    recipe: RecipeTable, table: ConfigListTable, *, place: str
) -> ConfigListPart:
    base, *configs = call_all(
        [
            partial(_config, recipe, table),
            *(
                partial(
                    with_context, f"runs {number}", partial(_config, recipe, table, own)
                )
                for number, own in enumerate((run.fields() for run in table.runs), start=1)
            ),
        ]
    )
    epochs = tuple(run.epochs or table.epochs or recipe.epochs for run in table.runs)
    patience = table.patience or recipe.patience
    published: dict[str, dict[int, tuple[PublishedValue, ...]]] = {}
    for number, (run, count) in enumerate(zip(table.runs, epochs, strict=True), start=1):
        for quantity, value in run.published.given().items():
            values = _published_values(quantity, value)
            if isinstance(value, list) and len(values) != count:
                raise ConfigError(
                    [
                        f"runs {number}: published: {count_of(len(values), 'value')} of "
                        f"`{quantity}`, but {count_of(count, 'epoch')}. Give one value for "
                        "each epoch, or one for the last epoch."
                    ]
                )
            if len(values) > 1 and patience is not None:
                raise ConfigError(
                    [
                        f"runs {number}: published: {count_of(len(values), 'value')} of "
                        f"`{quantity}`, but `patience` ends runs before some of these "
                        "epochs. Leave `patience` out, or give the value of the last epoch."
                    ]
                )
            published.setdefault(quantity, {})[number] = values
    return ConfigListPart(
        place=place,
        heading=table.heading,
        notes=tuple(table.notes),
        base=base,
        configs=tuple(configs),
        epochs=epochs,
        patience=patience,
        at=recipe.at,
        metric=table.metric or recipe.metric,
        seeds=tuple(run.seeds or table.seeds or recipe.seeds for run in table.runs),
        published=PublishedValues(
            values=published,
            aggregation=Aggregation.parse(table.published_is or recipe.published_is),
        ),
    )


def _search(recipe: RecipeTable, table: SearchTable, *, place: str) -> SearchPart:
    accuracy = table.published.accuracy
    parsed, base, best, values = call_all(
        [
            partial(parse_space, {}, searched=table.space.given()),
            partial(_values, {**recipe.base.given(), **table.base.given()}),
            partial(_values, table.published.best.given()),
            partial(_published_values, "accuracy", [] if accuracy is None else accuracy),
        ]
    )
    space = SearchSpace(parsed.searched)
    fixed = {**base, **parsed.fixed}
    return SearchPart(
        place=place,
        heading=table.heading,
        notes=tuple(table.notes),
        space=space,
        base=space.base(
            {name: value for name, value in fixed.items() if name not in space.fields}
        ),
        options=table.options(at=recipe.at, metric=recipe.metric, patience=recipe.patience),
        accuracy=next(iter(values), None),
        best=best,
    )


def _config(
    recipe: RecipeTable, table: PartTable, own: Mapping[str, Any] | None = None
) -> RunConfig:
    """The configuration of a part.

    Args:
        recipe: The recipe, whose base has the lowest priority.
        table: The part, whose base overrides that of the recipe.
        own: Fields that override both. Defaults to None: no fields.
    """
    fields = {**recipe.base.given(), **table.base.given(), **(own or {})}
    return RunConfig(**_values(fields))


def _values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with their values, which may be texts as on the command line."""
    values = call_all(partial(_value, name, value) for name, value in fields.items())
    return dict(zip(fields, values, strict=True))


def _value(name: str, value: Any) -> Any:
    """The value of a field, which may be a text as on the command line."""
    field = all_fields()[name]
    return field.parse(value) if isinstance(value, str) else field.convert(value)


def _published_by_level(
    field: ConfigField, quantity: str, values: Mapping[str, Any]
) -> dict[Any, tuple[PublishedValue, ...]]:
    """Published values by level of an ablation.

    Raises:
        ConfigError: see `_published_values`; also if a level is given twice, such as 0.1
            and 1e-1.
    """
    by_level: dict[Any, tuple[PublishedValue, ...]] = {}
    for text, value in values.items():
        level = field.parse(text)
        if level in by_level:
            raise ConfigError(
                [f"published: `{quantity}` of {field.text(level)} is given twice."]
            )
        by_level[level] = _published_values(quantity, value)
    return by_level


def _published_values(quantity: str, entry: Any) -> tuple[PublishedValue, ...]:
    """The published values of an entry, which is a number or a list of numbers.

    Raises:
        ConfigError: if an accuracy is not a percentage, a time is not above zero, or a
            loss is not finite.
    """
    values = tuple(
        value if isinstance(value, PublishedValue) else PublishedValue(str(value))
        for value in (entry if isinstance(entry, list) else [entry])
    )
    rules: dict[str, tuple[str, Callable[[float], bool]]] = {
        "accuracy": (
            "the accuracy is {:g}, but must be a percentage: more than 1, and at most 100",
            lambda value: 1 < value <= 100,
        ),
        "seconds": (
            "`seconds` is {:g}, but must be above 0",
            lambda value: 0 < value < math.inf,
        ),
    }
    any_loss = (f"`{quantity}` is {{:g}}, but must be a finite number", math.isfinite)
    text, holds = rules.get(quantity, any_loss)
    raise_problems(
        f"published: {text.format(value)}." for value in values if not holds(value)
    )
    return values
