"""The results of a lab: printed, and written as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kmlp.report import Section, write_report
from kmlp.store import Store
from kmlp_cli.commands.report import as_data, section
from kmlp_cli.loading import load_study, opened
from kmlp_cli.render.config_list_tables import config_list_table
from kmlp_cli.render.lost import FROM_MEMORY
from kmlp_cli.render.printing import print_ablation, print_search
from kmlp_cli.render.recipe_tables import compared_table
from kmlp_cli.terminal.output import print_json, print_lines, print_table, print_text, say
from kmlp_tuning.lab.plan import LabPlan
from kmlp_tuning.lab.recipe import AblationPart, ConfigListPart, SearchPart
from kmlp_tuning.lab.results import LabResult, PartResult
from kmlp_tuning.lab.run import lab_result


def print_part(result: PartResult) -> None:
    """Print the study of a part, and what was published of it."""
    part, comparisons = result.part, result.comparisons
    if part.heading is not None:
        print_lines(part.heading, "")
    alone = result.shown_by_comparisons
    if isinstance(part, SearchPart):
        print_search(result.study)
    elif isinstance(part, AblationPart):
        print_ablation(result.study, convergence=False, target=None)
    elif isinstance(part, ConfigListPart) and not alone:
        print_table(config_list_table(result.study))
    for number, comparison in enumerate(comparisons):
        if number > 0 or not alone:
            print_lines()
        labelled = number == 0 and (alone or isinstance(part, AblationPart))
        print_table(compared_table(comparison, labelled=labelled), comparison.sentence)
    claims = " ".join(result.claims)
    for paragraph in filter(None, [claims, *(f"Note: {note}" for note in part.notes)]):
        print_text("", *paragraph.split("\n"))
    print_lines("", "")


def print_lost(
    plan: LabPlan,
    parts: Sequence[PartResult],
    lost: Sequence[PartResult | None],
    *,
    as_json: bool,
) -> None:
    """Print the results that are in memory when the runs folder is lost.

    Nothing is compared with what was published.

    Args:
        plan: The lab.
        parts: The results of the parts that were trained.
        lost: The results of those that were being trained, as far as they had come.
        as_json: Whether all of it is printed, as JSON; otherwise `lost`.
    """
    found = [result for result in lost if result is not None]
    if found:
        say(FROM_MEMORY)
    if as_json:
        plan = replace(plan, recipe=replace(plan.recipe, comparable=False))
        results = [replace(result, comparable=False) for result in (*parts, *found)]
        print_json(lab_result(plan, results).to_dict())
        return
    for result in found:
        print_part(result)


def write_results(result: LabResult, path: Path, runs_dir: str | None) -> None:
    """Write the report, and say so."""
    with opened(runs_dir) as store:
        sections = [_section(part, store=store) for part in result.parts]
    for written in write_report(
        sections, path, title=result.recipe.title, introduction=result.introduction
    ):
        say(f"Wrote {written}.")


def _section(result: PartResult, *, store: Store) -> Section:
    """The section of a part: that of the study, and what was published of it."""
    own = section(load_study(store, result.study.name))
    comparisons = result.comparisons
    tables = (as_data(compared_table(it)) for it in comparisons)
    return replace(
        own,
        question=result.part.heading or own.question,
        answer=(*result.claims, *(it.sentence for it in comparisons), *own.answer),
        notes=result.part.notes,
        tables=(*tables, *own.tables),
    )
