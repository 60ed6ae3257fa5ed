"""Names of the same function: with two of them, a model would be trained twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kmlp.errors import ConfigError
from kmlp.model.activations import get_activation
from kmlp.model.config import value_text
from kmlp.model.losses import get_loss
from kmlp_tuning.search.settings import SearchSettings
from kmlp_tuning.space.domains import Choice


def check_different(settings: SearchSettings) -> None:
    """Check that no two values of a field are the same function; loads the backend.

    Raises:
        ConfigError: if two are, with their names.
    """
    loss = get_loss(settings.base.loss)
    meaning: dict[str, Callable[[Any], Any]] = {
        "activation": get_activation,
        "loss": get_loss,
        "output": loss.resolve_output,
    }
    if "loss" in settings.space.fields:
        del meaning["output"]
    for name, mean in meaning.items():
        domain = settings.space.fields.get(name)
        if not isinstance(domain, Choice):
            continue
        seen: list[tuple[Any, str]] = []
        for value in domain.values:
            text, function = value_text(name, value), mean(value)
            same = next((other for known, other in seen if known == function), None)
            if same is not None:
                both = f"{same} and {text} of `{name}`"
                raise ConfigError([f"The values {both} are the same. Leave one out."])
            seen.append((function, text))
