"""Datasets."""

from typing import Annotated, Literal, TypedDict

_Kind = Annotated[Literal["images", "table"], "The kind of the examples."]
_Task = Annotated[Literal["classification", "regression"], "What is predicted."]


class DatasetSummaryJson(TypedDict):
    """One dataset of a list."""

    name: Annotated[str, "The name."]
    damage: Annotated[str | None, "Damage in the cache, or null."]
    ready: Annotated[bool, "True if nothing has to be downloaded."]
    where: Annotated[str | None, "The place of the files, or null."]
    kind: _Kind
    task: _Task
    examples: Annotated[int | None, "The number of images or rows, where known."]
    shape: Annotated[
        list[int] | None, "The shape of one image, or the number of features of a row."
    ]
    classes: Annotated[int | None, "The number of classes, where known."]
    target: Annotated[str | None, "The name of a table's target; null for images."]
    bytes: Annotated[int | None, "The size on disk, where known."]


class DatasetsJson(TypedDict):
    """`kmlp data list`."""

    datasets: Annotated[list[DatasetSummaryJson], "Every dataset, your own first."]


class ClassSizeJson(TypedDict):
    """The examples of one class."""

    name: Annotated[str, "The class."]
    train: Annotated[int, "The number of training examples."]
    test: Annotated[int, "The number of test examples."]


class NumbersJson(TypedDict):
    """The numbers of a regression's target in one split."""

    least: Annotated[float, "The least number."]
    mean: Annotated[float, "The mean."]
    sd: Annotated[float, "The standard deviation."]
    most: Annotated[float, "The greatest number."]


class TargetJson(TypedDict):
    """The target of a table."""

    name: Annotated[str, "The name of its column."]
    unit: Annotated[str, "The unit of a regression's target; empty if there is none."]
    train: Annotated[NumbersJson | None, "Training rows; null for classes."]
    test: Annotated[NumbersJson | None, "Test rows; null for classes."]


class ColumnJson(TypedDict):
    """A column of a table, over training and test rows."""

    name: Annotated[str, "The name."]
    categories: Annotated[list[str] | None, "The categories of text; null for numbers."]
    range: Annotated[list[float] | None, "The least and the greatest number."]
    missing: Annotated[int, "The number of rows without a value."]


class DatasetJson(TypedDict):
    """`kmlp data info`."""

    name: Annotated[str, "The name."]
    kind: _Kind
    task: _Task
    shape: Annotated[
        list[int], "The shape of one image, or the number of features of a row."
    ]
    train: Annotated[int, "The number of training examples."]
    test: Annotated[int, "The number of test examples."]
    classes: Annotated[list[ClassSizeJson], "Every class; empty for a regression."]
    imbalance: Annotated[
        float | None,
        "The largest class / the smallest class; null if one is empty, or without classes.",
    ]
    target: Annotated[TargetJson | None, "The target of a table; null for images."]
    columns: Annotated[list[ColumnJson] | None, "The columns; null for images."]
    source: Annotated[str, "The source of the examples."]
    fingerprint: Annotated[str, "The hash of all examples and their classes or targets."]
    homepage: Annotated[str | None, "The homepage, where it is known."]
    licence: Annotated[str | None, "The licence, where TFDS knows it."]
    citation: Annotated[str | None, "The citation, where it is known."]
