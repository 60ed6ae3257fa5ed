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
"""The suffixes of the files that can be written."""

_FORMULA = re.compile(
    """
    (^|[,;|])                   # the start of a cell; programs differ in the separator
    ([\\s"']*)                   # some programs ignore these
    (?=[-=+@\u207a\u207c\u208a\u208c\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])
    """,
    re.VERBOSE,
)
"""The place before a formula, which spreadsheets run. A formula begins with one of
`= + - @`, in any of their Unicode forms.
"""


def write_table(runs: StudyRuns, path: Path) -> None:
    """Write the rows of a study in the format of the file's suffix.

    `pandas.read_csv` and `pandas.read_parquet` read CSV and Parquet. JSON is one object
    with the study's name, its kind and its rows. None becomes an empty cell or null. In
    CSV, texts that a spreadsheet would run are changed (see `write_csv`). JSON and Parquet
    have all texts unchanged. The file is written under another name and renamed.

    Args:
        runs: The study's runs.
        path: A file that ends in one of `SUFFIXES`. It is replaced.

    Raises:
        OSError: if the file cannot be written.
    """
    rows = runs.rows()
    with atomic_write(path) as aside:
        if path.suffix == ".parquet":
            _write_parquet(rows, aside)
            return
        with aside.open("w", encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                write_csv(rows, file)
            else:
                whole = {"study": runs.study, "kind": runs.kind, "rows": rows}
                json.dump(whole, file, indent=1, allow_nan=False)


def write_csv(rows: Iterable[dict[str, Any]], file: TextIO) -> None:
    """Write rows as CSV, the names of the columns first.

    Spreadsheets take a text that begins with one of `= + - @` for a formula, which can run
    programs. Such a text gets an apostrophe before it. The same holds after `,`, `;` and
    `|`, which separate cells in some languages. Control characters are escaped as in
    Python, so that every row is a line. Numbers are unchanged, `-0.5` as well.
    """
    writer = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(cell) for name, cell in row.items()} for row in rows)


def _harmless(cell: Any) -> Any:
    r"""Make a cell one line, which no spreadsheet runs.

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
        # A width of one number a layer is a text.
        is_text = any(isinstance(row[name], str) for row in rows)
        return types[str if is_text else COLUMNS[name].type]

    schema = pa.schema([(name, type_of(name)) for name in COLUMNS])
    # For a file that pyarrow opens itself, its errors would name the problem twice.
    with path.open("wb") as file:
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema), file)
