"""A recipe's file, checked: every problem at once, each with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from kmlp.config import RunConfig, axis_field, config_fields, parse_axis_values
from kmlp.errors import ConfigError, UnknownNameError, gather, raise_problems, unknown_name
from kmlp.published import Figure
from kmlp.texts import count_of
from kmlp_cli.recipes.recipe import AblationPart, Recipe, SearchPart, TrialsPart
from kmlp_tuning.domains import parse_space
from kmlp_tuning.space import SearchSpace

_SUFFIX = ".toml"
_EPOCHS, _SEEDS = 10, 3
_SEARCH = {
    "max_trials": None,
    "algorithm": "hyperband",
    "objective": "val_accuracy",
    "max_epochs": _EPOCHS,
    "min_epochs": None,
    "factor": None,
    "confirm": 3,
}
"""The options of a search, at their defaults; see `tune`."""


def bundled() -> list[str]:
    """The names of the recipes that come with kmlp."""
    found = files("kmlp_cli.recipes").iterdir()
    return sorted(it.name.removesuffix(_SUFFIX) for it in found if _is_recipe(it.name))


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
        return (files("kmlp_cli.recipes") / f"{name}{_SUFFIX}").read_text("utf-8")
    try:
        return Path(name).read_text("utf-8")
    except OSError as error:
        raise ConfigError([f"{name}: {error.strerror}."]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{name} is no TOML: it is not in UTF-8."]) from error


def read_recipe(name: str) -> Recipe:
    """A recipe, checked as far as that needs no dataset.

    Args:
        name: As `recipe_text` takes it.

    Raises:
        UnknownNameError: as `recipe_text`.
        ConfigError: with every problem of the file, each with its place.
    """
    text = recipe_text(name)
    try:
        found = tomllib.loads(text, parse_float=Figure)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{name} is no TOML: {error}"]) from error
    try:
        raise_problems(_schema_problems(found))
        return _recipe(Path(name).name.removesuffix(_SUFFIX), found)
    except ConfigError as error:
        raise ConfigError(f"{name}: {it}" for it in error.problems) from None


def _recipe(name: str, found: Mapping[str, Any]) -> Recipe:
    makers: dict[str, Callable[..., Any]] = {"ablations": _ablation, "trials": _trials}
    parts: list[Callable[[], Any]] = []
    for key in found:
        if key in makers:
            parts += [
                partial(_located, f"{key} {number}", partial(makers[key], found, it))
                for number, it in enumerate(found[key], start=1)
            ]
        elif key == "search":
            parts.append(partial(_located, key, partial(_search, found, found[key])))
    if not parts:
        raise ConfigError(
            ["There is nothing to train: give [[ablations]], [[trials]] or [search]."]
        )
    return Recipe(
        name=name,
        title=found["title"],
        source=found.get("source"),
        notes=tuple(found.get("notes", ())),
        parts=tuple(gather(parts)),
    )


def _ablation(recipe: Mapping[str, Any], found: Mapping[str, Any]) -> AblationPart:
    axis = found["param"]
    field = axis_field(axis)
    given = found["values"]
    base, values = gather(
        [
            partial(_config, recipe, found, leave_out=axis),
            partial(parse_axis_values, axis, given)
            if isinstance(given, str)
            else partial(gather, [partial(_value, axis, it) for it in given]),
        ]
    )
    published = dict(found.get("published", {}))
    best = tuple(_value(axis, published.pop(key)) for key in ("best",) if key in published)
    figures = {
        quantity: {
            field.parse(text): _figures(quantity, it) for text, it in by_value.items()
        }
        for quantity, by_value in published.items()
    }
    named = [*best, *(value for by_value in figures.values() for value in by_value)]
    raise_problems(
        f"published: {field.text(it)} is not among the values of `{axis}`: "
        f"{', '.join(map(field.text, values))}."
        for it in dict.fromkeys(named)
        if it not in values
    )
    return AblationPart(
        heading=found.get("heading"),
        notes=tuple(found.get("notes", ())),
        axis=axis,
        values=tuple(values),
        base=base,
        epochs=found.get("epochs", recipe.get("epochs", _EPOCHS)),
        seeds=found.get("seeds", recipe.get("seeds", _SEEDS)),
        best=best,
        figures=figures,
    )


def _trials(recipe: Mapping[str, Any], found: Mapping[str, Any]) -> TrialsPart:
    runs = found["runs"]
    base, *configs = gather(
        [
            partial(_config, recipe, found),
            *(
                partial(_located, f"runs {number}", partial(_config, recipe, found, it))
                for number, it in enumerate(runs, start=1)
            ),
        ]
    )

    def each(key: str, default: int) -> tuple[int, ...]:
        own = found.get(key, recipe.get(key, default))
        return tuple(run.get(key, own) for run in runs)

    epochs = each("epochs", _EPOCHS)
    figures: dict[str, dict[int, tuple[Figure, ...]]] = {}
    for number, run in enumerate(runs, start=1):
        for quantity, it in run.get("published", {}).items():
            numbers = _figures(quantity, it)
            if isinstance(it, list) and len(numbers) != epochs[number - 1]:
                raise ConfigError(
                    [
                        f"runs {number}: published: {count_of(len(numbers), 'figure')} of "
                        f"`{quantity}`, but {count_of(epochs[number - 1], 'epoch')}. Give "
                        "one for each, or one for the last."
                    ]
                )
            figures.setdefault(quantity, {})[number] = numbers
    return TrialsPart(
        heading=found.get("heading"),
        notes=tuple(found.get("notes", ())),
        base=base,
        configs=tuple(configs),
        epochs=epochs,
        seeds=each("seeds", _SEEDS),
        figures=figures,
    )


def _search(recipe: Mapping[str, Any], found: Mapping[str, Any]) -> SearchPart:
    parsed = parse_space({}, searched=found["space"])
    space = SearchSpace(parsed.searched)
    fields = {**_given(recipe, found), **parsed.fixed}
    published = found.get("published", {})
    best = {name: _value(name, it) for name, it in published.get("best", {}).items()}
    accuracy = published.get("accuracy")
    return SearchPart(
        heading=found.get("heading"),
        notes=tuple(found.get("notes", ())),
        space=space,
        base=space.base(
            {k: _value(k, it) for k, it in fields.items() if k not in space.fields}
        ),
        options={name: found.get(name, default) for name, default in _SEARCH.items()},
        accuracy=None if accuracy is None else _figures("accuracy", accuracy)[0],
        best=best,
    )


def _given(recipe: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the recipe's base has, and a part's in their place."""
    return {**recipe.get("base", {}), **part.get("base", {})}


