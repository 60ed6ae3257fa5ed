"""The options that say how a CSV file of the user is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from kmlp_cli.options.groups import OptionGroup


@dataclass(frozen=True, kw_only=True)
class CsvOptions(OptionGroup):
    """The options of a command that reads CSV files. None is guessed from a model."""

    title = "CSV files"

    header: Annotated[
        bool,
        typer.Option(
            "--header/--no-header",
            help="The first row has the names of the columns. Otherwise: x1, x2, ...",
        ),
    ] = True
    delimiter: Annotated[
        str | None,
        typer.Option(
            metavar="CHARACTER",
            help="The character between cells.  [default: comma, semicolon, tab or bar, "
            "whichever fits]",
            show_default=False,
        ),
    ] = None
    decimal: Annotated[
        str | None,
        typer.Option(
            metavar="CHARACTER",
            help="The decimal point, . or ,  [default: .]",
            show_default=False,
        ),
    ] = None

    def reading(self) -> dict[str, Any]:
        """Return the options as arguments of `kmlp.data.read_rows`."""
        tab = self.delimiter in ("\\t", "tab")
        return {
            "header": self.header,
            "delimiter": "\t" if tab else self.delimiter,
            "decimal": self.decimal,
        }

    def check_unused(self, reason: str) -> None:
        """Check that no option is given, because no CSV file is read.

        Args:
            reason: The second half of the message, such as "the model takes pictures".

        Raises:
            ConfigError: if one is given.
        """
        from kmlp.errors import raise_problems

        raise_problems(
            f"{option} is for CSV files, but {reason}. Leave it out."
            for option, given in (
                ("--no-header", not self.header),
                ("--delimiter", self.delimiter is not None),
                ("--decimal", self.decimal is not None),
            )
            if given
        )
