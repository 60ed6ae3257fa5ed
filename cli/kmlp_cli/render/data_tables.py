"""The tables of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kmlp._util.text import count_of
from kmlp.studies.table import NONE, Column, Row, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmlp.data import Examples, Schema

_SHOWN_ROWS = 5
"""The number of rows of a table that are shown, each as a column of text."""


def datasets_table(datasets: list[dict[str, Any]]) -> Table:
    """The datasets, with a row for each."""
    return Table(
        title="Datasets",
        columns=(
            Column("name", numeric=False),
            Column("ready", numeric=False, wraps=True),
            *map(Column, ("examples", "shape")),
            Column("to predict", numeric=False, wraps=True),
            Column("on disk"),
        ),
        rows=tuple(Row(_dataset_cells(dataset)) for dataset in datasets),
        notes=(
            "Other image classification datasets of TFDS work as well, if all images have "
            "one size.",
            "moons, circles and spirals take parameters: moons:ROWS:NOISE:SEED.",
        ),
    )


def _dataset_cells(dataset: dict[str, Any]) -> tuple[str, ...]:
    examples, size, classes = (dataset[key] for key in ("examples", "bytes", "classes"))
    return (
        dataset["name"],
        dataset["where"] or ("damaged" if dataset["damage"] else "to be downloaded"),
        NONE if examples is None else f"{examples:,}",
        NONE if dataset["shape"] is None else shape_text(dataset["shape"]),
        f"{classes} classes" if classes else dataset["target"] or NONE,
        NONE if size is None else f"{size / 1e6:.1f} MB",
    )


def shape_text(shape: Sequence[int]) -> str:
    """Return the shape of an image, or the number of features of a row.

    >>> shape_text([28, 28, 3]), shape_text([13])
    ('28 x 28 x 3', '13 features')
    """
    return count_of(shape[0], "feature") if len(shape) == 1 else " x ".join(map(str, shape))


def dataset_tables(facts: dict[str, Any]) -> list[Table]:
    """The numbers of examples, with the other facts as lines below; a table's columns."""
    noun = "rows" if facts["kind"] == "table" else "images"
    title = f"{facts['name']}: {noun} of {shape_text(facts['shape'])}"
    sentences = tuple(_lines(facts, noun))
    if facts["columns"] is None:
        return [_classes_table(facts, noun, title, sentences)]
    first = (
        _classes_table(facts, noun, title)
        if facts["task"] == "classification"
        else _target_table(facts, title)
    )
    return [first, _columns_table(facts, sentences)]


def _classes_table(
    facts: dict[str, Any], noun: str, title: str, sentences: tuple[str, ...] = ()
) -> Table:
    classes = facts["classes"]
    rows = [
        Row(
            (str(number), sizes["name"], f"{sizes['train']:,}", f"{sizes['test']:,}"),
            ends_section=number == len(classes) - 1,
        )
        for number, sizes in enumerate(classes)
    ]
    return Table(
        title=title,
        columns=(
            Column("class"),
            Column("name", numeric=False, wraps=True),
            Column(f"training {noun}"),
            Column(f"test {noun}"),
        ),
        rows=(*rows, Row(("", "all", f"{facts['train']:,}", f"{facts['test']:,}"))),
        sentences=sentences,
    )


def _target_table(facts: dict[str, Any], title: str) -> Table:
    """The numbers of a regression's target in both splits."""
    keys = ("least", "mean", "sd", "most")
    return Table(
        title=title,
        columns=(Column("split", numeric=False), *map(Column, ("rows", *keys))),
        rows=tuple(
            Row(
                (
                    word,
                    f"{facts[part]:,}",
                    *(_number(facts["target"][part][key]) for key in keys),
                )
            )
            for part, word in (("train", "training"), ("test", "test"))
        ),
    )


def _columns_table(facts: dict[str, Any], sentences: tuple[str, ...]) -> Table:
    return Table(
        title="Columns",
        columns=(
            Column("name", numeric=False, wraps=True),
            Column("values", numeric=False, wraps=True),
            Column("missing"),
        ),
        rows=tuple(
            Row((column["name"], _values(column), f"{column['missing']:,}"))
            for column in facts["columns"]
        ),
        sentences=sentences,
    )


def _values(column: dict[str, Any]) -> str:
    if column["categories"]:
        return ", ".join(column["categories"])
    return " to ".join(map(_number, column["range"] or ())) or NONE


def _lines(facts: dict[str, Any], noun: str) -> list[str]:
    balance = (
        f"a class has no training {noun.removesuffix('s')}"
        if facts["imbalance"] is None
        else f"the largest class is {facts['imbalance']:.2f} times the smallest"
    )
    target = facts["target"]
    unit = f", in {target['unit']}" if target and target["unit"] else ""
    lines = {
        **({"target": target["name"] + unit} if target else {}),
        "splits": f"a part of the training {noun} is used for validation",
        **({"balance": balance} if facts["classes"] else {}),
        **{
            name: facts[name]
            for name in ("source", "fingerprint", "licence", "homepage")
            if facts[name]
        },
    }
    shown = [f"{name}: {str(line).strip()}" for name, line in lines.items()]
    if facts["citation"]:
        shown += f"citation: {facts['citation'].strip()}".split("\n")
    return shown


def rows_table(name: str, examples: Examples, schema: Schema) -> Table:
    """The first training rows of a table, each as a column of text.

    Args:
        name: The name of the dataset.
        examples: The examples of the dataset.
        schema: Their schema.
    """
    rows = examples.train.x[:_SHOWN_ROWS]
    targets = [
        examples.class_names[int(target)] if examples.class_names else _number(target)
        for target in examples.train.y[:_SHOWN_ROWS]
    ]
    lines = [Row((schema.target, *targets), strong=True, ends_section=True)]
    place = 0
    for column in schema.columns:
        values = rows[:, place : place + len(column.features)]
        place += len(column.features)
        cells = (_cell(value, column.categories) for value in values)
        lines.append(Row((column.name, *cells)))
    return Table(
        title=f"{name}: {len(rows)} of {len(examples.train):,} training rows",
        columns=(
            Column("", numeric=False, wraps=True),
            *(Column(f"row {number}") for number in range(1, len(rows) + 1)),
        ),
        rows=tuple(lines),
    )


def _cell(features: NDArray[Any], categories: Sequence[str]) -> str:
    """Return the value of a column in a row, of which these are the features."""
    if features[0] != features[0]:
        return "missing"
    return categories[int(features.argmax())] if categories else _number(features[0])


def _number(value: float) -> str:
    return f"{value:,.6g}"
