"""`kmlp data show`: some images of every class in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.commands.data.shared import Dataset
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.terminal.output import say


def show(
    name: Dataset,
    out: Annotated[Path, typer.Option(help="The picture to write, .png or .jpg.")],
    overwrite: Overwrite = False,
) -> None:
    """Draw some images of every class into a picture."""
    from kmlp._util.files import atomic_write
    from kmlp.data import load_examples
    from kmlp.data.picture import draw_samples
    from kmlp_cli.options.targets import check_target

    suffixes = [".png", ".jpg", ".jpeg"]
    suffixes += [out.suffix] * (out.suffix.lower() in suffixes)
    check_target(out, overwrite=overwrite, option="--out", suffixes=suffixes)
    picture = draw_samples(load_examples(name))
    with atomic_write(out) as aside:
        picture.save(aside)
    say(f"{out}: {picture.width} x {picture.height} pixels.")
