"""The pages of the fields of a configuration and of the columns of exported tables."""

from __future__ import annotations

from pieces import code, prose, table

from kmlp.model.fields import ConfigField, Group
from kmlp.model.hyperparameters import config_fields
from kmlp.studies.columns import COLUMNS

_TYPES = {int: "integer", float: "number", bool: "true or false", str: "text"}


def pages() -> dict[str, str]:
    """Return the pages by path."""
    return {"reference/fields.md": _fields(), "reference/columns.md": _columns()}


def _fields() -> str:
    lines = [
        "# Fields of a configuration\n",
        "A run is described by these fields. Each is an option of `kmlp train` and "
        "`kmlp ablate`, a keyword in Python, a key of a recipe, and a column of "
        "exported tables. All but `seed` and `resplit` can be the parameter of an "
        "ablation: `--param learning_rate`. So can `epochs` and `patience`, whose values "
        "are read from the same runs.\n",
    ]
    for group in Group:
        fields = [field for field in config_fields().values() if field.group is group]
        lines += [
            f"## {group.value.capitalize()}\n",
            table(["field", "meaning", "type", "allowed", "default"], map(_row, fields)),
        ]
    return "\n".join(lines)


def _row(field: ConfigField) -> list[str]:
    default = field.derived.text if field.derived else field.text(field.default)
    return [
        code(field.name),
        prose(field.doc),
        _TYPES[field.type] + (", or several" if field.sequence else ""),
        code(field.rule.text if field.rule else ""),
        prose(default) if field.derived else code(default),
    ]


def _columns() -> str:
    rows = [
        [code(name), prose(column.doc), _TYPES[column.type]]
        for name, column in COLUMNS.items()
    ]
    return "\n".join(
        [
            "# Columns of exported tables\n",
            "`kmlp export`, `kmlp show --csv` and `study.to_frame()` have one row for each "
            "epoch of each run. The columns are the same for every kind of study, so that "
            "tables can be put below each other. A cell is empty where the column does not "
            "apply or the number is not finite.\n",
            table(["column", "meaning", "type"], rows),
        ]
    )
