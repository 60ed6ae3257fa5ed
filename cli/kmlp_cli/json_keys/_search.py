"""A search, and the plan of one."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from kmlp_cli.json_keys._results import (
    EstimateJson,
    EvidenceJson,
    HistoryJson,
    LevelJson,
    MetricJson,
)


class RungJson(TypedDict):
    """One rung of a bracket."""

    configurations: Annotated[int, "The number of trials that reach it."]
    epochs: Annotated[int, "The epochs that they then have."]


class TrialJson(TypedDict):
    """One trial of a search. A trial that has not started has no results yet.

    With another `--metric`, and for a regression, it has that metric in the place of the
    accuracies: `rmse`, `val_rmse` and `test_rmse`, or `loss` and `val_loss`.
    """

    trial: Annotated[int, "Its number, from 1, in the order in which trials were chosen."]
    values: Annotated[
        dict[str, Any], "The fields that were searched; null where one has no effect."
    ]
    bracket: Annotated[int, "Its bracket, from 1."]
    rung: Annotated[int, "The last rung that it reached, from 1."]
    score: Annotated[float | None, "The objective, see `at`, or null."]
    status: Annotated[
        Literal["finished", "stopped", "waiting", "diverged", "failed"], "The status."
    ]
    seed: NotRequired[Annotated[int, "The seed."]]
    failure: NotRequired[Annotated[str | None, "The reason if the run failed, else null."]]
    epochs: NotRequired[Annotated[int, "The number of epochs that the run has."]]
    at_epoch: NotRequired[
        Annotated[int | None, "The epoch of `at`; null if the run has no epoch."]
    ]
    accuracy: NotRequired[Annotated[float | None, "Training accuracy during this epoch."]]
    val_accuracy: NotRequired[Annotated[float | None, "Validation accuracy at this epoch."]]
    test_accuracy: NotRequired[Annotated[float | None, "Test accuracy at this epoch."]]
    loss: NotRequired[Annotated[float | None, "Mean training loss during this epoch."]]
    val_loss: NotRequired[Annotated[float | None, "Validation loss at this epoch."]]
    test_loss: NotRequired[
        Annotated[float | None, "Mean loss of the test examples at this epoch."]
    ]
    gap: NotRequired[
        Annotated[
            float | None, "Training accuracy minus validation accuracy, at this epoch."
        ]
    ]
    history: NotRequired[Annotated[HistoryJson, "Every epoch."]]
    seconds: NotRequired[Annotated[float, "Wall-clock time of all epochs."]]


class FieldImportanceJson(TypedDict):
    """The importance of one field."""

    field: Annotated[str, "The field."]
    mean: Annotated[float | None, "The accuracy that is lost if the field is shuffled."]
    interval: Annotated[list[float] | None, "Its interval."]


class ImportanceJson(TypedDict):
    """The importance of all fields that were searched."""

    epochs: Annotated[
        int,
        "The number of epochs; the accuracy at the best or the last of them is predicted.",
    ]
    trials: Annotated[int, "The number of trials that were used."]
    skill: Annotated[float, "1 if the forest predicts perfectly, 0 if it does not help."]
    fields: Annotated[list[FieldImportanceJson], "Every field, the most important first."]


class ReplicatedTrialJson(LevelJson):
    """One trial that was trained again; `value` is its number.

    With another `--metric`, and for a regression, it has that metric in the place of the
    accuracies: `test_rmse` and `last_val_rmse`, or `test_loss` and `last_val_loss`. All
    other numbers are about that metric, too.
    """

    optimism: Annotated[
        EstimateJson, "Its accuracy in the search minus the mean over the other seeds."
    ]


class ReplicationJson(TypedDict):
    """The best trials, trained again with other seeds."""

    seeds: Annotated[list[int], "The other seeds."]
    levels: Annotated[list[ReplicatedTrialJson], "Every trial that was trained again."]
    conclusion: Annotated[str, "The sentences under the table."]
    evidence: Annotated[EvidenceJson, "The conclusion as data."]


class SearchJson(TypedDict):
    """`kmlp tune`, and `kmlp show` of a search."""

    name: Annotated[str, "The study's name."]
    algorithm: Annotated[str, "The algorithm."]
    objective: Annotated[str, "The number that chooses."]
    direction: Annotated[Literal["max", "min"], "The better end of the objective."]
    metric: Annotated[str, "The number that is compared, such as `val_accuracy`."]
    metric_details: Annotated[MetricJson, "Its metric."]
    at: Annotated[
        Literal["best", "last"], "The epoch that ranks a trial: its best or its last."
    ]
    space: Annotated[
        dict[str, Any],
        "The values or the range of each searched field; for a conditional field by the "
        "name and the value of the other field.",
    ]
    base: Annotated[dict[str, Any], "Every other field of the configuration."]
    max_trials: Annotated[int, "The number of configurations."]
    max_epochs: Annotated[int, "The epochs of the best ones."]
    patience: Annotated[
        int | None, "The patience of early stopping of every run; null without it."
    ]
    brackets: Annotated[list[list[RungJson]], "Every bracket with its rungs."]
    backend: Annotated[str, "The Keras backend."]
    complete: Annotated[bool, "True if the search is finished."]
    fused: Annotated[bool, "False with `--no-fused`."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    trials: Annotated[list[TrialJson], "Every trial."]
    ranked: Annotated[list[int], "The numbers of the trials with a score, the best first."]
    best: Annotated[int | None, "The number of the best trial, or null."]
    at_edge: Annotated[
        dict[str, Literal["lower", "upper"]],
        "The fields whose value in the best trial is at an end of what was searched.",
    ]
    diverged: Annotated[int, "The number of trials that diverged."]
    importance: Annotated[ImportanceJson | None, "Null for fewer than eight trials."]
    replication: Annotated[ReplicationJson | None, "Null if there is none."]
    conclusion: Annotated[str, "The conclusion of the replication, or that there is none."]
    evidence: Annotated[EvidenceJson, "The conclusion as data. Levels are trials."]


class SearchPlanJson(TypedDict):
    """`kmlp tune --dry-run`."""

    algorithm: Annotated[str, "The algorithm."]
    max_trials: Annotated[int, "The number of configurations."]
    space: Annotated[
        dict[str, Any],
        "The values or the range of each searched field; for a conditional field by the "
        "name and the value of the other field.",
    ]
    brackets: Annotated[list[list[RungJson]], "Every bracket with its rungs."]
    patience: Annotated[
        int | None, "The patience of early stopping of every run; null without it."
    ]
    epochs: Annotated[int, "The epochs of all trials together."]
    replication_epochs: Annotated[int, "The epochs of the other seeds together."]
