"""Datasets."""

from typing import Annotated, TypedDict


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
