"""Different names of the same function: with both, a search would train a model twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kmlp.errors import ConfigError
from kmlp.model.activations import get_activation
from kmlp.model.domains import ends
from kmlp.model.losses import get_loss
from kmlp.model.text import value_text
from kmlp_tuning.search.settings import SearchSettings


def check_different(settings: SearchSettings) -> None:
    """Check that no two values of a field are the same function. Loads the backend.

    Raises:
        ConfigError: if two values are the same, with their names.
    """
    loss = get_loss(settings.base.loss)
    functions: dict[str, Callable[[Any], Any]] = {
        "activation": get_activation,
        "loss": get_loss,
        "output": loss.resolve_output,
    }
    if "loss" in settings.space.fields:
        del functions["output"]
    for name, function_of in functions.items():
        domain = settings.space.fields.get(name)
        texts: list[tuple[Any, str]] = []
        for value in () if domain is None else ends(domain):
            text, function = value_text(name, value), function_of(value)
            same = next((other for known, other in texts if known == function), None)
            if same is not None:
                both = f"{same} and {text} of `{name}`"
                raise ConfigError([f"The values {both} are the same. Leave one out."])
            texts.append((function, text))
