"""The options of a search: the algorithm, its objective, and the numbers of epochs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from kmlp.errors import call_all
from kmlp_cli.options.groups import OptionGroup
from kmlp_tuning.search import options
from kmlp_tuning.search.options import DEFAULTS


@dataclass(frozen=True, kw_only=True)
class SearchOptions(OptionGroup):
    """The options that are keywords of `kmlp_tuning.tune`."""

    title = "Search"

    max_trials: Annotated[
        int | None,
        typer.Option(
            help="Number of configurations to try, all different.  [default: 25; for a "
            "grid all]"
        ),
    ] = DEFAULTS.max_trials
    algorithm: Annotated[
        str,
        typer.Option(
            help="The search algorithm: hyperband, asha, random, bayesian or grid. asha "
            "does not wait for all trials of a rung, so its promotions depend on timing."
        ),
    ] = DEFAULTS.algorithm
    objective: Annotated[
        str | None,
        typer.Option(
            help="The figure by which trials are ranked: val_accuracy, val_loss, accuracy, "
            "loss.  [default: val_accuracy; val_loss with --metric loss]",
            show_default=False,
        ),
    ] = None
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="accuracy|loss",
            help="The metric that compares the best trials over other seeds, and that "
            "--patience watches.  [default: accuracy]",
            show_default=False,
        ),
    ] = None
    at: Annotated[
        str,
        typer.Option(
            help="The epoch that ranks a trial and that is compared: best, the best of its "
            "epochs so far, or last."
        ),
    ] = DEFAULTS.at
    max_epochs: Annotated[
        int, typer.Option(help="Epochs of the trials that are promoted to the end.")
    ] = DEFAULTS.max_epochs
    patience: Annotated[
        int | None,
        typer.Option(
            help="Early stopping: end a run after this many epochs without a better "
            "validation accuracy, or loss with --metric loss; it keeps its score.  "
            "[default: no early stopping]"
        ),
    ] = DEFAULTS.patience
    min_epochs: Annotated[
        int | None,
        typer.Option(help="The smallest number of epochs of a trial.  [default: 1]"),
    ] = DEFAULTS.min_epochs
    factor: Annotated[
        int | None,
        typer.Option(
            help="At each rung, the best 1 / factor of the trials are promoted to factor "
            "times as many epochs.  [default: 3]"
        ),
    ] = DEFAULTS.factor
    replicates: Annotated[
        int,
        typer.Option(
            help="Number of other seeds with which the best three are trained again; 0: "
            "none."
        ),
    ] = DEFAULTS.replicates

    def check(self) -> None:
        """Check the numbers that do not depend on the space.

        Raises:
            ConfigError: with every problem at once.
        """
        from kmlp.training.checks import check_count

        call_all(
            [
                lambda: (
                    self.max_trials is None or check_count("max_trials", self.max_trials)
                ),
                lambda: check_count("max_epochs", self.max_epochs),
            ]
        )

    def asked(self) -> options.SearchOptions:
        """Return the options as `kmlp_tuning` takes them."""
        return options.SearchOptions(**asdict(self))
