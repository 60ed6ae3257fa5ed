"""What a lab has come to: printed, as JSON, and as a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kmlp.export.json import ablation_to_dict, config_list_to_dict
from kmlp.report import Section, write_report
from kmlp.store import Store
from kmlp_cli.commands.report import as_data, section
from kmlp_cli.loading import load_study, opened
from kmlp_cli.render.config_list_tables import config_list_table
from kmlp_cli.render.lost import FROM_MEMORY
from kmlp_cli.render.printing import print_ablation, print_search
from kmlp_cli.render.recipe_tables import compared_table
from kmlp_cli.terminal.output import print_json, print_lines, print_table, print_text, say
from kmlp_tuning.lab.comparing import (
    QuantityComparison,
    claims,
    compare_part,
    comparison_to_list,
    search_claims,
    shows_all,
)
from kmlp_tuning.lab.recipe import AblationPart, ConfigListPart, Recipe, SearchPart
from kmlp_tuning.search.export import search_to_dict

_QUICK = (
    "Quick: fewer epochs, images, seeds and trials than the recipe has. Nothing here can "
    "be compared with what was published, which is therefore left out."
)


def print_part(lab: Recipe, part: Any, answer: Any) -> None:
    """Prints what a part has come to, and what was published of it."""
    if part.heading is not None:
        print_lines(part.heading, "")
    compared = _compared(lab, part, answer)
    if isinstance(part, SearchPart):
        print_search(answer)
    elif isinstance(part, AblationPart):
        print_ablation(answer, convergence=False, target=None)
    shown = isinstance(part, ConfigListPart) and not shows_all(compared, answer)
    if shown:
        print_table(config_list_table(answer))
    for number, it in enumerate(compared):
        if number > 0 or shown or isinstance(part, AblationPart):
            print_lines()
        labelled = number == 0 and not shown
        print_table(compared_table(it, labelled=labelled), it.sentence)
    said = " ".join(_claims(lab, part, answer))
    for paragraph in filter(None, [said, *(f"Note: {it}" for it in part.notes)]):
        print_text("", *paragraph.split("\n"))
    print_lines("", "")


def print_lost(
    lab: Recipe, answers: Mapping[int, Any], found: Mapping[int, Any], *, as_json: bool
) -> None:
    """Prints what parts had come to when the store was lost, beside nothing published.

    Args:
        lab: The lab.
        answers: Of the parts that were trained, by their places.
        found: Of those that were being trained, as far as they had come.
        as_json: Whether all of it is printed, as JSON; else what was found.
    """
    if found:
        say(FROM_MEMORY)
    lab = replace(lab, comparable=False)
    if as_json:
        there = {**answers, **found}
        places = sorted(there)
        lab = replace(lab, parts=tuple(lab.parts[place] for place in places))
        print_json(results_to_dict(lab, dict(enumerate(map(there.get, places)))))
        return
    for place, answer in found.items():
        print_part(lab, lab.parts[place], answer)


def _compared(lab: Recipe, part: Any, answer: Any) -> list[QuantityComparison]:
    """The published figures of a part beside ours, if they can be compared."""
    comparable = lab.comparable and not isinstance(part, SearchPart)
    return compare_part(part, answer) if comparable else []


def introduction(lab: Recipe) -> list[str]:
    """What is said of all of it."""
    found = [] if lab.comparable else [_QUICK]
    if lab.source is not None:
        found.append(f"Published figures: {lab.source}")
    return [*found, *lab.notes]


def _claims(lab: Recipe, part: Any, answer: Any) -> list[str]:
    """Sentences on what was published of a part."""
    if not lab.comparable:
        return []
    if isinstance(part, SearchPart):
        return search_claims(part, answer)
    return claims(part, answer) if isinstance(part, AblationPart) else []


def results_to_dict(lab: Recipe, answers: Mapping[int, Any]) -> dict[str, Any]:
    """A lab as plain values, which JSON can hold."""

    def part_to_dict(part: Any, answer: Any) -> dict[str, Any]:
        if isinstance(part, SearchPart):
            kind, values = "search", search_to_dict(answer)
        elif isinstance(part, AblationPart):
            kind, values = "ablation", ablation_to_dict(answer)
        else:
            kind, values = "configs", config_list_to_dict(answer)
        compared = _compared(lab, part, answer)
        return {
            "kind": kind,
            "heading": part.heading,
            "notes": list(part.notes),
            "published": [row for it in compared for row in comparison_to_list(it)],
            "claims": _claims(lab, part, answer),
            **values,
        }

    return {
        "recipe": lab.name,
        "title": lab.title,
        "source": lab.source,
        "notes": list(lab.notes),
        "comparable": lab.comparable,
        "parts": [part_to_dict(it, answers[place]) for place, it in enumerate(lab.parts)],
    }


def write_results(
    lab: Recipe, answers: Mapping[int, Any], path: Path, runs_dir: str | None
) -> None:
    """Writes the report, and says so."""
    with opened(runs_dir) as store:
        sections = [
            _section(lab, part, answers[place], store=store)
            for place, part in enumerate(lab.parts)
        ]
    for written in write_report(
        sections, path, title=lab.title, introduction=introduction(lab)
    ):
        say(f"Wrote {written}.")


def _section(lab: Recipe, part: Any, answer: Any, *, store: Store) -> Section:
    """What the report says of a part: as of any study, and of what was published."""
    found = section(load_study(store, answer.name))
    compared = _compared(lab, part, answer)
    tables = (as_data(compared_table(it)) for it in compared)
    return replace(
        found,
        question=part.heading or found.question,
        answer=(
            *_claims(lab, part, answer),
            *(it.sentence for it in compared),
            *found.answer,
        ),
        notes=part.notes,
        tables=(*tables, *found.tables),
    )
