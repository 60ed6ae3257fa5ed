"""The discussion of a search."""

from __future__ import annotations

from kmlp.model.domains import domain_text
from kmlp.studies.discussion import (
    ONLY_THIS_SETUP,
    Discussion,
    comparison_limits,
    fields_setup,
    patience_setup,
    runs_by_name,
    training_setup,
)
from kmlp.training.run import common_settings
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import HALVING
from kmlp_tuning.search.tables import importance_table, replication_table, search_table


def discuss_search(search: Search) -> Discussion:
    """The discussion of a search, for a report."""
    settings = search.settings
    tables = [search_table(search, every=True).titled(f"Trials: {search.headline}")]
    metric = settings.metric
    too_good = "high" if metric.higher_is_better else "low"
    limits = [
        f"The {metric.best_word} of many {metric.titles} is too {too_good} on average. "
        "Trust the means over other seeds, and of the best of these the test "
        f"{metric.title}.",
        "A configuration that was stopped early might have been the best in the end.",
    ]
    if search.importances is not None:
        table = importance_table(search.importances)
        tables.append(table.titled(table.title, notes=(search.importances.meaning,)))
    if search.replication is not None:
        table = replication_table(search, search.replication)
        tables.append(table.titled("Replication of the best with other seeds"))
        limits += comparison_limits(search.replication)
    least = f"{settings.min_epochs} to " if settings.algorithm in HALVING else ""
    return Discussion(
        question=(
            f"Which configuration is best? ({settings.base.dataset}, {settings.algorithm})"
        ),
        answer=search.answer,
        limits=(*limits, ONLY_THIS_SETUP),
        tables=tuple(tables),
        setup=(
            ("algorithm", settings.algorithm),
            ("configurations", str(settings.max_trials)),
            ("epochs", f"{least}{settings.max_epochs}"),
            *patience_setup(settings.patience, search.noun),
            ("chosen by", f"{settings.objective}, {settings.at} epoch"),
            *(
                (f"searched: {name}", domain_text(name, domain))
                for name, domain in settings.space.fields.items()
            ),
            *fields_setup(settings.fixed),
            *training_setup(
                search.backend,
                fused=settings.fused,
                settings=common_settings(search.runs),
            ),
        ),
        runs=(
            *(
                (f"trial {trial.number}", trial.run)
                for trial in search.trials
                if trial.run is not None
            ),
            *(runs_by_name(search.replication) if search.replication else ()),
        ),
    )
