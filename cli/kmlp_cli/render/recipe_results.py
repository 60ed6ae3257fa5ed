"""Printing the results of a lab, and writing its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kmlp_cli.render.lost import FROM_MEMORY
from kmlp_cli.render.printing import print_data, print_study
from kmlp_cli.terminal.output import print_json, print_lines, print_text, say
from kmlp_tuning.lab.plan import LabPlan
from kmlp_tuning.lab.published_table import published_table
from kmlp_tuning.lab.results import LabResult, PartResult
from kmlp_tuning.lab.run import lab_result


def print_part(result: PartResult) -> None:
    """Print the study of a part, and the comparison with its published values."""
    part, comparisons = result.part, result.comparisons
    if part.heading is not None:
        print_lines(part.heading, "")
    alone = result.shown_by_comparisons
    if not alone:
        print_study(result.study, brief=True)
    for number, comparison in enumerate(comparisons):
        if number > 0 or not alone:
            print_lines()
        print_data(published_table(comparison, labelled=number == 0 and alone))
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

    They are not compared with published values.

    Args:
        plan: The lab.
        parts: The results of the parts that were trained.
        lost: The results so far of the parts in training. None for a part without results.
        as_json: True to print all parts as JSON. False to print those in training, because
            the others were printed before.
    """
    unprinted = [result for result in lost if result is not None]
    if unprinted:
        say(FROM_MEMORY)
    if as_json:
        plan = replace(plan, recipe=replace(plan.recipe, comparable=False))
        results = [replace(result, comparable=False) for result in (*parts, *unprinted)]
        print_json(lab_result(plan, results).to_dict())
        return
    for result in unprinted:
        print_part(result)


def write_results(result: LabResult, path: Path) -> None:
    """Write the report, and name the files that were written."""
    for file in result.report(path):
        say(f"Wrote {file}.")
