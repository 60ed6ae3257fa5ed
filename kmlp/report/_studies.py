"""The section of a report on one study, of any kind."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from kmlp.errors import ConfigError
from kmlp.report._sections import Figure, Section
from kmlp.studies import kinds
from kmlp.studies.study import Study
from kmlp.studies.tables.run import every_run_table
from kmlp.training.environment import mixed_text


def section_of(study: Study) -> Section:
    """The section on a study: its discussion, charts, versions and machines."""
    discussion = kinds.kind_of(study).discuss(study)
    environments = list(study.environments)
    mixed = mixed_text(environments)
    return Section(
        name=study.name,
        question=discussion.question,
        answer=discussion.answer,
        limits=discussion.limits if mixed is None else (*discussion.limits, mixed),
        tables=discussion.tables,
        figures=tuple(figures_of(study)),
        setup=(("study", study.name), *discussion.setup, *machine_rows(environments)),
        commands=tuple(
            dict.fromkeys(_command(environment["command"]) for environment in environments)
        ),
        runs=every_run_table(discussion.runs),
    )


def figures_of(study: Study) -> list[Figure]:
    """All charts of a study except those for which the study has no numbers."""
    kind = kinds.kind_of(study)
    figures = []
    for name in kind.charts:
        try:
            figures.append(Figure(name=name, chart=kind.draw(study, name)))
        except ConfigError:  # for example, a search without a replication
            continue
    return figures


def machine_rows(environments: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The different versions and machines of environments, with their names."""
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
        + f", {environment['threads']} thread per run"
        for environment in environments
    )
    revisions = (
        environment["revision"] for environment in environments if environment["revision"]
    )
    rows = [("versions", text) for text in dict.fromkeys(versions)]
    rows += [("machine", text) for text in dict.fromkeys(machines)]
    rows += [("git revision", text) for text in dict.fromkeys(revisions)]
    return tuple(rows)


def _command(text: str) -> str:
    """A command line without the program's folder, which differs between machines."""
    program, *words = shlex.split(text)
    name = Path(program).name
    return shlex.join(["kmlp" if name == "__main__.py" else name, *words])
