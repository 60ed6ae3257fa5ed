"""The section of a report on a study, of any kind."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from kmlp.errors import ConfigError
from kmlp.report.sections import Figure, Section
from kmlp.studies import kinds
from kmlp.studies.study import Study
from kmlp.studies.tables import every_run_table
from kmlp.training.environment import mixed_text


def section_of(study: Study) -> Section:
    """The section on a study: its discussion, its charts, and where it was trained."""
    found = study.discussion()
    environments = list(study.environments)
    mixed = mixed_text(environments)
    return Section(
        name=study.name,
        question=found.question,
        answer=found.answer,
        limits=found.limits if mixed is None else (*found.limits, mixed),
        tables=found.tables,
        figures=tuple(figures_of(study)),
        setup=(("study", study.name), *found.setup, *machine_rows(environments)),
        commands=tuple(dict.fromkeys(_command(it["command"]) for it in environments)),
        runs=every_run_table(found.runs),
    )


def figures_of(study: Study) -> list[Figure]:
    """All charts of a study for which it has the numbers, each with its name."""
    kind = kinds.kind_of(study)
    found = []
    for name in kind.charts:
        try:
            found.append(Figure(name=name, chart=kind.draw(study, name)))
        except ConfigError:
            continue
    return found


def machine_rows(environments: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The versions and machines of environments, each once."""
    versions = (
        ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
        for environment in environments
    )
    machines = (
        ", ".join(
            str(part)
            for part in (
                environment["platform"],
                environment.get("processor"),
                environment["device"],
            )
            if part
        )
        + f", {environment['threads']} thread a run"
        for environment in environments
    )
    revisions = (it["revision"] for it in environments if it["revision"])
    found = [("versions", text) for text in dict.fromkeys(versions)]
    found += [("machine", text) for text in dict.fromkeys(machines)]
    found += [("git revision", text) for text in dict.fromkeys(revisions)]
    return tuple(found)


def _command(text: str) -> str:
    """A command line without the folder of the program, which is one machine's own."""
    program, *words = shlex.split(text)
    name = Path(program).name
    return shlex.join(["kmlp" if name == "__main__.py" else name, *words])
