"""The examples of a table: its rows with a target, for classification or regression."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import count_of, name_problem, visible
from kmlp.data._cells import are_numbers
from kmlp.data._encoding import (
    Parsed,
    check_missing,
    check_texts,
    drop_missing,
    features_of,
    finite_numbers,
    parsed,
    schema_of,
)
from kmlp.data._examples import Examples, examples_of
from kmlp.data._remarks import is_rounded, remarks_about
from kmlp.data._schema import Task
from kmlp.data._split import Split
from kmlp.data.sources.tables import Table, listed, quoted, unknown_column
from kmlp.errors import DataError

MissingRule = Literal["mean", "most_frequent", "drop"]
"""What is done about missing values: see `Schema.missing`; drop: rows are left out."""

MAX_WHOLE = 20
"""The most different whole numbers that are taken for classes."""


def examples_of_table(
    train: Table,
    test: Table | None,
    *,
    target: str,
    task: Task | None = None,
    missing: MissingRule | None = None,
    unit: str = "",
    exclude: Sequence[str] = (),
    stacklevel: int = 2,
) -> Examples:
    """Turn tables into examples.

    Args:
        train: The training table.
        test: The test table, of the same columns in any order. None: a stratified sixth
            of the training rows become the test rows.
        target: The name of the target's column.
        task: "classification" or "regression". Defaults to None: that of `told_task`.
        missing: What is done about missing values. Defaults to None: they are refused.
        unit: The unit of a regression's target. Defaults to "".
        exclude: The names of columns that are left out. Defaults to none.
        stacklevel: The number of calls from a warning to the user's code. Defaults to 2.

    Raises:
        DataError: if the tables are not a dataset, with file, row and column.

    Warns:
        UserWarning: about columns that are constant, mixed or rounded.
    """
    check_options(task=task, missing=missing, unit=unit)
    exclude = [exclude] if isinstance(exclude, str) else list(exclude)
    target = _found(train, target)
    tables = [_without(train, exclude, target)]
    if test is not None:
        _found(test, target)
        tables.append(_without(test, exclude, target, must_exist=False))
    data, *others = [parsed(table) for table in tables]
    note = ""
    if missing == "drop":
        before = sum(len(part.rows) for part in (data, *others))
        data, *others = [drop_missing(part) for part in (data, *others)]
        dropped = before - sum(len(part.rows) for part in (data, *others))
        note = f"; {count_of(dropped, 'row')} with missing values left out"
    filled = None if missing == "drop" else missing
    for part in (data, *others):
        check_missing(part, target, filled, fit=part is data)
    schema = schema_of(data, target=target, unit=unit, missing=filled)
    task = task or told_task(data, target)
    if unit and task == "classification":
        raise DataError(
            f'The value of `unit` is "{unit}", but the target {quoted(target)} has '
            'classes. Leave it out, or give `task="regression"`.'
        )
    names: tuple[str, ...] = ()
    if task == "classification":
        names, y = _classes(data, target)
        targets: list[NDArray[np.generic]] = [y]
        targets += [classes_of(part, target, names) for part in others]
    else:
        targets = [_numbers(part, target) for part in (data, *others)]
        _check_varies(data, target)
    splits = [
        Split(x=features_of(part, schema), y=y)
        for part, y in zip((data, *others), targets, strict=True)
    ]
    remarks = remarks_about(data, schema)
    numbers = data.cells[target].numbers
    if not names and numbers is not None and is_rounded(numbers):
        remarks.append(f"Float32 rounds the target {quoted(target)}: subtract a constant.")
    for remark in remarks:
        warnings.warn(f"{train.source}: {remark}", stacklevel=stacklevel + 1)
    return examples_of(
        splits[0],
        splits[1] if others else None,
        class_names=names,
        source=visible(train.origin or train.source) + note,
        schema=schema,
    )


def check_options(*, task: str | None, missing: str | None, unit: str) -> None:
    """Check the values of options.

    Raises:
        DataError: if a value is not allowed.
    """
    for option, value, allowed in (
        ("task", task, get_args(Task)),
        ("missing", missing, get_args(MissingRule)),
    ):
        if value not in (None, *allowed):
            raise DataError(
                f"The value of `{option}` is {value!r}. Allowed: {', '.join(allowed)}."
            )
    if unit and (problem := name_problem(unit)) is not None:
        raise DataError(f"The value of `unit` is {quoted(unit)}, which {problem}.")


def _found(table: Table, target: str) -> str:
    """Return the name of the target's column.

    Raises:
        DataError: if the table does not have it.
    """
    names = [*table.columns, *table.problems]
    if not table.has_header and target.isdecimal():
        if not 1 <= int(target) <= len(names):
            raise DataError(
                f"{table.source}: has no column {target}, but only {len(names)}. The "
                "target is the number of a column from 1."
            )
        return names[int(target) - 1]
    if target in names:
        return target
    hint = ""
    if len(names) == 1:
        hint = " If the cells of a row are not divided, give `delimiter`."
    elif table.has_header and _is_data(names):
        hint = (
            " The first row seems to have values. If the table has no names of columns, "
            "give `header=False`, and the number of the column as `target`."
        )
    raise DataError(f"{table.source}: {unknown_column(target, names)}{hint}")


def _is_data(names: Sequence[str]) -> bool:
    return any(name.replace(".", "").replace("-", "").isdecimal() for name in names)


def _without(
    table: Table, exclude: Sequence[str], target: str, *, must_exist: bool = True
) -> Table:
    names = [name for name in (*table.columns, *table.problems) if name != target]
    for name in exclude:
        if name == target:
            raise DataError(f"`exclude` has {quoted(name)}, which is the target.")
        if name not in names and must_exist:
            raise DataError(f"{table.source}: {unknown_column(name, names)}")
    columns, problems = (
        {name: value for name, value in part.items() if name not in exclude}
        for part in (table.columns, table.problems)
    )
    return replace(table, columns=columns, problems=problems)


def told_task(data: Parsed, target: str) -> Task:
    """Return the task that a target is of.

    Texts and booleans are classes, and so are whole numbers of at most 20 different values,
    each of which occurs twice on average. Other numbers are a regression.

    Raises:
        DataError: if most values are different numbers, but some are texts.
    """
    cells = data.cells[target]
    if cells.numbers is None:
        _, texts = cells.coding
        if len(texts) > MAX_WHOLE and 2 * are_numbers(texts, data.table.decimal).mean() > 1:
            finite_numbers(data, target)  # raises the error
    if cells.numbers is None or cells.is_boolean:
        return "classification"
    different = np.unique(cells.numbers)
    few = len(different) <= min(MAX_WHOLE, len(cells) / 2)
    return "classification" if few and _are_whole(different) else "regression"


def _are_whole(numbers: NDArray[np.float64]) -> bool:
    return bool((np.isfinite(numbers) & (numbers == np.floor(numbers))).all())


def _classes(data: Parsed, target: str) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the names of the classes, and the class of each row.

    Numbers keep their text, and are in the order of the numbers.
    """
    cells, source = data.cells[target], data.table.source
    codes, texts = cells.coding
    if cells.numbers is not None and not cells.is_boolean:
        finite_numbers(data, target)
        values, codes = np.unique(cells.numbers, return_inverse=True)
        texts = tuple(cells.text(data.first(codes == code)) for code in range(len(values)))
    else:
        check_texts(data, target)
    if len(texts) < 2:
        raise DataError(
            f"{source}: all rows have the same class {quoted(texts[0])} in the target "
            f"{quoted(target)}, but a classifier needs at least two."
        )
    counts = np.bincount(codes, minlength=len(texts))
    if (single := np.flatnonzero(counts == 1)).size:
        row = data.first(codes == single[0])
        hint = (
            ' If the target is a number to predict, give `task="regression"`.'
            if cells.numbers is not None
            else " If the target is not a class, choose another column."
        )
        shown = listed([quoted(texts[code]) for code in single], 3)
        raise DataError(
            f"{source}: {data.place(row)} has the only row of the class "
            f"{quoted(texts[single[0]])} in the target {quoted(target)}, but a class needs "
            f"at least two rows, to train and to test. "
            f"{count_of(len(single), 'class', 'classes')} of {len(texts)} "
            f"{'has' if len(single) == 1 else 'have'} one row: {shown}. Add rows, or join "
            f"classes.{hint}"
        )
    return texts, codes.astype("int32")


