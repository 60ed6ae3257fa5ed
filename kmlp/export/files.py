"""A study's rows as a file: CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from kmlp._util.files import atomic_write
from kmlp._util.text import visible
from kmlp.studies.columns import COLUMNS
from kmlp.studies.rows import StudyRuns

SUFFIXES = (".csv", ".json", ".parquet")
"""Of the files that can be written."""

_FORMULA = re.compile(
    """
    (^|[,;|])                   # a cell begins: which sign parts them, a reader chooses
    ([\\s"']*)                   # which some leave out
    (?=[-=+@\u207a\u207c\u208a\u208c\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])
    """,
    re.VERBOSE,
)
"""Before what spreadsheets run: one of `= + - @`, in each width and place that Unicode has
it in.
"""


def write_table(found: StudyRuns, path: Path) -> None:
    """Writes the rows of a study, in the form that the file's suffix names.

    CSV and Parquet are read by `pandas.read_csv` and `pandas.read_parquet`. JSON is one
    object with the study's name, its kind and its rows. What is None is an empty cell or
    null. In CSV a text may differ, so that it is harmless (see `write_csv`); in JSON and
    Parquet all texts are as they are. The file is written aside and renamed.

    Args:
        found: The study's runs.
        path: A file name that ends in one of `SUFFIXES`; the file is replaced.

    Raises:
        OSError: if it cannot be written.
    """
    rows = found.rows()
    with atomic_write(path) as aside:
        if path.suffix == ".parquet":
            _write_parquet(rows, aside)
            return
        with aside.open("w", encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                write_csv(rows, file)
            else:
                whole = {"study": found.study, "kind": found.kind, "rows": rows}
                json.dump(whole, file, indent=1, allow_nan=False)


def write_csv(rows: Iterable[dict[str, Any]], file: TextIO) -> None:
    """Writes rows as CSV, the names of the columns first.

    In texts, one of `= + - @` that begins a cell has an apostrophe before it, and so after
    `,`, `;` and `|`, which spreadsheets of other languages take for the end of a cell: they
    take such cells for formulas, which can call programs. Control characters are as Python
    writes them, so that every row is a line. Numbers are as they are, `-0.5` too.
    """
    writer = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(it) for name, it in row.items()} for row in rows)


def _harmless(cell: Any) -> Any:
    r"""A cell that no spreadsheet runs, and that is one line.

    Reference: OWASP, CSV Injection.

    >>> print(_harmless("=HYPERLINK(A1)"), _harmless("one\rtwo; =A1"), _harmless(-0.5))
    '=HYPERLINK(A1) one\rtwo; '=A1 -0.5
    """
    return _FORMULA.sub(r"\1\2'", visible(cell)) if isinstance(cell, str) else cell


def _write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}

    def type_of(name: str) -> pa.DataType:
        is_text = any(isinstance(row[name], str) for row in rows)  # a width may be one
        return types[str if is_text else COLUMNS[name].type]

    schema = pa.schema([(name, type_of(name)) for name in COLUMNS])
    # Of a file that it opens itself, pyarrow would say twice what went wrong.
    with path.open("wb") as file:
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema), file)
