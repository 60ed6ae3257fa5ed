"""What a recipe's file may hold, as a JSON schema, which editors read as well."""

from __future__ import annotations

from typing import Any

from kmlp.model.config import config_fields, param_names
from kmlp.model.fields import ConfigField
from kmlp.training.checks import MAX_COUNT
from kmlp_tuning.search.settings import ALGORITHMS, DIRECTIONS

_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}


def schema() -> dict[str, Any]:
    """The JSON schema, draft 2020-12.

    The values of a configuration's fields are checked as on the command line, where they
    may be texts: what a schema says of them is their type.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe of kmlp reproduce",
        **_object(
            {
                "title": _text("What the lab is called: the title of the report."),
                "source": _text("Where the published figures are from."),
                "notes": _notes("What is to be known of all of it."),
                "epochs": _count("epochs", "Of every run. Defaults to 10."),
                "seeds": _count("seeds", "Of every configuration. Defaults to 3."),
                "base": {"$ref": "#/$defs/fields"},
                "ablations": {
                    "description": "Each varies one field of the base.",
                    "type": "array",
                    "items": {"$ref": "#/$defs/ablation"},
                },
                "configs": {
                    "description": "Lists of configurations, each trained as it stands.",
                    "type": "array",
                    "items": {"$ref": "#/$defs/configs"},
                },
                "search": {"$ref": "#/$defs/search"},
            },
            required=["title"],
        ),
        "$defs": {
            "fields": _object(_fields()),
            "figure": {"type": "number"},
            "figures": {
                "anyOf": [
                    {"type": "number"},
                    {"type": "array", "items": {"type": "number"}, "minItems": 1},
                ]
            },
            "by_value": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/figure"},
            },
            "ablation": _ablation(),
            "configs": _configs(),
            "search": _search(),
        },
    }


def _ablation() -> dict[str, Any]:
    published = {
        "best": {"description": "The value that was found to be the best."},
        "accuracy": {
            "description": "Validation accuracy in percent, by value as text.",
            "$ref": "#/$defs/by_value",
        },
        "loss": {
            "description": "Validation loss, by value as text.",
            "$ref": "#/$defs/by_value",
        },
        "train_loss": {
            "description": "Mean training loss over the epoch, by value as text.",
            "$ref": "#/$defs/by_value",
        },
        "seconds": {
            "description": "Seconds of training in all, by value as text.",
            "$ref": "#/$defs/by_value",
        },
    }
    return _object(
        {
            "param": {"description": "The field to vary.", "enum": list(param_names())},
            "values": {
                "description": "Its values, as a list or as on the command line.",
                "type": ["array", "string"],
                "minItems": 1,
                "minLength": 1,
            },
            **_part(),
            "base": {"$ref": "#/$defs/fields"},
            "published": _object(published),
        },
        required=["param", "values"],
    )


def _configs() -> dict[str, Any]:
    published = {
        "accuracy": {
            "description": "Validation accuracy in percent after the last epoch; or a "
            "list, after each.",
            "$ref": "#/$defs/figures",
        },
        "loss": {"description": "Validation loss, likewise.", "$ref": "#/$defs/figures"},
        "train_loss": {
            "description": "Mean training loss over the epoch, likewise.",
            "$ref": "#/$defs/figures",
        },
        "seconds": {
            "description": "Seconds of training in all.",
            "$ref": "#/$defs/figure",
        },
    }
    run = _object(
        {
            **_fields(),
            "epochs": _count("epochs", "Of this one, in the place of the list's."),
            "seeds": _count("seeds", "Of this one, in the place of the list's."),
            "published": _object(published),
        }
    )
    return _object(
        {
            **_part(),
            "base": {"$ref": "#/$defs/fields"},
            "runs": {
                "description": "What each has in the place of the base's fields.",
                "type": "array",
                "items": run,
                "minItems": 1,
            },
        },
        required=["runs"],
    )


def _search() -> dict[str, Any]:
    published = {
        "accuracy": {
            "description": "The best's validation accuracy in percent.",
            "$ref": "#/$defs/figure",
        },
        "best": {"$ref": "#/$defs/fields", "description": "The best's fields."},
    }
    space = {
        "description": "What each field may be, as in a file of kmlp tune --space: a list, "
        "a text such as 1e-4:1e-1:log, or a table with low, high and sampling.",
        **_object({name: {"description": it.doc} for name, it in config_fields().items()}),
        "minProperties": 1,
    }
    return _object(
        {
            "heading": _text("What is asked: the heading of its section."),
            "notes": _notes("What is to be said of it."),
            "base": {"$ref": "#/$defs/fields"},
            "space": space,
            "max_trials": _count("max_trials", "Configurations to choose."),
            "algorithm": {"enum": list(ALGORITHMS)},
            "objective": {"enum": list(DIRECTIONS)},
            "max_epochs": _count("max_epochs", "Of the best."),
            "min_epochs": _count("max_epochs", "Of every configuration at least."),
            "factor": {"description": "One of so many goes on.", "type": "integer"},
            "replicates": {
                "description": "Other seeds with which the best three are trained again.",
                "type": "integer",
                "minimum": 0,
            },
            "published": _object(published),
        },
        required=["space"],
    )


def _part() -> dict[str, Any]:
    """The keys that ablations and lists of configurations share."""
    return {
        "heading": _text("What is asked: the heading of its section."),
        "notes": _notes("What is to be said of it."),
        "epochs": _count("epochs", "In the place of the recipe's."),
        "seeds": _count("seeds", "In the place of the recipe's."),
    }


def _fields() -> dict[str, Any]:
    return {name: _field(it) for name, it in config_fields().items()}


def _field(field: ConfigField) -> dict[str, Any]:
    kinds = dict.fromkeys([_TYPES[field.type], "string"])
    found: dict[str, Any] = {"description": field.doc, "type": list(kinds)}
    if field.sequence:
        found["type"].append("array")
        found["items"] = {"type": _TYPES[field.type]}
    return found


def _object(
    properties: dict[str, Any], *, required: list[str] | None = None
) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": required or [],
    }


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "type": "string", "minLength": 1}


def _notes(description: str) -> dict[str, Any]:
    return {
        "description": f"{description} A paragraph each.",
        "type": "array",
        "items": {"type": "string"},
    }


def _count(name: str, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_COUNT[name],
    }
