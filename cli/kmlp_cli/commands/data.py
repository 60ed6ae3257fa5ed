"""`kmlp data`: the datasets that there are, and making one of your own images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.options.shared import Json
from kmlp_cli.render.output import say
from kmlp_cli.surroundings import confirmed

if TYPE_CHECKING:
    from kmlp.data import Images

app = typer.Typer(help="List, look at, prepare and import datasets.", no_args_is_help=True)

Dataset = Annotated[str, typer.Argument(help="Its name: see `kmlp data list`.")]
TfdsDataDir = Annotated[
    Path | None,
    typer.Option(
        "--tfds-data-dir",
        metavar="FOLDER",
        help="Where TFDS keeps what it prepares.  [default: TFDS_DATA_DIR, else "
        "~/tensorflow_datasets]",
        show_default=False,
    ),
]


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the datasets that are known, and say which are ready.

    Every image classification set of TFDS whose images have one size can be named, too.
    """
    from kmlp.data.catalog import catalog
    from kmlp_cli.render.data_tables import datasets_table
    from kmlp_cli.render.output import print_json, print_table

    found = catalog()
    if as_json:
        print_json({"datasets": found})
    else:
        print_table(datasets_table(found))
    for dataset in found:
        if dataset["damage"]:
            say(
                f"{dataset['damage']} What TFDS has is prepared anew when it is used; your "
                f"own is to be imported again, after `kmlp data rm {dataset['name']}`."
            )


@app.command()
def info(name: Dataset, tfds_data_dir: TfdsDataDir = None, as_json: Json = False) -> None:
    """Show a dataset's shape, classes, splits, source and licence."""
    from kmlp.data.catalog import describe
    from kmlp_cli.render.data_tables import dataset_facts, dataset_table
    from kmlp_cli.render.output import print_json, print_table

    found = describe(name, _load(name, tfds_data_dir))
    if as_json:
        print_json(found)
    else:
        print_table(dataset_table(found), *dataset_facts(found))


@app.command()
def prepare(
    names: Annotated[list[str], typer.Argument(help="Names: see `kmlp data list`.")],
    tfds_data_dir: TfdsDataDir = None,
) -> None:
    """Have datasets ready in the array cache, downloaded by TFDS where needed.

    Whether one is too large for memory is known only when it is downloaded.
    """
    from kmlp.data import check_dataset

    for name in names:
        check_dataset(name)  # all of them, before one is downloaded
    for name in names:
        _say(name, _load(name, tfds_data_dir))


@app.command(name="import")
def import_(
    name: Annotated[str, typer.Argument(help="The name that it is to have.")],
    path: Annotated[
        Path,
        typer.Argument(
            help="A folder with the four IDX files, gzipped or not; a .npz file with "
            "x_train, y_train, x_test, y_test; or a folder with a folder of PNG or JPEG "
            "images for each class, or with two of such, train and test."
        ),
    ],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTH",
            help="Resize the images of class folders to that: 28x28.",
            show_default=False,
        ),
    ] = None,
    tfds_data_dir: TfdsDataDir = None,
) -> None:
    """Make a dataset of your files.

    Transparent pictures are put on white, and turned as a camera's EXIF data say. Hidden
    files, and what else is not a picture, are left out and named.
    """
    from kmlp.data.importing import import_dataset
    from kmlp.errors import ConfigError

    sizes = None
    if size is not None:
        match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size.strip())
        sizes = (int(match[1]), int(match[2])) if match else (0, 0)
        if 0 in sizes:
            raise ConfigError(
                [f'The value of `size` is "{size}", but must be HEIGHTxWIDTH: 28x28.']
            )
    _say(name, import_dataset(name, path, size=sizes, tfds_data_dir=tfds_data_dir))


@app.command()
def show(
    name: Dataset,
    out: Annotated[Path, typer.Option(help="The picture to write, .png or .jpg.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there.")
    ] = False,
) -> None:
    """Draw images of every class into a picture."""
    from kmlp._util.files import replacing
    from kmlp.data.picture import draw_samples
    from kmlp_cli.options.targets import check_target

    suffixes = [".png", ".jpg", ".jpeg"]
    suffixes += [out.suffix] * (out.suffix.lower() in suffixes)
    check_target(out, overwrite=overwrite, option="--out", suffixes=suffixes)
    picture = draw_samples(_load(name))
    with replacing(out) as aside:
        picture.save(aside)
    say(f"{out}: {picture.width} x {picture.height} pixels.")


@app.command()
def rm(
    name: Dataset,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a dataset from the array cache; what TFDS has stays."""
    from kmlp.data import cache
    from kmlp.data.known import BUNDLED
    from kmlp.errors import DataError, unknown_name

    if not cache.has(name):
        if name == BUNDLED:
            raise DataError(f"{name} comes with kmlp, and stays.")
        raise DataError(
            unknown_name("dataset of the cache", name, [it.name for it in cache.entries()])
        )
    try:
        entry = cache.find(name)
    except DataError as error:
        say(str(error))
        imported = getattr(error, "imported", None)
    else:
        imported = entry is not None and entry.imported
        if entry is not None and imported:
            say(f'"{name}" was made of {entry.source}.')
    if imported and not (yes or confirmed("Remove it?", "--yes")):
        say("Nothing was removed.")
        raise typer.Exit(1)
    cache.remove(name)
    say(f'Removed "{name}" from {cache.cache_folder()}.')


def _load(name: str, tfds_data_dir: Path | None = None) -> Images:
    from kmlp.data import load_images

    return load_images(name, tfds_data_dir=tfds_data_dir)


def _say(name: str, images: Images) -> None:
    shape: Any = " x ".join(map(str, images.train.x.shape[1:]))
    say(
        f"{name}: {len(images.train):,} training and {len(images.test):,} test images of "
        f"{shape}, {len(images.class_names)} classes; {images.source}."
    )
