"""`kmlp data show`: some images of every class, or the rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.commands.data.shared import Dataset
from kmlp_cli.options.targets import Overwrite, check_target
from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from kmlp.data import Examples


def show(
    name: Dataset,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The picture to write. Images: .png or .jpg. A table of two columns: "
            ".html, .png, .svg or .pdf.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw some images of every class, or the points of a table of two columns.

    Without --out, the first rows of a table are printed.
    """
    from kmlp.data import check_dataset, facts_of, load_examples
    from kmlp.errors import ConfigError

    check_dataset(name)
    if facts_of(name).kind == "images":
        if out is None:
            raise ConfigError(
                [f"{name} has images, which are drawn into a file. Give --out {name}.png."]
            )
        _draw_images(name, out, overwrite=overwrite)
    elif out is None:
        _print_rows(name, load_examples(name))
    else:
        _draw_points(name, out, overwrite=overwrite)


def _draw_images(name: str, out: Path, *, overwrite: bool) -> None:
    from kmlp._util.files import atomic_write
    from kmlp.data import load_examples
    from kmlp.data.picture import draw_samples

    suffixes = [".png", ".jpg", ".jpeg"]
    suffixes += [out.suffix] * (out.suffix.lower() in suffixes)
    check_target(out, overwrite=overwrite, option="--out", suffixes=suffixes)
    picture = draw_samples(load_examples(name))
    with atomic_write(out) as aside:
        picture.save(aside)
    say(f"{out}: {picture.width} x {picture.height} pixels.")


def _print_rows(name: str, examples: Examples) -> None:
    from kmlp_cli.render.data_tables import rows_table
    from kmlp_cli.render.printing import print_data

    assert examples.schema is not None
    print_data(rows_table(name, examples, examples.schema))


def _draw_points(name: str, out: Path, *, overwrite: bool) -> None:
    from kmlp.charts.points import points
    from kmlp.charts.style import FORMATS, save
    from kmlp.data import load_examples
    from kmlp.errors import ConfigError

    check_target(out, overwrite=overwrite, option="--out", suffixes=FORMATS)
    try:
        chart = points(name, load_examples(name))
    except ConfigError as error:
        remedy = f"`kmlp data show {name}` without --out prints some rows."
        raise ConfigError([f"{problem} {remedy}" for problem in error.problems]) from error
    save(chart, out)
    say(f"Saved {out}.")
