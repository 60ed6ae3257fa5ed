"""Check the names of the objects in a `.keras` file, which Keras would import and call.

Keras refuses code in a file, and most names of other packages. But Keras imports some
packages that a file names, which may be in the user's folder. Keras also accepts any of
its own functions as an activation, even one that downloads a dataset.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kmlp import backend

_CONFIG = "config.json"
"""The member of a `.keras` archive that describes the model."""
_FUNCTIONS = (
    *(["activations"], ["constraints"], ["initializers"], ["losses"], ["metrics"]),
    *(["nn"], ["ops"], ["quantizers"], ["regularizers"]),
)
"""The modules of Keras whose functions only compute."""


def foreign_names(path: Path, custom: Mapping[str, object]) -> Iterator[str]:
    """Yield the names of a model's objects that are neither Keras' own nor custom.

    Args:
        path: A `.keras` file.
        custom: Custom objects that are allowed, by name.
    """
    get_registered = backend.load().saving.get_registered_object
    for item in _objects(_config(path)):
        module, name = item["module"], _name(item)
        names = [name, item.get("registered_name")]
        allowed = any(get_registered(n, custom) for n in names if isinstance(n, str))
        if not (module is None or allowed or _is_keras(item, module)):
            yield str(name)


def _is_keras(item: Mapping[str, Any], module: Any) -> bool:
    """Return True for an object of Keras that can be part of a model."""
    if module == "builtins":  # the module that Keras writes for its own functions
        return True
    package, *rest = str(module).split(".")
    computes = item.get("class_name") != "function" or rest[:1] in _FUNCTIONS
    return package == "keras" and computes


def _name(item: Mapping[str, Any]) -> Any:
    """Return the name of an object in its module."""
    cls = item.get("class_name")
    keys = {"function": "config", "__typespec__": "spec_name"}
    return item.get(keys.get(cls, "")) if isinstance(cls, str) and cls in keys else cls


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yield all descriptions of objects with a module, at any depth."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "module" in item and "class_name" in item:
                yield item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _config(path: Path) -> Any:
    """Return the description of a file's model; None if it cannot be read.

    Keras names the reason when it loads the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(_CONFIG))
    except Exception:  # zipfile and json may raise errors of any class
        return None
