"""The columns of a study as a flat table, each with what it is."""

from __future__ import annotations

from dataclasses import dataclass

from kmlp.model.config import config_fields

KEY_DIGITS = 12
"""Of a run's key, in a table: enough to tell runs apart."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table."""

    type: type
    """Of its cells that are not None: int, float, bool or str."""
    doc: str
    """What it is, its unit included, and when it is empty."""


def column_of(field: str) -> str:
    """The column of a field of `RunConfig`, apart from what epochs came to.

    >>> column_of("width"), column_of("loss")
    ('width', 'loss_function')
    """
    return "loss_function" if field == "loss" else field


COLUMNS = {
    "study": Column(str, "The study's name."),
    "kind": Column(str, "The study's kind: run, ablation, configs or search."),
    "part": Column(
        str,
        "Of a search: search, or replication by other seeds. Empty for other studies.",
    ),
    "config": Column(
        int, "Of a list of configurations: the number of the configuration, from 1."
    ),
    "trial": Column(int, "Of a search: the trial's number, from 1."),
    "bracket": Column(
        int, "Of a search's trial: its bracket, from 1. Empty for a replication."
    ),
    "rung": Column(
        int, "Of a search's trial: the last rung that it came to, from 1. Empty likewise."
    ),
    "run": Column(
        str,
        f"run- and the first {KEY_DIGITS} digits of the run's key: the same run has the "
        "same in every study.",
    ),
    **{
        column_of(name): Column(
            field.type,
            f"{field.doc} Empty: {field.none_word}." if field.optional else field.doc,
        )
        for name, field in config_fields().items()
    },
    "backend": Column(str, "The Keras backend."),
    "fused": Column(bool, "Whether an epoch was one compiled program."),
    "settings": Column(
        str, "Settings of the backend that are not as they are by default; empty: none."
    ),
    "parameters": Column(int, "Number of weights and biases."),
    "status": Column(
        str,
        "What came of the run: finished, diverged or failed; of a search's trial also "
        "stopped or waiting.",
    ),
    "epoch": Column(int, "Number of the epoch, from 1."),
    "loss": Column(
        float,
        "Mean training loss while the epoch was trained on. It and the figures that "
        "follow are empty where the run diverged.",
    ),
    "accuracy": Column(float, "Share (0 to 1) of training images right, likewise."),
    "val_loss": Column(float, "Mean loss over the validation images after the epoch."),
    "val_accuracy": Column(float, "Share (0 to 1) of validation images right."),
    "test_loss": Column(float, "Mean loss over the test images after the epoch."),
    "test_accuracy": Column(float, "Share (0 to 1) of test images right."),
    "seconds": Column(
        float, "Wall-clock time of the epoch in seconds, evaluation included."
    ),
}
"""Every column, in order; the same for every kind of study."""
