"""A single run, and the plan of one."""

from typing import Annotated, Any, TypedDict

from kmlp_cli.json_keys._results import At, MetricJson, RunResultsJson, Status


class OutcomeJson(TypedDict):
    """The conclusion of a single run, as data."""

    outcome: Annotated[Status, "The status of the run."]


class RunJson(RunResultsJson):
    """`kmlp train`, and `kmlp show` of a single run.

    With another `--metric`, and for a regression, it has that metric in the place of the
    accuracies: `rmse`, `val_rmse` and `test_rmse`, or `loss` and `val_loss`.
    """

    config: Annotated[dict[str, Any], "Every field of the configuration."]
    backend: Annotated[str, "The Keras backend."]
    fused: Annotated[bool, "False with `--no-fused`."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    parameters: Annotated[int, "The number of parameters."]
    at: At
    metric_details: Annotated[MetricJson, "The metric that finds the best epoch."]
    patience: Annotated[
        int | None, "The patience of early stopping of the run; null without it."
    ]
    conclusion: Annotated[str, "The sentence under the table."]
    evidence: Annotated[OutcomeJson, "The conclusion as data."]


class RunPlanJson(TypedDict):
    """`kmlp train --dry-run`."""

    epochs: Annotated[int, "The number of epochs."]
    parameters: Annotated[int, "The number of parameters."]
    patience: Annotated[
        int | None, "The patience of early stopping of the run; null without it."
    ]
    steps: Annotated[int, "The steps of all epochs together."]
    learning_rate: Annotated[float, "The learning rate; the optimizer's by default."]
