"""A recipe's file, checked: every problem at once, each with its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from kmlp._util.files import parsed_toml, read_text
from kmlp._util.text import count_of
from kmlp.data.listing import is_left_behind
from kmlp.errors import (
    ConfigError,
    UnknownNameError,
    call_all,
    raise_problems,
    unknown_name,
    with_context,
)
from kmlp.model.config import RunConfig, axis_field, config_fields, parse_axis_values
from kmlp.model.fields import ConfigField
from kmlp.studies.published import PublishedValue
from kmlp_tuning.lab.problems import schema_problems
from kmlp_tuning.lab.recipe import AblationPart, ConfigListPart, Recipe, SearchPart
from kmlp_tuning.space.domains import parse_space
from kmlp_tuning.space.space import SearchSpace

_SUFFIX = ".toml"
_EPOCHS, _SEEDS = 10, 3
_SEARCH = {
    "max_trials": None,
    "algorithm": "hyperband",
    "objective": "val_accuracy",
    "max_epochs": _EPOCHS,
    "min_epochs": None,
    "factor": None,
    "replicates": 3,
}
"""The options of a search, at their defaults; see `tune`."""


def bundled() -> list[str]:
    """The names of the recipes that come with kmlp."""
    names = [it.name for it in files("kmlp_tuning.lab").iterdir()]
    return sorted(
        name.removesuffix(_SUFFIX)
        for name in names
        if _is_recipe(name) and not is_left_behind(name)
    )


def _is_recipe(name: str) -> bool:
    return name.endswith(_SUFFIX)


def recipe_text(name: str) -> str:
    """The text of a recipe.

    Args:
        name: Of one that comes with kmlp, or the path of a file, which ends with `.toml`.

    Raises:
        UnknownNameError: if there is none of that name.
        ConfigError: if the file cannot be read.
    """
    if not _is_recipe(name):
        if name not in bundled():
            raise UnknownNameError(
                f"{unknown_name('recipe', name, bundled())} Or give a file of your own, "
                "whose name ends with .toml."
            )
        return (files("kmlp_tuning.lab") / f"{name}{_SUFFIX}").read_text("utf-8")
    return read_text(Path(name))


def read_recipe(name: str) -> Recipe:
    """A recipe, checked as far as that needs no dataset.

    Args:
        name: As `recipe_text` takes it.

    Raises:
        UnknownNameError: as `recipe_text`.
        ConfigError: with every problem of the file, each with its place.
    """
    text = recipe_text(name)
    found = parsed_toml(name, text, parse_float=PublishedValue)
    try:
        raise_problems(schema_problems(found))
        return _recipe(name, found)
    except ConfigError as error:
        raise ConfigError(f"{name}: {it}" for it in error.problems) from None


def _recipe(file: str, found: Mapping[str, Any]) -> Recipe:
    makers: dict[str, Callable[..., Any]] = {"ablations": _ablation, "configs": _configs}
    parts: list[Callable[[], Any]] = []

    def add(place: str, make: Callable[..., Any], part: Mapping[str, Any]) -> None:
        parts.append(partial(with_context, place, partial(make, found, part, place=place)))

    for key in found:
        if key in makers:
            for number, it in enumerate(found[key], start=1):
                add(f"{key} {number}", makers[key], it)
        elif key == "search":
            add(key, _search, found[key])
    if not parts:
        raise ConfigError(
            ["There is nothing to train: give [[ablations]], [[configs]] or [search]."]
        )
    return Recipe(
        file=file,
        name=Path(file).name.removesuffix(_SUFFIX),
        title=found["title"],
        source=found.get("source"),
        notes=tuple(found.get("notes", ())),
        parts=tuple(call_all(parts)),
    )


def _ablation(
    recipe: Mapping[str, Any], found: Mapping[str, Any], *, place: str
) -> AblationPart:
    axis = found["param"]
    field = axis_field(axis)
    values: list[Any] = []

    def parse() -> None:
        given = found["values"]
        values.extend(
            parse_axis_values(axis, given)
            if isinstance(given, str)
            else call_all(partial(_value, axis, it) for it in given)
        )

    def base() -> RunConfig:
        # As on the command line: of widths, one that states the depth.
        example = max(values, key=lambda it: isinstance(it, tuple), default=field.default)
        return _config(recipe, found, {axis: example})

    _, config = call_all([parse, base])
    published = dict(found.get("published", {}))
    best = tuple(_value(axis, published.pop(key)) for key in ("best",) if key in published)
    values_by_quantity = {
        quantity: _published_by_value(field, quantity, it)
        for quantity, it in published.items()
    }
    named = [
        *best,
        *(value for by_value in values_by_quantity.values() for value in by_value),
    ]
    raise_problems(
        f"published: {field.text(it)} is not among the values of `{axis}`: "
        f"{', '.join(map(field.text, values))}."
        for it in dict.fromkeys(named)
        if it not in values
    )
    return AblationPart(
        **_told(found, place),
        axis=axis,
        values=tuple(values),
        base=config,
        epochs=found.get("epochs", recipe.get("epochs", _EPOCHS)),
        seeds=found.get("seeds", recipe.get("seeds", _SEEDS)),
        best=best,
        published=values_by_quantity,
    )


def _configs(
    recipe: Mapping[str, Any], found: Mapping[str, Any], *, place: str
) -> ConfigListPart:
    runs = found["runs"]
    base, *configs = call_all(
        [
            partial(_config, recipe, found),
            *(
                partial(with_context, f"runs {number}", partial(_config, recipe, found, it))
                for number, it in enumerate(runs, start=1)
            ),
        ]
    )

    def each(key: str, default: int) -> tuple[int, ...]:
        own = found.get(key, recipe.get(key, default))
        return tuple(run.get(key, own) for run in runs)

    epochs = each("epochs", _EPOCHS)
    values_by_quantity: dict[str, dict[int, tuple[PublishedValue, ...]]] = {}
    for number, run in enumerate(runs, start=1):
        for quantity, it in run.get("published", {}).items():
            numbers = _published_values(quantity, it)
            if isinstance(it, list) and len(numbers) != epochs[number - 1]:
                raise ConfigError(
                    [
                        f"runs {number}: published: {count_of(len(numbers), 'figure')} of "
                        f"`{quantity}`, but {count_of(epochs[number - 1], 'epoch')}. Give "
                        "one for each, or one for the last."
                    ]
                )
            values_by_quantity.setdefault(quantity, {})[number] = numbers
    return ConfigListPart(
        **_told(found, place),
        base=base,
        configs=tuple(configs),
        epochs=epochs,
        seeds=each("seeds", _SEEDS),
        published=values_by_quantity,
    )


def _search(
    recipe: Mapping[str, Any], found: Mapping[str, Any], *, place: str
) -> SearchPart:
    published = found.get("published", {})
    parsed, given, best, accuracy = call_all(
        [
            partial(parse_space, {}, searched=found["space"]),
            partial(_values, _given(recipe, found)),
            partial(_values, published.get("best", {})),
            partial(_published_values, "accuracy", published.get("accuracy", [])),
        ]
    )
    space = SearchSpace(parsed.searched)
    fixed = {**given, **parsed.fixed}
    return SearchPart(
        **_told(found, place),
        space=space,
        base=space.base({k: it for k, it in fixed.items() if k not in space.fields}),
        options={name: found.get(name, default) for name, default in _SEARCH.items()},
        accuracy=next(iter(accuracy), None),
        best=best,
    )


def _given(recipe: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the recipe's base has, and a part's in their place."""
    return {**recipe.get("base", {}), **part.get("base", {})}


