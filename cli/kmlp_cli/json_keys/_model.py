"""The evaluation and the predictions of a model."""

from typing import Annotated, Literal, TypedDict


class ClassScoresJson(TypedDict):
    """The scores of one class."""

    name: Annotated[str, "The class."]
    precision: Annotated[
        float | None,
        "Correct predictions of the class / its predictions; null if none.",
    ]
    recall: Annotated[
        float | None, "Correct predictions of the class / its examples; null if none."
    ]
    f1: Annotated[float | None, "The harmonic mean of precision and recall."]
    support: Annotated[int, "The number of its examples."]


class MistakeJson(TypedDict):
    """One example that is misclassified."""

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
    size: Annotated[int, "The number of examples."]
    right: Annotated[int, "The number of examples that are classified correctly."]
    accuracy: Annotated[float, "The accuracy."]
    interval: Annotated[list[float], "Its 95 % interval over examples (Wilson's)."]
    balanced_accuracy: Annotated[float, "The mean recall of the classes with examples."]
    macro_f1: Annotated[
        float, "The mean F1 of the classes that have examples or are predicted."
    ]
    classes: Annotated[list[ClassScoresJson], "Every class."]
    confusion: Annotated[
        list[list[int]],
        "Numbers of examples: a row is a true class, a column a prediction.",
    ]
    mistakes: Annotated[list[MistakeJson], "Every mistake, the most confident first."]


class TableEvaluationJson(TypedDict):
    """`kmlp evaluate` of a model of a table with classes."""

    model: Annotated[str, "The model's file."]
    dataset: Annotated[str | None, "The dataset; null if a file is evaluated."]
    file: Annotated[str | None, "The file, or null."]
    split: Annotated[str | None, "The split: `test`, `validation` or `train`; or null."]
    output: Annotated[str | None, "The activation of the last layer, or null."]
    backend: Annotated[str, "The Keras backend."]
    size: Annotated[int, "The number of rows."]
    right: Annotated[int, "The number of rows that are classified correctly."]
    accuracy: Annotated[float, "The accuracy."]
    interval: Annotated[list[float], "Its 95 % interval over rows (Wilson's)."]
    balanced_accuracy: Annotated[float, "The mean recall of the classes with rows."]
    macro_f1: Annotated[
        float, "The mean F1 of the classes that have rows or are predicted."
    ]
    classes: Annotated[list[ClassScoresJson], "Every class."]
    confusion: Annotated[
        list[list[int]],
        "Numbers of rows: a row is a true class, a column a prediction.",
    ]
    mistakes: Annotated[list[MistakeJson], "Every mistake, the most confident first."]


class RegressionEvaluationJson(TypedDict):
    """`kmlp evaluate` of a regression."""

    model: Annotated[str, "The model's file."]
    dataset: Annotated[str | None, "The dataset; null if a file is evaluated."]
    file: Annotated[str | None, "The file, or null."]
    split: Annotated[str | None, "The split: `test`, `validation` or `train`; or null."]
    output: Annotated[str | None, "Null."]
    backend: Annotated[str, "The Keras backend."]
    target: Annotated[str, "The name of the target."]
    unit: Annotated[str, "The unit of the target, perhaps empty."]
    size: Annotated[int, "The number of rows."]
    rmse: Annotated[float, "The root of the mean squared error, in the unit."]
    mae: Annotated[float, "The mean absolute error, in the unit."]
    r2: Annotated[float | None, "R²; null if all targets are equal."]
    true: Annotated[list[float], "The target of each row."]
    predicted: Annotated[list[float], "The prediction for each row."]


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


RowClassJson = TypedDict(
    "RowClassJson",
    {
        "row": Annotated[int, "The number of the row, from 1."],
        "class": Annotated[int, "The number of the predicted class."],
        "name": Annotated[str, "Its name."],
        "confidences": Annotated[list[float], "The model's confidence in each class."],
    },
)


class RowNumberJson(TypedDict):
    """The number that a regression predicts for a row."""

    row: Annotated[int, "The number of the row, from 1."]
    value: Annotated[float, "The predicted number, in the unit of the target."]


class FileRowsJson(TypedDict):
    """The rows of one file."""

    file: Annotated[str, "The file."]
    rows: Annotated[list[RowClassJson | RowNumberJson], "Every row."]


class RowPredictionsJson(TypedDict):
    """`kmlp predict` with the model of a table."""

    model: Annotated[str, "The model's file."]
    dataset: Annotated[str | None, "The dataset that names the columns, or null."]
    backend: Annotated[str, "The Keras backend."]
    target: Annotated[str, "The name of the target."]
    unit: Annotated[str, "The unit of the target, perhaps empty."]
    classes: Annotated[list[str], "The names of the classes; empty for a regression."]
    files: Annotated[list[FileRowsJson], "Every file."]
