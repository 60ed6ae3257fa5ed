"""An ablation, the plan of one, and a comparison of two."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from kmlp_cli.json_keys._results import (
    At,
    DifferenceJson,
    EstimateJson,
    EvidenceJson,
    LevelJson,
    MetricJson,
)


class AblationLevelJson(LevelJson):
    """One level of an ablation, with the defaults that follow its value.

    With another `--metric`, and for a regression, it has that metric in the place of the
    accuracies: `test_rmse` and `last_val_rmse`, or `test_loss` and `last_val_loss`. All
    other numbers are about that metric, too.
    """

    derived: Annotated[
        dict[str, Any], "Defaults that follow the value, such as an optimizer's rate."
    ]


class TunedSettingJson(TypedDict):
    """One setting that was tried for a level.

    With another `--metric`, it has that metric in the place of the accuracy.
    """

    fields: Annotated[dict[str, float], "The value of each retuned field."]
    epochs: Annotated[int, "The epochs that it was trained for before it was left out."]
    runs: Annotated[int, "The number of its runs."]
    val_accuracy: Annotated[
        float | None, "The mean of its runs; null if one diverged or failed."
    ]


class LevelTuningJson(TypedDict):
    """The tuning of one level."""

    value: Annotated[Any, "The level."]
    chosen: Annotated[
        dict[str, float] | None, "The setting that was chosen; null if none could be."
    ]
    ranges: Annotated[
        dict[str, list[Any]], "The range of each field: low end, high end, sampling."
    ]
    widened: Annotated[list[str], "The fields whose range was widened."]
    at_edge: Annotated[
        dict[str, Literal["lower", "upper"]],
        "The fields whose chosen value has none beyond it that was tried.",
    ]
    runs: Annotated[int, "The number of tuning runs."]
    diverged: Annotated[int, "The number of these that diverged."]
    settings: Annotated[list[TunedSettingJson], "Every setting that was tried."]


class FixedJson(TypedDict):
    """The answer without retuning."""

    levels: Annotated[list[LevelJson], "Every level."]
    conclusion: Annotated[str, "The sentences about it."]
    evidence: Annotated[EvidenceJson, "The conclusion as data."]


class RetunedJson(TypedDict):
    """The part of an ablation with `--retune`: every tuning, and the fixed answer."""

    fields: Annotated[list[str], "The fields that were tuned anew for each level."]
    levels: Annotated[list[LevelTuningJson], "The tuning of every level."]
    fixed: Annotated[FixedJson, "The answer without retuning."]


class AblationJson(TypedDict):
    """`kmlp ablate`, and `kmlp show` of an ablation."""

    name: Annotated[str, "The study's name."]
    param: Annotated[str, "The field that varies."]
    metric: Annotated[str, "The number that is compared, such as `val_accuracy`."]
    metric_details: Annotated[MetricJson, "Its metric."]
    at: At
    base: Annotated[dict[str, Any], "Every other field of the configuration."]
    epochs: Annotated[int, "The epochs of every run; the most with `--patience`."]
    patience: Annotated[
        int | None, "The patience of early stopping of every run; null without it."
    ]
    seeds: Annotated[list[int], "The seeds."]
    most_seeds: Annotated[
        int | None, "The largest number of seeds with `--seeds auto`; else null."
    ]
    looks: Annotated[
        list[int], "The numbers of seeds at the looks that the p-values are corrected for."
    ]
    backend: Annotated[str, "The Keras backend."]
    fused: Annotated[bool, "False with `--no-fused`."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    baseline: Annotated[Any, "The value of `--baseline`, or null."]
    target_accuracy: NotRequired[
        Annotated[float | None, "The value of `--target-accuracy`, 0 to 1."]
    ]
    target: NotRequired[
        Annotated[float | None, "The value of `--target`, if the metric is another."]
    ]
    levels: Annotated[list[AblationLevelJson], "Every level."]
    best: Annotated[Any, "The value with the highest mean; null if every run diverged."]
    best_index: Annotated[int | None, "Its place in `levels`, from 0."]
    retuned: Annotated[RetunedJson | None, "With `--retune`; else null."]
    conclusion: Annotated[str, "The sentences under the table."]
    evidence: Annotated[EvidenceJson, "The conclusion as data."]


class PlannedLevelJson(TypedDict):
    """One level that would be trained."""

    value: Annotated[Any, "The value."]
    derived: Annotated[
        dict[str, Any], "Defaults that follow the value, such as an optimizer's rate."
    ]
    parameters: Annotated[int, "The number of parameters."]
    runs: Annotated[int, "The number of runs."]
    epochs: Annotated[int, "The epochs of all runs together."]
    steps: Annotated[int, "The steps of all runs together."]


class AblationPlanJson(TypedDict):
    """`kmlp ablate --dry-run`."""

    param: Annotated[str, "The field that varies."]
    epochs: Annotated[int, "The epochs of every run; the most with `--patience`."]
    patience: Annotated[
        int | None, "The patience of early stopping of every run; null without it."
    ]
    seeds: Annotated[
        int | str, "The number of seeds, or `auto` or `auto:N`: then the plan has the most."
    ]
    levels: Annotated[list[PlannedLevelJson], "Every level."]


class InteractionJson(TypedDict):
    """The levels by the verdict on their interaction."""

    better: Annotated[list[Any], "The levels at which second less first is larger."]
    worse: Annotated[list[Any], "The levels at which it is smaller."]
    same: Annotated[list[Any], "The levels at which it is shown to be the same."]
    undecided: Annotated[list[Any], "The levels that the seeds do not decide."]


class PairedEvidenceJson(TypedDict):
    """The conclusion of a comparison of two ablations, as data."""

    better: Annotated[list[Any], "The levels with which the second ablation is better."]
    worse: Annotated[list[Any], "The levels with which it is worse."]
    same: Annotated[list[Any], "The levels with which both are shown to be the same."]
    undecided: Annotated[list[Any], "The levels that the seeds do not decide."]
    interaction: Annotated[
        InteractionJson, "The levels at which the difference is not that of the reference."
    ]


class ComparedLevelJson(TypedDict):
    """One level that two ablations share."""

    value: Annotated[Any, "The value."]
    first: Annotated[EstimateJson, "Validation accuracy in the first study."]
    second: Annotated[EstimateJson, "Validation accuracy in the second study."]
    difference: Annotated[DifferenceJson | None, "Second less first, paired by seed."]
    interaction: Annotated[
        DifferenceJson | None, "This difference less that of the reference level."
    ]


class ComparisonJson(TypedDict):
    """`kmlp compare`."""

    first: Annotated[str, "The name of the first study."]
    second: Annotated[str, "The name of the second study."]
    param: Annotated[str, "The field that both vary."]
    metric: Annotated[str, "The number that is compared, such as `val_accuracy`."]
    metric_details: Annotated[MetricJson, "Its metric."]
    at: At
    epochs: Annotated[int, "The epochs after which they are compared."]
    seeds: Annotated[list[int], "The seeds that both have."]
    margin: Annotated[float | None, "The difference up to which levels are the same."]
    reference: Annotated[Any, "The level whose difference the interactions subtract."]
    differing: Annotated[dict[str, list[str]], "Fields in which the studies differ."]
    levels: Annotated[list[ComparedLevelJson], "Every level that both have."]
    conclusion: Annotated[str, "The sentences under the table."]
    evidence: Annotated[PairedEvidenceJson, "The conclusion as data."]
