"""A list of configurations."""

from typing import Annotated, Any, TypedDict

from kmlp_cli.json_keys._results import (
    At,
    EstimateJson,
    EvidenceJson,
    LevelResultsJson,
    MetricJson,
)


class ConfigurationJson(LevelResultsJson):
    """One configuration of a list.

    With another `--metric`, and for a regression, it has that metric in the place of the
    accuracies: `test_rmse` and `last_val_rmse`, or `test_loss` and `last_val_loss`. All
    other numbers are about that metric, too.
    """

    number: Annotated[int, "Its number, from 1."]
    config: Annotated[dict[str, Any], "Every field, with the first seed."]
    epochs: Annotated[int, "The epochs of its runs."]
    val_loss: Annotated[EstimateJson, "Mean loss of the validation examples."]
    seconds: Annotated[float, "The median wall-clock time of a run."]


class ConfigurationListJson(TypedDict):
    """`kmlp show` of a list of configurations."""

    name: Annotated[str, "The study's name."]
    metric: Annotated[str, "The number that is compared, such as `val_accuracy`."]
    metric_details: Annotated[MetricJson, "Its metric."]
    at: At
    base: Annotated[dict[str, Any], "Every field in which all configurations agree."]
    varied: Annotated[list[str], "The other fields, without the seed."]
    epochs: Annotated[int, "The largest number of epochs."]
    patience: Annotated[
        int | None, "The patience of early stopping of every run; null without it."
    ]
    seeds: Annotated[list[int], "The seeds."]
    backend: Annotated[str, "The Keras backend."]
    fused: Annotated[bool, "False with `--no-fused`."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    configs: Annotated[list[ConfigurationJson], "Every configuration."]
    best: Annotated[int | None, "The number of the best one, or null."]
    conclusion: Annotated[str, "The sentences under the table."]
    evidence: Annotated[EvidenceJson, "The conclusion as data."]
