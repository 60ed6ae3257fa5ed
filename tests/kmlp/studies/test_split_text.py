"""The sentence about the validation images says what intervals cover."""

from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation

from kmlp.studies.split_text import split_text

pytestmark = pytest.mark.once


def studied(accuracies, *, images=10_000, **fields):
    study = made_up_ablation(accuracies)
    levels = [
        replace(
            level,
            validation_images=images,
            runs=tuple(
                replace(run, config=replace(run.config, **fields)) for run in level.runs
            ),
        )
        for level in study.levels
    ]
    return replace(study, levels=tuple(levels))


ACCURACIES = {8: [0.9, 0.91, 0.92], 16: [0.97, 0.975, 0.98]}


def test_intervals_do_not_cover_a_split_that_all_seeds_share():
    text = split_text(studied(ACCURACIES))
    assert "share one validation split" in text and "do not cover" in text
    assert "about 0.16 points at 10,000 images" in text  # sqrt(.975 x .025 / 10,000)


def test_intervals_cover_the_splits_of_the_seeds():
    text = split_text(studied(ACCURACIES, resplit=True, images=1000))
    assert "own" in text and "intervals cover" in text
    assert "about 0.49 points at 1,000 images" in text


def test_validation_on_the_test_images_is_said():
    assert "test images" in split_text(studied(ACCURACIES, validation_fraction=None))


def test_the_images_of_an_earlier_study_are_counted_if_they_are_at_hand():
    known = studied(ACCURACIES, images=None)
    assert "at 10,000 images" in split_text(known)
    gone = studied(ACCURACIES, images=None)
    gone = replace(
        gone,
        levels=tuple(
            replace(
                level, runs=tuple(_of_dataset(run, "no_longer_here") for run in level.runs)
            )
            for level in gone.levels
        ),
    )
    assert "image error" not in split_text(gone)


def _of_dataset(run, name):
    config = type(run.config).restored(run.config.to_dict() | {"dataset": name})
    return replace(run, config=config)


def test_levels_on_different_validation_images_have_the_image_error_of_the_test_images():
    study = studied(ACCURACIES, images=None)
    first, second = study.levels
    changed = tuple(
        replace(run, config=replace(run.config, validation_fraction=0.1))
        for run in second.runs
    )
    study = replace(study, levels=(first, replace(second, runs=changed)))
    text = "The image error of a test accuracy is about 0.16 points at 10,000 images."
    assert text in split_text(study)


def test_levels_of_different_datasets_have_no_image_error_in_common():
    study = studied(ACCURACIES)
    first, second = study.levels
    changed = tuple(_of_dataset(run, "other") for run in second.runs)
    study = replace(study, levels=(first, replace(second, runs=changed)))
    assert "image error" not in split_text(study)


def test_without_errors_there_is_no_image_error():
    text = split_text(studied({8: [1.0, 1.0], 16: [0.9, 0.9]}))
    assert "image error" not in text


def test_without_a_finished_run_there_is_nothing_to_say():
    assert split_text(studied({8: [float("nan")] * 2})) is None


def test_a_single_seed_has_an_image_error_and_no_interval():
    text = split_text(studied({8: [0.9], 16: [0.975]}))
    assert text == "The image error of an accuracy is about 0.16 points at 10,000 images."


def test_the_sampling_error_is_that_of_rows():
    text = split_text(studied(ACCURACIES, images=2000, dataset="wine"))
    assert "The sampling error of an accuracy is about 0.35 points at 2,000 rows." in text
    assert "Only" not in text


@pytest.mark.parametrize(
    ("images", "fields", "expected"),
    [
        (
            25,
            {"dataset": "wine"},
            "Only 25 validation rows: with `folds`, all training rows",
        ),
        (999, {}, "Only 999 validation images: with `folds`, all training images"),
        (25, {"dataset": "wine", "resplit": True}, "Only 25 validation rows: with"),
        (30, {"dataset": "wine", "validation_fraction": None}, "Only 30 test rows."),
    ],
)
def test_few_examples_are_said(images, fields, expected):
    assert expected in split_text(studied(ACCURACIES, images=images, **fields))
    assert "Only" not in split_text(studied(ACCURACIES, images=1000, **fields))


def test_few_examples_are_said_with_one_seed():
    text = split_text(studied({8: [0.9], 16: [0.95]}, images=25, dataset="wine"))
    assert text.startswith("The sampling error")
    assert "Only 25 validation rows" in text


def test_the_level_with_the_fewest_examples_counts():
    study = studied(ACCURACIES)
    small = replace(study.levels[0], validation_images=40)
    assert "Only 40 validation images" in split_text(
        replace(study, levels=(small, *study.levels[1:]))
    )
