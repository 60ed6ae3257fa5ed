"""The options that change the display of an ablation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp.errors import ConfigError
from kmlp_cli.options.groups import OptionGroup

if TYPE_CHECKING:
    from kmlp.model.metrics import Metric as MeasuredBy
    from kmlp.training.run import At as Epoch

Baseline = Annotated[
    str | None,
    typer.Option(
        help="The value to compare the others with.  [default: the best, or as the study "
        "has it]",
        show_default=False,
    ),
]


At = Annotated[
    str | None,
    typer.Option(
        metavar="best|last",
        help="The epoch of each run that counts: the best on the validation examples, or "
        "the last.  [default: best, or as the study has it]",
        show_default=False,
    ),
]


Metric = Annotated[
    str | None,
    typer.Option(
        metavar="accuracy|loss",
        help="The metric that compares runs, by its value on the validation examples. It "
        "finds the best epoch, and --patience watches it.  [default: accuracy, or as the "
        "study has it]",
        show_default=False,
    ),
]


def _margin(default: str) -> Any:
    return typer.Option(
        metavar="POINTS",
        help="The difference in percentage points up to which values count as the same; "
        "with --metric loss, the difference of losses.  "
        f"[default: {default}]",
        show_default=False,
    )


Margin = Annotated[
    float | None, _margin("0.2, none with --metric loss, or as the study has it")
]
MarginOfTwo = Annotated[float | None, _margin("0.2, none with --metric loss")]
"""The margin of a comparison of two studies, which have margins of their own."""


def metric_of(name: str | None) -> MeasuredBy | None:
    """The metric of `--metric`; None if the option is left out.

    Raises:
        ConfigError: if there is no such metric. Whether runs record it depends on their
            datasets, and is checked with them.
    """
    if name is None:
        return None
    from kmlp.model.metrics import get_metric

    return get_metric(name)


def margin_of(points: float | None, metric: MeasuredBy | None = None) -> float | None:
    """The margin of `--margin`, in the unit of the metric; None if it is left out.

    Args:
        points: The value of the option: percentage points for accuracies, which are shares.
        metric: The metric. Defaults to None: accuracy.

    Raises:
        ConfigError: if the option is not above 0, or not below 100 points.
    """
    if points is None:
        return None
    if metric is not None and not metric.share:
        from kmlp.studies.ablation_plan import check_margin

        return check_margin(points, metric)
    if not 0 < points < 100:
        raise ConfigError(
            [
                f"The value of `--margin` is {points:g}, but is a difference in percentage "
                "points: above 0 and below 100."
            ]
        )
    return points / 100


def epoch_of(at: str | None, patience: int | None = None) -> Epoch | None:
    """The epoch of `--at`; None if the option is left out.

    Args:
        at: The value of the option.
        patience: The patience of early stopping. Defaults to None: no early stopping.

    Raises:
        ConfigError: if the option is neither best nor last, or last with a patience.
    """
    if at is None:
        return None
    from kmlp.studies.judging import check_at

    return check_at(at, patience)


@dataclass(frozen=True, kw_only=True)
class ViewOptions(OptionGroup):
    """The options of a command that shows an ablation."""

    title = "Results"

    baseline: Baseline = None
    margin: Margin = None
    at: At = None
    metric: Metric = None
    every: Annotated[
        bool, typer.Option("--all", help="Show all values, not only the best twenty.")
    ] = False
    convergence: Annotated[
        bool,
        typer.Option("--convergence", help="Also show how fast each value learned."),
    ] = False
    target_accuracy: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            help="Show how long each value took to reach this validation accuracy.",
            show_default=False,
        ),
    ] = None
    target: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="The same for any metric: a validation accuracy in percent, or with "
            "--metric loss a loss.",
            show_default=False,
        ),
    ] = None

    def baseline_among(self, param: str, levels: Sequence[Any]) -> str | None:
        """The text of the baseline, one of some levels; None if it is not given.

        Raises:
            ConfigError: if the baseline is not one of them.
        """
        if self.baseline is None:
            return None
        from kmlp.model.params import param_field
        from kmlp.studies.ablation_plan import check_baseline

        check_baseline(param, levels, param_field(param).parse(self.baseline))
        return self.baseline

    def check_target(self) -> float | None:
        """The target accuracy, from 0 to 1; None if the option is left out.

        Raises:
            ConfigError: if the option is not a percentage above 1.
        """
        if self.target_accuracy is None:
            return None
        if not 1 < self.target_accuracy <= 100:
            raise ConfigError(
                [
                    f"The value of `--target-accuracy` is {self.target_accuracy:g}, but is "
                    "a percentage: more than 1, and at most 100."
                ]
            )
        return self.target_accuracy / 100

    def epoch(self) -> Epoch | None:
        """The epoch of `--at`; None if the option is left out.

        Raises:
            ConfigError: if the option is neither best nor last.
        """
        return epoch_of(self.at)

    def measure(self) -> MeasuredBy | None:
        """The metric of `--metric`; None if the option is left out.

        Raises:
            ConfigError: if no run records such a metric.
        """
        return metric_of(self.metric)

    def applied(self, study: Any, *, baseline: bool = True) -> Any:
        """The study as these options show it.

        Args:
            study: The study.
            baseline: False to leave the baseline out. Defaults to True.

        Raises:
            ConfigError: if the options are not for the study's kind, or the study lacks the
                baseline.
        """
        metric = self.measure() or study.metric
        target = None if self.target is None else self.target / metric.factor
        return study.viewed(
            baseline=self.baseline if baseline else None,
            margin=margin_of(self.margin, metric),
            at=self.epoch(),
            metric=self.measure(),
            convergence=self.convergence,
            target=target,
            target_accuracy=self.check_target(),
        )
