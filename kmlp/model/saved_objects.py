"""What a `.keras` file names that loading it would use: Keras' own, or what a user gave.

Keras refuses code in a file, and names that are not its own. But it imports some packages
that a file names, which a folder may have, and takes any of its own functions for an
activation, such as one that downloads a dataset.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kmlp import backend

_CONFIG = "config.json"
"""The file of a `.keras` archive that says what the model is made of."""
_FUNCTIONS = (
    *(["activations"], ["constraints"], ["initializers"], ["losses"], ["metrics"]),
    *(["nn"], ["ops"], ["quantizers"], ["regularizers"]),
)
"""Where Keras has functions that compute, and do nothing else."""


def foreign_names(path: Path, custom: Mapping[str, object]) -> Iterator[str]:
    """The names of what a model is made of that are neither Keras' own nor given.

    Args:
        path: A `.keras` file.
        custom: Objects that may be used, by their names.
    """
    get_registered = backend.load().saving.get_registered_object
    for found in _objects(_config(path)):
        module, name = found["module"], _name(found)
        known = [name, found.get("registered_name")]
        given = any(get_registered(it, custom) for it in known if isinstance(it, str))
        if not (module is None or given or _is_keras(found, module)):
            yield str(name)


def _is_keras(found: Mapping[str, Any], module: Any) -> bool:
    """Whether what a module has is part of Keras, and can be part of a model."""
    if module == "builtins":  # as Keras writes its own functions
        return True
    package, *rest = str(module).split(".")
    computes = found.get("class_name") != "function" or rest[:1] in _FUNCTIONS
    return package == "keras" and computes


def _name(found: Mapping[str, Any]) -> Any:
    """What an object is called in its module."""
    kind = found.get("class_name")
    keys = {"function": "config", "__typespec__": "spec_name"}
    return found.get(keys.get(kind, "")) if isinstance(kind, str) and kind in keys else kind


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """All that names a module, however deep."""
    left = [config]
    while left:
        found = left.pop()
        if isinstance(found, dict):
            if "module" in found and "class_name" in found:
                yield found
            left += found.values()
        elif isinstance(found, list):
            left += found


def _config(path: Path) -> Any:
    """What a file says that its model is made of; None, if that cannot be read: then Keras
    says why.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(_CONFIG))
    except Exception:  # neither promises a closed list
        return None
