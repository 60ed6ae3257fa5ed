"""Text fingerprints of custom functions: equal definitions have equal texts."""

from __future__ import annotations

import functools
import inspect
import sys
import sysconfig
import uuid
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle
import numpy as np

_STDLIB = Path(sysconfig.get_path("stdlib")).resolve()
_OWN_PACKAGES = ("kmlp", "kmlp_cli", "kmlp_tuning")


def definition_text(item: object, seen: frozenset[int] = frozenset()) -> str:
    """Return a text that is equal for equal definitions, and differs for others.

    For a function, the text has the source, the defaults, the enclosed variables, and
    the user's values, functions and modules that the function names, at any depth. An
    object without a comparable definition gets a unique text.

    Args:
        item: A function, or an object that a function refers to.
        seen: Ids of the objects that contain the item. Defaults to none.

    >>> definition_text(len) == definition_text(len) != definition_text(max)
    True
    >>> definition_text({"slope": 0.1}) == definition_text({"slope": 0.9})
    False
    """
    if id(item) in seen:
        return ""
    name, parts = _describe(item)
    within = seen | {id(item)}
    return f"({name}{''.join(definition_text(part, within) for part in parts)})"


def _describe(item: Any) -> tuple[str, list[Any]]:
    """Return a name of an item, and the parts of its definition."""
    kind = item if isinstance(item, type) else type(item)
    name = f"{kind.__module__}.{getattr(item, '__qualname__', kind.__qualname__)}"
    if item is None or isinstance(item, str | int | float | complex | bytes):
        return repr(item), []
    if isinstance(item, np.ndarray | np.generic):
        return f"{name} {item.dtype} {item.shape}", [item.tobytes()]
    if isinstance(item, tuple | list):
        return name, list(item)
    if isinstance(item, dict):
        return name, sorted(item.items(), key=str)
    if isinstance(item, set | frozenset):
        return name, sorted(item, key=str)
    if isinstance(item, functools.partial):
        return name, [item.func, item.args, item.keywords]
    if inspect.isfunction(item):
        return (_source(item), _function_parts(item)) if is_users(item) else (name, [])
    if inspect.ismethod(item):
        return name, [item.__func__, item.__self__]
    if isinstance(item, ModuleType):
        return ("module", [_source(item)]) if is_users(item) else (item.__name__, [])
    if isinstance(item, type):
        return name, [_source(item)] if is_users(item) else []
    if inspect.isbuiltin(item) or isinstance(item, np.ufunc):
        return name, [getattr(item, "__name__", "")]
    if is_dataclass(item):
        return name, [kind, *(getattr(item, field.name) for field in fields(item))]
    if hasattr(item, "get_config"):  # Keras' own objects
        return name, [kind, item.get_config()]
    if is_users(kind):
        return name, [kind, vars(item) if hasattr(item, "__dict__") else repr(item)]
    try:
        return name, [cloudpickle.dumps(item)]
    except Exception:  # an object may refuse with any error
        return name, [uuid.uuid4().hex]


def is_users(item: Any) -> bool:
    """Return True for the user's own function, class or module.

    Objects of installed packages, of Python and of kmlp are not the user's.
    """
    module = (
        item if isinstance(item, ModuleType) else sys.modules.get(item.__module__ or "")
    )
    if module is None:
        return True
    namespace = vars(module)  # `getattr` might trigger imports of a lazy module
    name, file = str(namespace.get("__name__")), namespace.get("__file__")
    if name == "__main__":
        return True
    if not isinstance(file, str) or name.partition(".")[0] in _OWN_PACKAGES:
        return False
    path = Path(file).resolve()
    installed = {"site-packages", "dist-packages"}.intersection(path.parts)
    return not (installed or path.is_relative_to(_STDLIB))


def _function_parts(function: FunctionType) -> list[Any]:
    """Return the defaults, the enclosed variables and the globals of a function."""
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # the cell is still empty
            continue
    named = {
        name: function.__globals__[name]
        for code in _codes(function.__code__)
        for name in code.co_names
        if name in function.__globals__
    }
    return [function.__defaults__, function.__kwdefaults__, cells, named]


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function and of all functions inside of it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _source(item: Any) -> str:
    try:
        return inspect.getsource(item)
    except (OSError, TypeError):  # for example, typed at a prompt
        if not inspect.isfunction(item):
            return repr(item)
        return repr(
            [
                (code.co_code, code.co_names, [*filter(_is_plain, code.co_consts)])
                for code in _codes(item.__code__)
            ]
        )


def _is_plain(constant: object) -> bool:
    return not isinstance(constant, CodeType)
