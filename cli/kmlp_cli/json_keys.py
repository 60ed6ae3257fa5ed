"""The keys of `--json`, each with its type and its meaning.

The reference of the documentation is made from these classes, and every test that reads
`--json` checks the output against them. Numbers that are not finite are null. Accuracies
are from 0 to 1.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict


class EstimateJson(TypedDict):
    """A mean over seeds."""

    mean: Annotated[float | None, "The mean; null if no run finished."]
    interval: Annotated[
        list[float] | None, "The 95 % interval, [low, high]; null with one seed."
    ]


class DifferenceJson(TypedDict):
    """A difference that is paired by seed and corrected for all comparisons."""

    mean: Annotated[float | None, "The mean difference."]
    interval: Annotated[
        list[float] | None, "Its interval, with Holm's correction; null with one seed."
    ]
    p_value: Annotated[
        float | None, "The p-value, with Holm's correction; null without a spread."
    ]
    significant: Annotated[bool, "True if the interval excludes zero."]


class CaveatJson(TypedDict):
    """Runs of one level that went wrong."""

    problem: Annotated[
        Literal["failed", "diverged", "did not learn"], "The problem of the runs."
    ]
    value: Annotated[Any, "The level."]
    runs: Annotated[int, "The number of its runs with the problem."]


class EvidenceJson(TypedDict):
    """What the conclusion says, as data. Levels are given by their values."""

    outcome: Annotated[str, "`compared`, `one seed`, or why there is nothing to compare."]
    best: Annotated[Any, "The level with the highest mean, or null."]
    reference: Annotated[Any, "The level compared with: the best or the baseline."]
    seeds: Annotated[int, "The number of seeds of the comparison with the fewest."]
    better: Annotated[list[Any], "The levels that are shown to be better."]
    worse: Annotated[list[Any], "The levels that are shown to be worse."]
    undecided: Annotated[list[Any], "The levels that the seeds do not separate from it."]
    seeds_needed: Annotated[
        int | None, "The seeds that would show the difference that takes the fewest."
    ]
    caveats: Annotated[list[CaveatJson], "Runs that failed, diverged or did not learn."]


class PairedEvidenceJson(TypedDict):
    """What the conclusion of a comparison of two ablations says, as data."""

    better: Annotated[list[Any], "The levels with which the second ablation is better."]
    worse: Annotated[list[Any], "The levels with which it is worse."]
    undecided: Annotated[list[Any], "The levels with which the seeds do not tell."]


class HistoryJson(TypedDict):
    """One number for each epoch."""

    loss: Annotated[list[float | None], "Mean training loss."]
    accuracy: Annotated[list[float | None], "Training accuracy."]
    val_loss: Annotated[list[float | None], "Mean loss of the validation images."]
    val_accuracy: Annotated[list[float | None], "Validation accuracy."]
    test_loss: Annotated[list[float | None], "Mean loss of the test images."]
    test_accuracy: Annotated[list[float | None], "Test accuracy."]
    seconds: Annotated[list[float | None], "Wall-clock time, evaluation included."]


Status = Literal["finished", "diverged", "failed"]


class RunResultsJson(TypedDict):
    """The results of a run, without its configuration."""

    seed: Annotated[int, "The seed."]
    status: Annotated[Status, "The status."]
    failure: Annotated[str | None, "The reason if the run failed, else null."]
    epochs: Annotated[int, "The number of epochs that the run has."]
    val_accuracy: Annotated[float | None, "Validation accuracy after the last epoch."]
    test_accuracy: Annotated[float | None, "Test accuracy after the last epoch."]
    test_loss: Annotated[float | None, "Mean loss of the test images after it."]
    history: Annotated[HistoryJson, "Every epoch."]
    seconds: Annotated[float, "Wall-clock time of all epochs."]


class OutcomeJson(TypedDict):
    """The conclusion of a single run, as data."""

    outcome: Annotated[Status, "The status of the run."]


class RunJson(RunResultsJson):
    """`kmlp train`, and `kmlp show` of a single run."""

    config: Annotated[dict[str, Any], "Every field of the configuration."]
    backend: Annotated[str, "The Keras backend."]
    fused: Annotated[bool, "False with `--no-fused`."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    parameters: Annotated[int, "The number of weights and biases."]
    conclusion: Annotated[str, "The sentence under the table."]
    evidence: Annotated[OutcomeJson, "The conclusion as data."]


class _LevelResultsJson(TypedDict):
    parameters: Annotated[int, "The number of weights and biases."]
    mean: Annotated[float | None, "Mean validation accuracy over the seeds."]
    interval: Annotated[list[float] | None, "Its 95 % interval; null with one seed."]
    test_accuracy: Annotated[EstimateJson, "The same for the test images."]
    difference: Annotated[
        DifferenceJson | None,
        "The difference from the best level or the baseline; null for that level itself.",
    ]
    diverged: Annotated[int, "The number of runs that diverged."]
    failed: Annotated[int, "The number of runs that failed."]
    did_not_learn: Annotated[int, "The number of runs that were never better than chance."]
    best_epoch: Annotated[EstimateJson, "The epoch with the highest validation accuracy."]
    epochs_to_near_best: Annotated[EstimateJson, "The first epoch within 1 % of the best."]
    area_under_curve: Annotated[EstimateJson, "The mean of the curve."]
    gap: Annotated[EstimateJson, "Training accuracy less validation accuracy at the end."]
    seconds_per_epoch: Annotated[float | None, "The median wall-clock time of an epoch."]
    epochs_to_target: NotRequired[
        Annotated[EstimateJson, "Epochs to the accuracy of `--target-accuracy`."]
    ]
    seconds_to_target: NotRequired[Annotated[EstimateJson, "Seconds to that accuracy."]]
    reached_target: NotRequired[Annotated[int, "The number of runs that reached it."]]
    runs: Annotated[list[RunResultsJson], "Every run, one for each seed."]


class LevelJson(_LevelResultsJson):
    """One level of an ablation: a value with its runs."""

    value: Annotated[Any, "The value; `300x100` is [300, 100]."]


class AblationJson(TypedDict):
    """`kmlp ablate`, and `kmlp show` of an ablation."""

    name: Annotated[str, "The study's name."]
    param: Annotated[str, "The field that varies."]
    metric: Annotated[str, "The number that chooses: `val_accuracy`."]
    base: Annotated[dict[str, Any], "Every other field of the configuration."]
    epochs: Annotated[int, "The epochs of every run."]
    seeds: Annotated[list[int], "The seeds."]
    backend: Annotated[str, "The Keras backend."]
    fused: Annotated[bool, "False with `--no-fused`."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    baseline: Annotated[Any, "The value of `--baseline`, or null."]
    target_accuracy: Annotated[float | None, "That of `--target-accuracy`, or null."]
    levels: Annotated[list[LevelJson], "Every level."]
    best: Annotated[Any, "The value with the highest mean; null if every run diverged."]
    best_index: Annotated[int | None, "Its place in `levels`, from 0."]
    conclusion: Annotated[str, "The sentences under the table."]
    evidence: Annotated[EvidenceJson, "The conclusion as data."]


class PlannedLevelJson(TypedDict):
    """One level that would be trained."""

    value: Annotated[Any, "The value."]
    parameters: Annotated[int, "The number of weights and biases."]
    runs: Annotated[int, "The number of runs."]
    epochs: Annotated[int, "The epochs of all runs together."]
    steps: Annotated[int, "The steps of all runs together."]


class RunPlanJson(TypedDict):
    """`kmlp train --dry-run`."""

    epochs: Annotated[int, "The number of epochs."]
    parameters: Annotated[int, "The number of weights and biases."]
    steps: Annotated[int, "The steps of all epochs together."]


class AblationPlanJson(TypedDict):
    """`kmlp ablate --dry-run`."""

    param: Annotated[str, "The field that varies."]
    epochs: Annotated[int, "The epochs of every run."]
    seeds: Annotated[int, "The number of seeds."]
    levels: Annotated[list[PlannedLevelJson], "Every level."]


class ConfigurationJson(_LevelResultsJson):
    """One configuration of a list."""

    number: Annotated[int, "Its number, from 1."]
    config: Annotated[dict[str, Any], "Every field, with the first seed."]
    epochs: Annotated[int, "The epochs of its runs."]
    val_loss: Annotated[EstimateJson, "Mean loss of the validation images."]
    seconds: Annotated[float, "The median wall-clock time of a run."]


class ConfigurationListJson(TypedDict):
    """`kmlp show` of a list of configurations."""

    name: Annotated[str, "The study's name."]
    metric: Annotated[str, "The number that chooses: `val_accuracy`."]
    base: Annotated[dict[str, Any], "Every field in which all configurations agree."]
    varied: Annotated[list[str], "The other fields, without the seed."]
    epochs: Annotated[int, "The largest number of epochs."]
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


class RungJson(TypedDict):
    """One rung of a bracket."""

    configurations: Annotated[int, "The number of trials that reach it."]
    epochs: Annotated[int, "The epochs that they then have."]


class TrialJson(TypedDict):
    """One trial of a search. A trial that has not started has no results yet."""

    trial: Annotated[int, "Its number, from 1, in the order in which trials were chosen."]
    values: Annotated[dict[str, Any], "The fields that were searched."]
    bracket: Annotated[int, "Its bracket, from 1."]
    rung: Annotated[int, "The last rung that it reached, from 1."]
    score: Annotated[float | None, "The objective after the last epoch, or null."]
    status: Annotated[
        Literal["finished", "stopped", "waiting", "diverged", "failed"], "The status."
    ]
    seed: NotRequired[Annotated[int, "The seed."]]
    failure: NotRequired[Annotated[str | None, "The reason if the run failed, else null."]]
    epochs: NotRequired[Annotated[int, "The number of epochs that the run has."]]
    val_accuracy: NotRequired[Annotated[float | None, "Validation accuracy at the end."]]
    test_accuracy: NotRequired[Annotated[float | None, "Test accuracy at the end."]]
    test_loss: NotRequired[Annotated[float | None, "Mean loss of the test images."]]
    history: NotRequired[Annotated[HistoryJson, "Every epoch."]]
    seconds: NotRequired[Annotated[float, "Wall-clock time of all epochs."]]


class FieldImportanceJson(TypedDict):
    """The importance of one field."""

    field: Annotated[str, "The field."]
    mean: Annotated[float | None, "The accuracy that is lost if the field is shuffled."]
    interval: Annotated[list[float] | None, "Its interval."]


class ImportanceJson(TypedDict):
    """The importance of all fields that were searched."""

    epochs: Annotated[int, "The epoch whose accuracy is predicted."]
    trials: Annotated[int, "The number of trials that were used."]
    skill: Annotated[float, "1 if the forest predicts perfectly, 0 if it does not help."]
    fields: Annotated[list[FieldImportanceJson], "Every field, the most important first."]


class ReplicatedTrialJson(LevelJson):
    """One trial that was trained again; `value` is its number."""

    optimism: Annotated[
        float | None, "Its accuracy in the search less the mean over the other seeds."
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
    space: Annotated[dict[str, Any], "The values or the range of each searched field."]
    base: Annotated[dict[str, Any], "Every other field of the configuration."]
    max_trials: Annotated[int, "The number of configurations."]
    max_epochs: Annotated[int, "The epochs of the best ones."]
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
    importance: Annotated[ImportanceJson | None, "Null for fewer than eight trials."]
    replication: Annotated[ReplicationJson | None, "Null if there is none."]
    conclusion: Annotated[str, "The conclusion of the replication, or that there is none."]
    evidence: Annotated[EvidenceJson, "The conclusion as data. Levels are trials."]


class SearchPlanJson(TypedDict):
    """`kmlp tune --dry-run`."""

    algorithm: Annotated[str, "The algorithm."]
    max_trials: Annotated[int, "The number of configurations."]
    space: Annotated[dict[str, Any], "The values or the range of each searched field."]
    brackets: Annotated[list[list[RungJson]], "Every bracket with its rungs."]
    epochs: Annotated[int, "The epochs of all trials together."]
    replication_epochs: Annotated[int, "The epochs of the other seeds together."]


class ComparedLevelJson(TypedDict):
    """One level that two ablations share."""

    value: Annotated[Any, "The value."]
    first: Annotated[EstimateJson, "Validation accuracy in the first study."]
    second: Annotated[EstimateJson, "Validation accuracy in the second study."]
    difference: Annotated[DifferenceJson | None, "Second less first, paired by seed."]


class ComparisonJson(TypedDict):
    """`kmlp compare`."""

    first: Annotated[str, "The name of the first study."]
    second: Annotated[str, "The name of the second study."]
    param: Annotated[str, "The field that both vary."]
    metric: Annotated[str, "The number that is compared: `val_accuracy`."]
    epochs: Annotated[int, "The epochs after which they are compared."]
    seeds: Annotated[list[int], "The seeds that both have."]
    differing: Annotated[dict[str, list[str]], "Fields in which the studies differ."]
    levels: Annotated[list[ComparedLevelJson], "Every level that both have."]
    conclusion: Annotated[str, "The sentences under the table."]
    evidence: Annotated[PairedEvidenceJson, "The conclusion as data."]


class StudySummaryJson(TypedDict):
    """One study. It also has the parts of its question, which depend on its kind."""

    name: Annotated[str, "The study's name."]
    kind: Annotated[str, "The kind of study."]
    epochs: Annotated[int, "The epochs; where runs differ, the largest."]
    runs: Annotated[int, "The number of runs that it asks for."]
    finished: Annotated[int, "The number of runs that are done."]
    failed: Annotated[int, "The number of runs that failed."]
    best_val_accuracy: Annotated[float | None, "The highest validation accuracy."]
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
    parameters: Annotated[int, "The number of weights and biases."]
    epochs: Annotated[int, "The number of epochs that the run has."]
    status: Annotated[Status, "The status."]
    failure: Annotated[str | None, "The reason if the run failed, else null."]
    val_accuracy: Annotated[float | None, "Validation accuracy after the last epoch."]
    test_accuracy: Annotated[float | None, "Test accuracy after the last epoch."]
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


class ClassScoresJson(TypedDict):
    """The scores of one class."""

    name: Annotated[str, "The class."]
    precision: Annotated[
        float | None,
        "Correct predictions of the class / its predictions; null if none.",
    ]
    recall: Annotated[
        float | None, "Correct predictions of the class / its images; null if none."
    ]
    f1: Annotated[float | None, "The harmonic mean of precision and recall."]
    support: Annotated[int, "The number of its images."]


class MistakeJson(TypedDict):
    """One image that is misclassified."""

    index: Annotated[int, "Its place in the split, from 0."]
    true: Annotated[int, "Its class."]
    predicted: Annotated[int, "The predicted class."]
    confidence: Annotated[float, "The model's confidence in the predicted class."]


class EvaluationJson(TypedDict):
    """`kmlp evaluate`."""

    model: Annotated[str, "The model's file."]
    dataset: Annotated[str, "The dataset."]
    split: Annotated[str, "The split: `test`, `validation` or `train`."]
    output: Annotated[str | None, "The activation of the last layer, or null."]
    backend: Annotated[str, "The Keras backend."]
    size: Annotated[int, "The number of images."]
    right: Annotated[int, "The number of images that are classified correctly."]
    accuracy: Annotated[float, "The accuracy."]
    interval: Annotated[list[float], "Its 95 % interval over images (Wilson's)."]
    classes: Annotated[list[ClassScoresJson], "Every class."]
    confusion: Annotated[
        list[list[int]],
        "Numbers of images: a row is a true class, a column a prediction.",
    ]
    mistakes: Annotated[list[MistakeJson], "Every mistake, the most confident first."]


GuessJson = TypedDict(
    "GuessJson",
    {
        "class": Annotated[int, "The number of the class."],
        "name": Annotated[str, "Its name."],
        "confidence": Annotated[float, "The model's confidence in it."],
    },
)
PictureJson = TypedDict(
    "PictureJson",
    {
        "file": Annotated[str, "The file."],
        "as": Annotated[Literal["mnist", "resize"], "The preparation of the picture."],
        "best": Annotated[list[GuessJson], "The three most probable classes."],
    },
)


class PredictionsJson(TypedDict):
    """`kmlp predict`."""

    model: Annotated[str, "The model's file."]
    dataset: Annotated[str | None, "The dataset that names the classes, or null."]
    output: Annotated[str | None, "The activation of the last layer, or null."]
    backend: Annotated[str, "The Keras backend."]
    pictures: Annotated[list[PictureJson], "Every picture."]


class PublishedJson(TypedDict):
    """One published number beside ours."""

    quantity: Annotated[
        Literal["accuracy", "loss", "train_loss", "seconds"],
        "The quantity; accuracies are in percent.",
    ]
    value: Annotated[Any, "The level, or the number of the configuration."]
    epoch: Annotated[int | None, "The epoch."]
    published: Annotated[float, "The published number."]
    ours: Annotated[EstimateJson, "Ours."]
    difference: Annotated[float | None, "Ours less the published number."]
    within_prediction_interval: Annotated[
        bool | None,
        "True if the published number is where one more seed of ours would be in 95 % of "
        "cases; null with fewer than two finished seeds, and for seconds.",
    ]


class VerdictJson(TypedDict):
    """The verdict on a published claim that a level is the best."""

    best: Annotated[Any, "The level that was published as the best."]
    holds: Annotated[bool | None, "Whether the claim holds; null if the seeds do not tell."]
    better: Annotated[list[Any], "The levels that are shown to be better."]
    worse: Annotated[list[Any], "The levels that are shown to be worse."]
    undecided: Annotated[list[Any], "The levels that the seeds do not separate from it."]


class PartJson(TypedDict):
    """One part of a lab. It also has the keys of its study."""

    kind: Annotated[str, "The kind of study."]
    heading: Annotated[str | None, "The heading, or null."]
    notes: Annotated[list[str], "The notes of the part."]
    claims: Annotated[list[str], "Sentences on the published claims."]
    verdicts: Annotated[list[VerdictJson], "The claims on levels, as data."]
    published: Annotated[list[PublishedJson], "Every published number."]


class LabJson(TypedDict):
    """`kmlp reproduce`."""

    recipe: Annotated[str, "The name of the recipe."]
    title: Annotated[str, "The title."]
    source: Annotated[str | None, "The publication, or null."]
    notes: Annotated[list[str], "The notes at the top."]
    comparable: Annotated[bool, "False with `--quick`."]
    parts: Annotated[list[PartJson], "Every part."]


class PlannedPartJson(TypedDict):
    """One part of a lab that would be trained."""

    part: Annotated[str, "Its heading or its name."]
    configurations: Annotated[int, "The number of configurations."]
    runs: Annotated[int, "The number of runs."]
    epochs: Annotated[int, "The epochs of all runs together."]
    steps: Annotated[int | None, "The steps of all runs together; null for a search."]


class LabPlanJson(TypedDict):
    """`kmlp reproduce --dry-run`."""

    recipe: Annotated[str, "The name of the recipe."]
    parts: Annotated[list[PlannedPartJson], "Every part."]


class NodeJson(TypedDict):
    """One node of a Ray cluster."""

    id: Annotated[str, "Ray's name of the node."]
    host: Annotated[str, "The machine's name."]
    address: Annotated[str, "Its address."]
    cpus: Annotated[float, "The CPUs that Ray may use."]
    gpus: Annotated[float, "The GPUs that Ray may use."]
    memory: Annotated[float, "Bytes for processes."]
    object_store: Annotated[float, "Bytes for Ray's object store."]
    versions: NotRequired[Annotated[dict[str, Any], "The packages of its Python."]]


class MachineJson(TypedDict):
    """`kmlp info`."""

    python: Annotated[str, "The version of Python."]
    platform: Annotated[str, "The operating system."]
    cores: Annotated[int | None, "The number of cores."]
    versions: Annotated[dict[str, str | None], "Package versions; null if not installed."]
    backends: Annotated[list[str], "The backends that are installed."]
    backend: Annotated[str | None, "The backend that is chosen, or null."]
    devices: Annotated[list[str], "The devices of that backend."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    cluster: NotRequired[Annotated[list[NodeJson], "With `--ray-address`: every node."]]


class DatasetSummaryJson(TypedDict):
    """One dataset of a list."""

    name: Annotated[str, "The name."]
    damage: Annotated[str | None, "Damage in the cache, or null."]
    ready: Annotated[bool, "True if nothing has to be downloaded."]
    where: Annotated[str | None, "The place of the files, or null."]
    images: Annotated[int | None, "The number of images, where known."]
    shape: Annotated[list[int] | None, "The shape of one image, where known."]
    classes: Annotated[int | None, "The number of classes, where known."]
    bytes: Annotated[int | None, "The size on disk, where known."]


class DatasetsJson(TypedDict):
    """`kmlp data list`."""

    datasets: Annotated[list[DatasetSummaryJson], "Every dataset, your own first."]


class ClassSizeJson(TypedDict):
    """The images of one class."""

    name: Annotated[str, "The class."]
    train: Annotated[int, "The number of training images."]
    test: Annotated[int, "The number of test images."]


class DatasetJson(TypedDict):
    """`kmlp data info`."""

    name: Annotated[str, "The name."]
    shape: Annotated[list[int], "The shape of one image."]
    train: Annotated[int, "The number of training images."]
    test: Annotated[int, "The number of test images."]
    classes: Annotated[list[ClassSizeJson], "Every class."]
    imbalance: Annotated[
        float | None, "The largest class / the smallest class; null if one is empty."
    ]
    source: Annotated[str, "The source of the images."]
    fingerprint: Annotated[str, "The hash of all images and labels."]
    homepage: Annotated[str | None, "The homepage, where TFDS knows it."]
    licence: Annotated[str | None, "The licence, where TFDS knows it."]
    citation: Annotated[str | None, "The citation, where it is known."]


OUTPUTS: dict[str, tuple[Any, ...]] = {
    "ablate": (AblationJson, AblationPlanJson),
    "tune": (SearchJson, SearchPlanJson),
    "train": (RunJson, RunPlanJson),
    "show": (RunJson, AblationJson, ConfigurationListJson, SearchJson),
    "compare": (ComparisonJson,),
    "reproduce": (LabJson, LabPlanJson),
    "evaluate": (EvaluationJson,),
    "predict": (PredictionsJson,),
    "studies": (StudiesJson,),
    "runs": (RunsJson,),
    "doctor": (HealthJson,),
    "info": (MachineJson,),
    "data list": (DatasetsJson,),
    "data info": (DatasetJson,),
}
"""The objects that each command can print."""

OPEN = (StudySummaryJson, PartJson)
"""Objects that have further keys, which their docstrings name."""