def classes_of(data: Parsed, target: str, names: Sequence[str]) -> NDArray[np.int32]:
    """Return the class of each row of another table.

    Raises:
        DataError: if a row has a class without a name.
    """
    codes, texts = data.cells[target].coding
    place: dict[str | float, int] = {name: code for code, name in enumerate(names)}
    if all(_number(name) is not None for name in names):  # 1 and 1.0 are one class
        place |= {float(_number(name) or 0): code for code, name in enumerate(names)}
    new = []
    for code, text in enumerate(texts):
        found = place.get(text)
        if found is None and (value := _number(text)) is not None:
            found = place.get(value)
        if found is None:
            row = data.first(codes == code)
            raise DataError(
                f"{data.table.source}: {data.place(row)} has the class {quoted(text)} in "
                f"the target {quoted(target)}, but the training table has only "
                f"{listed(names, 10)}."
            )
        new.append(found)
    return np.array(new, "int32")[codes]


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def _numbers(data: Parsed, target: str) -> NDArray[np.float32]:
    cells = data.cells[target]
    if cells.is_boolean:
        raise DataError(
            f"{data.table.source}: {data.place(0)} has {quoted(cells.text(0))} in the "
            f"target {quoted(target)}, but the target of a regression must be numbers. "
            'Give `task="classification"`.'
        )
    return finite_numbers(data, target)


def _check_varies(data: Parsed, target: str) -> None:
    numbers = finite_numbers(data, target)
    if numbers.min() == numbers.max():
        raise DataError(
            f"{data.table.source}: all values of the target {quoted(target)} are "
            f"{numbers[0]:g}, so that there is nothing to learn. Choose another target."
        )
