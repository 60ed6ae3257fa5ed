"""`kmlp reproduce`: a lab, from its file to its report."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.options.execution import ExecutionOptions
from kmlp_cli.options.output import OutputOptions
from kmlp_cli.options.study import DryRun
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.options.view import epoch_of, metric_of

if TYPE_CHECKING:
    from kmlp.engine import Observer
    from kmlp.model.metrics import Metric
    from kmlp.training.run import At
    from kmlp_tuning.lab.recipe import Recipe
    from kmlp_tuning.lab.results import PartResult
    from kmlp_tuning.search.settings import SearchSettings


def epilog() -> str:
    """The text below the options in the help: the names of the recipes."""
    from kmlp_tuning.lab.bundled import bundled

    return "\n".join(
        [
            f"Recipes that come with kmlp: {', '.join(bundled())}.",
            "",
            "\b",
            "Examples:",
            "kmlp reproduce --list",
            "kmlp reproduce regularization",
            "kmlp reproduce mnist-lab --dry-run",
            "kmlp reproduce mnist-lab --print > my-lab.toml",
            "kmlp reproduce my-lab.toml --out my-lab.html",
        ]
    )


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
        typer.Option(
            "--quick", help="Train very little, to check that the whole recipe works."
        ),
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
    at: Annotated[
        str | None,
        typer.Option(
            metavar="best|last",
            help="The epoch of each run that counts: the best on the validation examples, "
            "or the last.  [default: as the recipe says]",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="accuracy|loss",
            help="The metric that compares runs.  [default: as the recipe says, else "
            "accuracy]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.{html,md,pdf}",
            help="The report to write.  [default: RECIPE.html in the runs folder, which is "
            "replaced]",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_list: Annotated[
        bool,
        typer.Option(
            "--list",
            help="List the recipes that come with kmlp with their questions, and stop.",
        ),
    ] = False,
    as_text: Annotated[
        bool, typer.Option("--print", help="Print the recipe as TOML, and stop.")
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
    """Train a lab from a recipe, and compare with a publication.

    A recipe is a file that lists ablations, configurations and a search, perhaps with
    published values. The runs folder keeps every run: after an interruption, the same
    command continues, and trains nothing twice.
    """
    from kmlp.errors import ConfigError, StoreLostError, collect_errors, with_context
    from kmlp.studies.execution import Execution
    from kmlp.training.checks import check_count
    from kmlp_cli.render.printing import print_data
    from kmlp_cli.render.progress import show_progress
    from kmlp_cli.render.recipe_results import (
        print_lost,
        print_part,
        write_results,
    )
    from kmlp_cli.terminal.output import (
        print_file,
        print_json,
        print_lines,
        print_text,
    )
    from kmlp_tuning.lab.plan import plan_lab, plan_table
    from kmlp_tuning.lab.reading import read_recipe, recipe_text
    from kmlp_tuning.lab.run import lab_result, train_lab
    from kmlp_tuning.search.trial import stages_of

    if as_schema:
        from kmlp_tuning.lab.tables import schema

        print_json(schema())
        return
    if as_list:
        _print_list(recipe, as_json=output.as_json)
        return
    if recipe is None:
        raise ConfigError(
            ["A recipe is missing. `kmlp reproduce --list` names those of kmlp."]
        )
    if as_text:
        print_file(recipe_text(recipe))
        return
    execution.select_backend()
    epoch: At | None = None
    measure: Metric | None = None
    with collect_errors() as step:
        with step():
            lab = read_recipe(recipe)
        with step():
            epoch = epoch_of(at)
        with step():
            measure = metric_of(metric)
        with step():
            if seeds_of_each is not None:
                check_count("seeds", seeds_of_each)
        with step():
            execution.check()
    if seeds_of_each is not None:
        lab = lab.with_seeds(seeds_of_each)
    if epoch is not None:
        lab = lab.judged_at(epoch)
    if measure is not None:
        lab = lab.measured_by(measure.name)
    if quick:
        lab = with_context(lab.file, lab.quick)
    report = _report_path(lab, out, execution.runs_dir, overwrite=overwrite)
    plan = plan_lab(lab, fused=execution.fused)
    if dry_run:
        rows = plan.rows()
        if output.as_json:
            print_json({"recipe": lab.name, "parts": [asdict(row) for row in rows]})
        else:
            print_data(plan_table(lab.title, rows))
        return
    plan.check_functions()

    def watch(
        fields: tuple[str, ...], search: SearchSettings | None
    ) -> AbstractContextManager[Observer]:
        return show_progress(
            fields,
            quiet=output.quiet,
            fresh=execution.fresh,
            stages={} if search is None else stages_of(search),
        )

    if not output.as_json:
        print_lines(lab.title, "", "")
    parts: list[PartResult] = []
    with ExitStack() as stack:

        def open_execution() -> Execution:
            return stack.enter_context(execution.opened(quiet=output.quiet))

        try:
            for part in train_lab(plan, watch=watch, open_execution=open_execution):
                parts.append(part)
                if not output.as_json:
                    print_part(part)
        except StoreLostError as error:
            print_lost(plan, parts, error.results, as_json=output.as_json)
            raise
    result = lab_result(plan, parts)
    if output.as_json:
        print_json(result.to_dict())
    elif result.introduction:
        print_text(*"\n\n".join(result.introduction).split("\n"))
    write_results(result, report)
    if result.failed:
        raise typer.Exit(1)


def _print_list(recipe: str | None, *, as_json: bool) -> None:
    """Print the recipes that come with kmlp.

    Args:
        recipe: The recipe that the command names, which has to be None.
        as_json: True to print JSON.

    Raises:
        ConfigError: if the command names a recipe.
    """
    from kmlp.errors import ConfigError
    from kmlp_cli.render.printing import print_data
    from kmlp_cli.terminal.output import print_json
    from kmlp_tuning.lab.summaries import bundled_summaries, summaries_table

    if recipe is not None:
        raise ConfigError(
            [
                f"`--list` lists all recipes that come with kmlp, and does not take one: "
                f"{recipe}. `--print` prints one recipe."
            ]
        )
    summaries = bundled_summaries()
    if as_json:
        print_json({"recipes": [asdict(summary) for summary in summaries]})
    else:
        print_data(summaries_table(summaries))


def _report_path(
    lab: Recipe, out: Path | None, runs_dir: str | None, *, overwrite: bool
) -> Path:
    """Return the path of the report, checked.

    Raises:
        ConfigError: if the report cannot be written there.
        StoreError: if the runs folder cannot be used.
    """
    from kmlp.errors import ConfigError
    from kmlp.store import runs_folder
    from kmlp_cli.options.targets import check_pictures, check_report

    folder = runs_folder(runs_dir)
    if folder is None:
        raise ConfigError(
            ["A lab needs a runs folder for its report. Give a folder as --runs-dir."]
        )
    if out is None:
        name = lab.name if lab.comparable else f"{lab.name}-quick"
        return folder / f"{name}.html"
    check_report(out, overwrite=overwrite)
    # The names of the charts are not known before the training, but their beginning is.
    pictures = [
        file
        for file in sorted(out.parent.iterdir())
        if file.name.startswith(f"{out.stem}-") and file.suffix == ".svg"
    ]
    check_pictures(out, pictures, overwrite=overwrite)
    return out