def _config(
    recipe: Mapping[str, Any],
    part: Mapping[str, Any],
    run: Mapping[str, Any] | None = None,
) -> RunConfig:
    """The configuration of a part, or of one of its runs.

    Args:
        recipe: The whole file.
        part: As the file has it.
        run: What goes before their fields; what is no field is left out. Defaults to
            None: nothing.
    """
    own = {name: it for name, it in (run or {}).items() if name in config_fields()}
    return RunConfig(**_values({**_given(recipe, part), **own}))


def _told(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What every part says of itself; see `Part`."""
    return {
        "place": place,
        "heading": part.get("heading"),
        "notes": tuple(part.get("notes", ())),
    }


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with their values, which may be texts as on the command line."""
    values = call_all(partial(_value, name, it) for name, it in given.items())
    return dict(zip(given, values, strict=True))


def _value(name: str, given: Any) -> Any:
    """A field's value, which may be a text as on the command line."""
    field = config_fields()[name]
    return field.parse(given) if isinstance(given, str) else field.convert(given)


def _published_by_value(
    field: ConfigField, quantity: str, given: Mapping[str, Any]
) -> dict[Any, tuple[PublishedValue, ...]]:
    """Published figures by value of an axis.

    Raises:
        ConfigError: as `_published_values`, or if a value is given twice: as 0.1 and 1e-1.
    """
    found: dict[Any, tuple[PublishedValue, ...]] = {}
    for text, it in given.items():
        value = field.parse(text)
        if value in found:
            raise ConfigError(
                [f"published: `{quantity}` of {field.text(value)} is given twice."]
            )
        found[value] = _published_values(quantity, it)
    return found


def _published_values(quantity: str, given: Any) -> tuple[PublishedValue, ...]:
    """Published figures, one or several.

    Raises:
        ConfigError: if an accuracy is no percentage, or is a share; if a time is not above
            zero; if a figure is not finite.
    """
    numbers = given if isinstance(given, list) else [given]
    found = tuple(
        it if isinstance(it, PublishedValue) else PublishedValue(str(it)) for it in numbers
    )
    rules: dict[str, tuple[str, Callable[[float], bool]]] = {
        "accuracy": (
            "an accuracy of {:g}, but it is a percentage: more than 1, and at most 100",
            lambda it: 1 < it <= 100,
        ),
        "seconds": ("{:g} seconds, but must be above 0", lambda it: 0 < it < math.inf),
    }
    any_loss = (f"`{quantity}` is {{:g}}, but must be a finite number", math.isfinite)
    said, holds = rules.get(quantity, any_loss)
    raise_problems(f"published: {said.format(it)}." for it in found if not holds(it))
    return found
