"""The command line that trains a configuration of a search again."""

from __future__ import annotations

import shlex

from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.model.text import value_text
from kmlp.training.run import At


def train_command(
    config: RunConfig,
    *,
    epochs: int,
    at: At,
    backend: str,
    fused: bool,
    metric: Metric = ACCURACY,
) -> str:
    """Return the command line that trains a configuration.

    Args:
        config: The configuration.
        epochs: The number of epochs.
        at: The epoch at which the run is judged.
        backend: The name of the backend.
        fused: True if an epoch is one compiled program.
        metric: The metric of the best epoch. Defaults to accuracy.
    """
    words = ["kmlp", "train", "--backend", backend, "--epochs", str(epochs)]
    for name, field in config_fields().items():
        value = getattr(config, name)
        shown = value != field.derive(field.default, config)
        if shown and field.type is bool:
            words.append(f"--{name}" if value else f"--no-{name}")
        elif shown:
            words += [f"--{name.replace('_', '-')}", value_text(name, value)]
    if at != "best":
        words += ["--at", at]
    if metric.name != ACCURACY.name:
        words += ["--metric", metric.name]
    if not fused:
        words.append("--no-fused")
    return shlex.join(words)
