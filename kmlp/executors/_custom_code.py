"""Custom activations, losses and optimizers, sent to the processes that train."""

from __future__ import annotations

import sys
from types import ModuleType

import cloudpickle

from kmlp import backend
from kmlp.errors import ConfigError
from kmlp.model.custom import REGISTRIES, registered
from kmlp.model.fingerprint import is_users


def pack_custom() -> bytes | None:
    """Pack the registered custom objects for other processes; None if there are none.

    Raises:
        ConfigError: if one of them cannot be sent.
    """
    if not any(registered()):
        return None
    # By value, because the module's file may have been changed since its import.
    modules = [module for module in [*sys.modules.values()] if _is_changeable(module)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        packed: bytes = cloudpickle.dumps(registered())
    except Exception as error:  # an object may refuse in any way
        raise ConfigError(
            [
                "A registered activation, loss or optimizer cannot be sent to worker "
                f"processes ({type(error).__name__}: {error}). Train with `jobs=1`."
            ]
        ) from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    return packed


def _is_changeable(module: object) -> bool:
    """True if a module belongs to the user. `__main__` is always sent by value."""
    if not isinstance(module, ModuleType):
        return False
    name = vars(module).get("__name__")
    return name in sys.modules and name != "__main__" and is_users(module)


def register_custom(packed: bytes) -> None:
    """Register in this process the objects that `pack_custom` packed in another one."""
    backend.load()
    for registry, items in zip(REGISTRIES, cloudpickle.loads(packed), strict=True):
        for name, item in items.items():
            registry.register(name, item, replace=True)
