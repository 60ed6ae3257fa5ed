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
    classes: Annotated[list[ClassScoresJson], "Every class."]
    confusion: Annotated[
        list[list[int]],
        "Numbers of examples: a row is a true class, a column a prediction.",
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
