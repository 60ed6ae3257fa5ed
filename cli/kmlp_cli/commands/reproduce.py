"""`kmlp reproduce`: a lab, from its file to its report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.options.execution import ExecutionOptions
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.options.study import DryRun
from kmlp_cli.options.targets import Overwrite

if TYPE_CHECKING:
    from kmlp_tuning.lab import Recipe
    from kmlp_tuning.lab.recipe import AblationPart, ConfigListPart

EPILOG = """\b
Recipes that come with kmlp: fashion-mnist-lab, mnist-lab.

\b
Examples:
kmlp reproduce fashion-mnist-lab --quick
kmlp reproduce mnist-lab --dry-run
kmlp reproduce mnist-lab --print > my-lab.toml
kmlp reproduce my-lab.toml --out my-lab.html"""


def reproduce(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE.toml",
            help="A recipe that comes with kmlp, or your own.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Train very little, to see whether all of it works."),
    ] = False,
    seeds_of_each: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            help="Number of seeds of every configuration, except those of a search.  "
            "[default: the recipe's]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.{html,md,pdf}",
            help="The report.  [default: RECIPE.html in the runs folder, replaced]",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_text: Annotated[
        bool, typer.Option("--print", help="Print the recipe's file, and stop.")
    ] = False,
    as_schema: Annotated[
        bool,
        typer.Option(
            "--schema", help="Print the JSON schema of recipes, for editors, and stop."
        ),
    ] = False,
    *,
    execution: ExecutionOptions,
    output: OutputOptions,
) -> None:
    """Run a whole lab from one file, and compare it with what was published.

    A recipe names a dataset, ablations, configurations and a search, and perhaps published
    figures. All of it is kept in the runs folder: the same command goes on where it
    ended, and trains nothing twice.
    """
    from kmlp.errors import ConfigError, StoreLostError, call_all, with_context
    from kmlp.training.checks import check_count
    from kmlp_cli.render.recipe_tables import plan_rows, plan_table
    from kmlp_cli.terminal.output import (
        print_file,
        print_json,
        print_lines,
        print_table,
        print_text,
    )
    from kmlp_tuning.lab import read_recipe, recipe_text

    if as_schema:
        from kmlp_tuning.lab.tables import schema

        print_json(schema())
        return
    if recipe is None:
        raise ConfigError(["Give a recipe: see `kmlp reproduce --help`."])
    if as_text:
        print_file(recipe_text(recipe))
        return
    execution.select_backend()
    lab, *_ = call_all(
        [
            partial(read_recipe, recipe),
            lambda: seeds_of_each is None or check_count("seeds", seeds_of_each),
            execution.check,
        ]
    )
    if seeds_of_each is not None:
        lab = lab.with_seeds(seeds_of_each)
    if quick:
        lab = with_context(lab.file, lab.quick)
    report = _report_path(lab, out, execution.runs_dir, overwrite=overwrite)
    questions, settings = with_context(
        lab.file, partial(_questions, lab, fused=execution.fused)
    )
    if dry_run:
        names = [it.heading or _named(it) for it in lab.fixed]
        rows = plan_rows(list(zip(names, questions, strict=True)), settings)
        if output.as_json:
            print_json({"recipe": lab.name, "parts": rows})
        else:
            print_table(plan_table(lab.title, rows))
        return
    if settings is not None:  # which loads the backend
        from kmlp_tuning.search.aliases import check_different

        with_context(f"{lab.file}: search", partial(check_different, settings))
    from kmlp_cli.render.recipe_results import (
        introduction,
        print_lost,
        print_part,
        results_to_dict,
        write_results,
    )

    if not output.as_json:
        print_lines(lab.title, "", "")
    answers: dict[int, Any] = {}
    with contextlib.ExitStack() as opened:

        def trained_by() -> dict[str, Any]:
            return opened.enter_context(execution.opened(quiet=output.quiet))

        try:
            for place, answer in _trained(
                lab, questions, settings, trained_by, quiet=output.quiet, **execution.common
            ):
                answers[place] = answer
                if not output.as_json:
                    print_part(lab, lab.parts[place], answer)
        except StoreLostError as error:
            left = [place for place in _in_order(lab) if place not in answers]
            found = {
                place: answer
                for place, answer in zip(left, error.results, strict=False)
                if answer is not None
            }
            print_lost(lab, answers, found, as_json=output.as_json)
            raise
    if output.as_json:
        print_json(results_to_dict(lab, answers))
    elif said := introduction(lab):
        print_text(*"\n\n".join(said).split("\n"))
    write_results(lab, answers, report, execution.runs_dir)
    if any(run.status == "failed" for answer in answers.values() for run in answer.runs):
        raise typer.Exit(1)


def _in_order(lab: Recipe) -> list[int]:
    """The places of the parts, in the order in which they are trained."""
    return sorted(range(len(lab.parts)), key=lambda place: lab.parts[place] is lab.search)


def _named(part: AblationPart | ConfigListPart) -> str:
    """What a part without a heading is called."""
    from kmlp_tuning.lab.recipe import AblationPart

    return part.param if isinstance(part, AblationPart) else "configs"


def _report_path(
    lab: Recipe, out: Path | None, runs_dir: str | None, *, overwrite: bool
) -> Path:
    """Where the report is written, checked.

    Raises:
        ConfigError: if it cannot be written there.
        StoreError: if there cannot be such a runs folder.
    """
    from kmlp.errors import ConfigError, raise_problems
    from kmlp.report import FORMATS
    from kmlp.report.pages import find_browser
    from kmlp.store import runs_folder
    from kmlp_cli.options.targets import check_target

    folder = runs_folder(runs_dir)
    if folder is None:
        raise ConfigError(
            ["A lab is reported from what the runs folder keeps: give --runs-dir a folder."]
        )
    if out is None:
        name = lab.name if lab.comparable else f"{lab.name}-quick"
        return folder / f"{name}.html"
    check_target(out, option="--out", suffixes=FORMATS, overwrite=overwrite)
    if out.suffix == ".pdf":
        find_browser()
    if out.suffix == ".md" and not overwrite:
        raise_problems(
            f"{it} exists, where a chart might be. Choose another --out, or give "
            "--overwrite."
            for it in sorted(out.parent.iterdir())
            if it.name.startswith(f"{out.stem}-") and it.suffix == ".svg"
        )
    return out


def _questions(lab: Recipe, *, fused: bool) -> tuple[list[Any], Any]:
    """What all parts ask; of the search its settings, None without one.

    Raises:
        ConfigError: with the problems of all parts.
    """
    from kmlp.errors import call_all, with_context
    from kmlp.studies.runner import deduplicate_names
    from kmlp.training.checks import check_trainable

    def settings() -> Any:
        if lab.search is None:
            return None
        made = lab.search.settings(fused=fused)
        corners = made.space.corners(made.base)
        check_trainable(corners, epochs=made.max_epochs, fused=fused)
        return made

    *questions, found = call_all(
        [
            *(
                partial(with_context, it.place, partial(it.question, fused=fused))
                for it in lab.fixed
            ),
            partial(with_context, "search", settings),
        ]
    )
    return deduplicate_names(questions, fused=fused), found


def _trained(
    lab: Recipe,
    questions: list[Any],
    settings: Any,
    trained_by: Callable[[], dict[str, Any]],
    *,
    quiet: bool,
    **common: Any,
) -> Iterator[tuple[int, Any]]:
    """What each part has come to, with its place in the recipe.

    All that is known from the start is trained together, so that no core waits; then the
    search.
    """
    from kmlp.model.config import config_fields
    from kmlp.studies.runner import train_all
    from kmlp_cli.render.progress import show_progress
    from kmlp_tuning.search.run import tune
    from kmlp_tuning.search.trial import stages_of

    shown = partial(show_progress, quiet=quiet, fresh=common["fresh"])
    trained_by = cache(trained_by)  # the same workers for both
    if questions:
        configs = [config for it in questions for row in it.runs_by_level for config in row]
        varied = [
            name
            for name in config_fields()
            if name == "seed" or len({getattr(it, name) for it in configs}) > 1
        ]
        with shown(tuple(varied)) as display:
            found = train_all(questions, observer=display, **trained_by(), **common)
        yield from zip(_in_order(lab), found, strict=False)  # but for the search
    if lab.search is not None:
        fields = (*settings.space.fields, "seed")
        with shown(fields, stages=stages_of(settings)) as display:
            search = tune(
                lab.search.space,
                base=lab.search.base,
                observer=display,
                **asdict(lab.search.options),
                **trained_by(),
                **common,
            )
        yield _in_order(lab)[-1], search
