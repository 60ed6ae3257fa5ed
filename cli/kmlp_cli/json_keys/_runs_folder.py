"""The content of the runs folder, and its damage."""

from typing import Annotated, Any, NotRequired, TypedDict

from kmlp_cli.json_keys._results import Status


class StudySummaryJson(TypedDict):
    """One study. It also has the parts of its question, which depend on its kind. With
    `--seeds auto`, `seeds` has those so far, and `asked_seeds` is such as `auto:20`.
    """

    name: Annotated[str, "The study's name."]
    kind: Annotated[str, "The kind of study."]
    epochs: Annotated[int, "The epochs; where runs differ, the largest."]
    runs: Annotated[int, "The number of runs that it asks for."]
    finished: Annotated[int, "The number of runs that are done."]
    failed: Annotated[int, "The number of runs that failed."]
    best_val_accuracy: NotRequired[
        Annotated[float | None, "The highest validation accuracy."]
    ]
    best_val_loss: NotRequired[
        Annotated[float | None, "The lowest validation loss, with `--metric loss`."]
    ]
    updated: Annotated[str, "Time of the last command that used it, ISO 8601, UTC."]


class StudiesJson(TypedDict):
    """`kmlp studies`."""

    studies: Annotated[list[StudySummaryJson], "Every study, the last used one first."]
    damaged: Annotated[list[str], "Studies that are damaged, a sentence each."]


class RunSummaryJson(TypedDict):
    """One run of a list."""

    key: Annotated[str, "The run key."]
    config: Annotated[dict[str, Any], "Every field of the configuration."]
    backend: Annotated[str, "The Keras backend."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    fused: Annotated[bool, "False with `--no-fused`."]
    parameters: Annotated[int, "The number of parameters."]
    epochs: Annotated[int, "The number of epochs that the run has."]
    status: Annotated[Status, "The status."]
    failure: Annotated[str | None, "The reason if the run failed, else null."]
    val_accuracy: Annotated[float | None, "The highest validation accuracy of an epoch."]
    metrics: Annotated[
        dict[str, float | None],
        "Other metrics at the best epoch: val_rmse, test_rmse, ... of a regression, "
        "val_macro_f1, ... of a classification; null if the run diverged.",
    ]
    test_accuracy: Annotated[float | None, "Test accuracy at that epoch."]
    seconds: Annotated[float, "Wall-clock time of all epochs."]
    updated: Annotated[str, "Time of the last epoch, ISO 8601, UTC."]


class RunsJson(TypedDict):
    """`kmlp runs`."""

    runs: Annotated[list[RunSummaryJson], "Every run, the last trained one first."]


class HealthJson(TypedDict):
    """`kmlp doctor`."""

    studies: Annotated[int, "The number of studies that are whole."]
    runs: Annotated[int, "The number of runs that are whole."]
    epochs: Annotated[int, "The number of epochs that are whole."]
    models: Annotated[int, "The number of checkpoints that are whole."]
    damaged: Annotated[list[str], "Every damage, a sentence each."]
    leftovers: Annotated[list[str], "Files and rows that belong to nothing."]
    whole: Annotated[bool, "True if nothing is damaged or left over."]
