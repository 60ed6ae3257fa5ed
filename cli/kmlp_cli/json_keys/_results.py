"""The parts that several objects share: estimates, evidence, runs, levels."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict


class EstimateJson(TypedDict):
    """A mean over seeds."""

    mean: Annotated[float | None, "The mean; null if no run finished."]
    interval: Annotated[
        list[float] | None,
        "The 95 % interval, [low, high]; null with one seed, or if all seeds are equal.",
    ]


class TimeToTargetJson(TypedDict):
    """The time in which the runs of a level reach a validation accuracy."""

    target: Annotated[float, "The accuracy, 0 to 1."]
    median: Annotated[
        float | None,
        "The Kaplan-Meier median over all runs; null if fewer than half reach it.",
    ]
    reached: Annotated[int, "The number of runs that reach it."]
    runs: Annotated[int, "The number of all runs."]


Verdict = Literal["better", "worse", "same", "undecided"]


class DifferenceJson(TypedDict):
    """A difference that is paired by seed and corrected for all comparisons."""

    mean: Annotated[float | None, "The mean difference."]
    interval: Annotated[
        list[float] | None,
        "Its interval, corrected like the p-value; null without a spread.",
    ]
    p_value: Annotated[
        float | None,
        "The p-value, with Holm's correction, or uncorrected if a single best level is "
        "shown; null without a spread.",
    ]
    verdict: Annotated[Verdict, "The verdict on the difference."]


class CaveatJson(TypedDict):
    """A problem of the runs of one level, or of the study."""

    problem: Annotated[
        Literal[
            "failed",
            "diverged",
            "did not learn",
            "ends in dips",
            "declines",
            "patience not reached",
            "still improves",
            "overfits",
            "edge of the values",
            "retuned to an edge",
            "under-tuned",
            "no setting was found",
            "different images",
            "seeds added after a look",
            "values added after a look",
            "values left out after a look",
            "baseline chosen after the results",
            "margin chosen after the results",
            "epoch chosen after the results",
            "metric chosen after the results",
            "baseline without runs",
        ],
        "The problem.",
    ]
    value: Annotated[Any, "The level; null for a problem of the study."]
    runs: Annotated[
        int | None, "The number of its runs with the problem; null for one of the study."
    ]


class EvidenceJson(TypedDict):
    """The conclusion as data. Levels are given by their values."""

    outcome: Annotated[str, "`compared`, `one seed`, or why there is nothing to compare."]
    best: Annotated[Any, "The level with the highest mean, or null."]
    reference: Annotated[Any, "The level compared with: the best or the baseline."]
    seeds: Annotated[int, "The number of seeds of the comparison with the fewest."]
    margin: Annotated[float | None, "The difference up to which levels are the same."]
    better: Annotated[list[Any], "The levels that are shown to be better."]
    worse: Annotated[list[Any], "The levels that are shown to be worse."]
    same: Annotated[list[Any], "The levels that are shown to be the same."]
    undecided: Annotated[list[Any], "The levels that the seeds do not separate from it."]
    fixed_learning_rates: Annotated[
        list[float],
        "The learning rates, which were not tuned for each level; several if each has its "
        "default; empty where that cannot matter.",
    ]
    seeds_needed: Annotated[
        list[int | None] | None,
        "The range of seeds that would separate the hardest level, [fewest, most]; most is "
        "null for more than 1000. Null if it is unknown.",
    ]
    excluded: Annotated[
        float | None, "The difference that no undecided level exceeds, from 0 to 1."
    ]
    caveats: Annotated[list[CaveatJson], "Problems of runs and of the study."]


class MetricJson(TypedDict):
    """The metric by which runs are compared."""

    name: Annotated[str, "The name, as `--metric` takes it."]
    title: Annotated[str, "The name in texts."]
    unit: Annotated[str, "The unit in tables: `%`, or that of the target; perhaps empty."]
    higher_is_better: Annotated[bool, "False for losses and errors."]


class HistoryJson(TypedDict):
    """One number for each epoch.

    Runs on tables have further keys, one for each metric and part that was recorded:
    `rmse`, `val_rmse`, `test_rmse`, and the same of `mae` and `r2`; or
    `val_balanced_accuracy`, `test_balanced_accuracy`, and the same of `macro_f1`.
    """

    loss: Annotated[
        list[float | None],
        "Mean training loss, with penalties (l1, l2) and label smoothing.",
    ]
    accuracy: NotRequired[Annotated[list[float | None], "Training accuracy."]]
    val_loss: Annotated[
        list[float | None],
        "Mean loss of the validation examples, without penalties and label smoothing.",
    ]
    val_accuracy: NotRequired[Annotated[list[float | None], "Validation accuracy."]]
    test_loss: Annotated[
        list[float | None],
        "Mean loss of the test examples, without penalties and label smoothing.",
    ]
    test_accuracy: NotRequired[Annotated[list[float | None], "Test accuracy."]]
    mean_learning_rate: Annotated[
        list[float | None], "The mean learning rate of the epoch's steps."
    ]
    seconds: Annotated[list[float | None], "Wall-clock time, evaluation included."]


At = Annotated[
    Literal["best", "last"], "The epoch of each run that counts: its best or its last."
]
Status = Literal["finished", "diverged", "failed"]


class RunResultsJson(TypedDict):
    """The results of a run, without its configuration.

    With another `--metric`, and for a regression, it has that metric in the place of the
    accuracies: `rmse`, `val_rmse` and `test_rmse`, or `loss` and `val_loss`.
    """

    seed: Annotated[int, "The seed."]
    status: Annotated[Status, "The status."]
    failure: Annotated[str | None, "The reason if the run failed, else null."]
    epochs: Annotated[int, "The number of epochs that the run has."]
    at_epoch: Annotated[int | None, "The epoch of `at`; null if the run has no epoch."]
    accuracy: NotRequired[
        Annotated[
            float | None,
            "Training accuracy during this epoch, each mini-batch before its update.",
        ]
    ]
    val_accuracy: NotRequired[Annotated[float | None, "Validation accuracy at this epoch."]]
    test_accuracy: NotRequired[Annotated[float | None, "Test accuracy at this epoch."]]
    loss: NotRequired[Annotated[float | None, "Mean training loss during this epoch."]]
    val_loss: NotRequired[Annotated[float | None, "Validation loss at this epoch."]]
    test_loss: Annotated[float | None, "Mean loss of the test examples at this epoch."]
    gap: Annotated[
        float | None,
        "Training accuracy minus validation accuracy, both of this epoch; of a loss or an "
        "error, that of validation minus that of training. Null if the metric is not "
        "recorded in training.",
    ]
    history: Annotated[HistoryJson, "Every epoch."]
    seconds: Annotated[float, "Wall-clock time of all epochs."]


class LevelResultsJson(TypedDict):
    """The results of a level of any study, without its value."""

    parameters: Annotated[int, "The number of parameters."]
    mean: Annotated[float | None, "Mean validation accuracy over the seeds."]
    interval: Annotated[list[float] | None, "Its 95 % interval; null with one seed."]
    test_accuracy: NotRequired[Annotated[EstimateJson, "The same for the test examples."]]
    last_val_accuracy: NotRequired[
        Annotated[EstimateJson, "Mean validation accuracy after the last epoch."]
    ]
    test_loss: NotRequired[Annotated[EstimateJson, "Mean loss of the test examples."]]
    last_val_loss: NotRequired[
        Annotated[EstimateJson, "Mean validation loss after the last epoch."]
    ]
    difference: Annotated[
        DifferenceJson | None,
        "The difference from the best level or the baseline; null for that level itself.",
    ]
    error_ratio: Annotated[
        float | None, "Its mean error divided by that of the best level or the baseline."
    ]
    diverged: Annotated[int, "The number of runs that diverged."]
    failed: Annotated[int, "The number of runs that failed."]
    did_not_learn: Annotated[
        int, "The number of runs that are no better than a network without training."
    ]
    best_epoch: Annotated[EstimateJson, "The epoch with the highest validation accuracy."]
    epochs_to_near_best: Annotated[
        TimeToTargetJson | None,
        "The first epoch with at most 1.1 times the error of the best level; null if no "
        "run of the study finished.",
    ]
    area_under_curve: Annotated[EstimateJson, "The mean of the curve."]
    gap: Annotated[
        EstimateJson,
        "Training accuracy minus validation accuracy, both of the epoch of `at`.",
    ]
    seconds_per_epoch: Annotated[float | None, "The median wall-clock time of an epoch."]
    epochs_to_target: NotRequired[
        Annotated[TimeToTargetJson, "Epochs to the accuracy of `--target-accuracy`."]
    ]
    seconds_to_target: NotRequired[Annotated[TimeToTargetJson, "Seconds to that accuracy."]]
    runs: Annotated[list[RunResultsJson], "Every run, one for each seed."]


class LevelJson(LevelResultsJson):
    """One level of an ablation: a value with its runs."""

    value: Annotated[Any, "The value; `300x100` is [300, 100]."]
