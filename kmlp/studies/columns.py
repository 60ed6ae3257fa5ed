"""The columns of a study's flat table, each with its description."""

from __future__ import annotations

from dataclasses import dataclass

from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import Metric, Part, further_figures

KEY_DIGITS = 12
"""The number of digits of a run key in a table: enough to tell runs apart."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table."""

    type: type
    """The type of the cells that are not None: int, float, bool or str."""
    doc: str
    """The description, with the unit, and with the reason if a cell is empty."""


def column_of(field: str) -> str:
    """Return the column of a field of `RunConfig`, which no other column has as its name.

    Example:
    >>> column_of("width"), column_of("loss")
    ('width', 'loss_function')
    """
    return "loss_function" if field == "loss" else field


_MOMENTS: dict[Part, str] = {
    "train": "during the epoch, each mini-batch before its update",
    "val": "over the validation examples after the epoch",
    "test": "over the test examples after the epoch",
}


def _figure_doc(metric: Metric, part: Part) -> str:
    title = f"{metric.title[0].upper()}{metric.title[1:]}"
    if metric.share:
        return (
            f"{title} {_MOMENTS[part]}, from 0 to 1. Empty for a regression, and for runs "
            "from before it was recorded."
        )
    unit = ", in the unit of the target" if metric.in_target_unit else ""
    return f"{title} of a regression {_MOMENTS[part]}{unit}. Empty for a classification."


COLUMNS = {
    "study": Column(str, "The study's name."),
    "kind": Column(str, "The study's kind: run, ablation, configs or search."),
    "part": Column(
        str,
        "The part of a search: search, or replication with other seeds. Of a retuned "
        "ablation: retuned, fixed, or tuning. Empty for other "
        "studies.",
    ),
    "config": Column(
        int,
        "The number of the configuration, from 1. Empty if the study is not a list of "
        "configurations.",
    ),
    "trial": Column(
        int, "The number of the trial, from 1. Empty if the study is not a search."
    ),
    "bracket": Column(
        int, "The bracket of the trial, from 1. Empty for replications and other studies."
    ),
    "rung": Column(
        int,
        "The last rung that the trial reached, from 1. Empty for replications and other "
        "studies.",
    ),
    "run": Column(
        str,
        f"run- and the first {KEY_DIGITS} digits of the run key, which is the same in "
        "every study that has the run.",
    ),
    **{
        column_of(name): Column(
            field.type,
            f"{field.doc} Empty: {field.none_word}." if field.optional else field.doc,
        )
        for name, field in config_fields().items()
    },
    "backend": Column(str, "The Keras backend."),
    "fused": Column(bool, "True if an epoch was one compiled program."),
    "settings": Column(
        str, "Settings of the backend that differ from the default. Empty: none."
    ),
    "parameters": Column(int, "The number of parameters."),
    "status": Column(
        str,
        "The outcome of the run: finished, diverged or failed. A trial of a search can "
        "also be stopped or waiting.",
    ),
    "epoch": Column(int, "The number of the epoch, from 1."),
    "loss": Column(
        float,
        "Mean training loss during the epoch, with penalties (l1, l2) and label "
        "smoothing. Empty, as are all figures below, in the "
        "epoch in which the run diverged.",
    ),
    "accuracy": Column(float, "Training accuracy during the epoch, from 0 to 1."),
    "val_loss": Column(
        float,
        "Mean loss over the validation examples after the epoch, without penalties and "
        "label smoothing.",
    ),
    "val_accuracy": Column(float, "Validation accuracy after the epoch, from 0 to 1."),
    "test_loss": Column(
        float,
        "Mean loss over the test examples after the epoch, without penalties and label "
        "smoothing.",
    ),
    "test_accuracy": Column(float, "Test accuracy after the epoch, from 0 to 1."),
    **{
        name: Column(float, _figure_doc(metric, part))
        for name, (metric, part) in further_figures().items()
    },
    "gap": Column(
        float,
        "Generalisation gap: accuracy minus val_accuracy, from -1 to 1. The accuracy is "
        "measured during the epoch, each mini-batch before its update, with dropout, "
        "noise, augmentation and noisy labels, if any.",
    ),
    "mean_learning_rate": Column(
        float,
        "The mean learning rate of the epoch's steps: learning_rate times the factors of "
        "the schedule and of the warmup.",
    ),
    "seconds": Column(
        float, "Wall-clock time of the epoch with its evaluation, in seconds."
    ),
}
"""Every column, in order. All kinds of study have the same columns."""