def _config(
    recipe: Mapping[str, Any],
    part: Mapping[str, Any],
    run: Mapping[str, Any] | None = None,
    *,
    leave_out: str | None = None,
) -> RunConfig:
    """The configuration of a part, or of one of its runs.

    Args:
        recipe: The whole file.
        part: As the file has it.
        run: Likewise. Defaults to None: there is none.
        leave_out: A field that stays at its default: an axis.
    """
    own = {name: it for name, it in (run or {}).items() if name in config_fields()}
    given = {**_given(recipe, part), **own}
    given.pop(leave_out or "", None)
    values = gather(partial(_value, name, it) for name, it in given.items())
    return RunConfig(**dict(zip(given, values, strict=True)))


def _value(name: str, given: Any) -> Any:
    """A field's value, which may be a text as on the command line."""
    field = config_fields()[name]
    return field.parse(given) if isinstance(given, str) else field.convert(given)


def _figures(quantity: str, given: Any) -> tuple[Figure, ...]:
    """Published figures, one or several.

    Raises:
        ConfigError: if an accuracy is no percentage, or is a share.
    """
    numbers = given if isinstance(given, list) else [given]
    found = tuple(it if isinstance(it, Figure) else Figure(str(it)) for it in numbers)
    if quantity == "accuracy":
        raise_problems(
            f"published: an accuracy of {it:g}, but it is a percentage: more than 1, and "
            "at most 100."
            for it in found
            if not 1 < it <= 100
        )
    return found


def _located(place: str, make: Callable[[], Any]) -> Any:
    """What is made; its problems begin with the place."""
    try:
        return make()
    except ConfigError as error:
        raise ConfigError(f"{place}: {it}" for it in error.problems) from None


def _schema_problems(found: Mapping[str, Any]) -> Iterator[str]:
    """What a file has that the schema does not allow."""
    from jsonschema import Draft202012Validator

    from kmlp_cli.recipes.schema import schema

    for error in Draft202012Validator(schema()).iter_errors(found):
        place = "".join(f"{it}: " for it in _places(error.absolute_path))
        if error.validator == "additionalProperties":
            allowed = error.schema["properties"]
            for key in error.instance:
                if key not in allowed:
                    yield f"{place}{unknown_name('key', key, allowed)}"
        elif error.validator == "enum" and isinstance(error.instance, str):
            yield f"{place}{unknown_name('name', error.instance, error.validator_value)}"
        elif error.validator == "required":
            missing = set(error.validator_value) - set(error.instance)
            yield f"{place}{', '.join(sorted(missing))} is missing."
        else:
            yield f"{place}{error.message}"


def _places(path: Sequence[str | int]) -> Iterator[str]:
    """Keys, each with its number if it has one, from 1: `ablations 2`, `values`."""
    keys = list(path)
    for index, key in enumerate(keys):
        if isinstance(key, str):
            after = keys[index + 1] if index + 1 < len(keys) else None
            yield f"{key} {after + 1}" if isinstance(after, int) else key
