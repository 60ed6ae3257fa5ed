"""Find objects by name: Keras' own, registered ones, and those of `package.module:name`."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from importlib.machinery import PathFinder
from pathlib import Path, PurePath
from types import FunctionType
from typing import Generic, TypeVar

from kmlp import backend
from kmlp.errors import ConfigError, UnknownNameError, unknown_name

T = TypeVar("T")


def import_object(path: str) -> object:
    """Import the object `package.module:name`, which runs the module.

    Python's own search path comes first. A module in the current folder is imported only
    if it is named here and is not found elsewhere.

    Raises:
        UnknownNameError: if the module cannot be imported or lacks the name.
        BackendError: if no backend can be loaded.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise UnknownNameError(f'"{path}" is not of the form `package.module:name`.')
    if module_name.endswith(".py") or "/" in module_name:
        raise UnknownNameError(
            f'"{path}" names a file, but must name a module, without folder and .py: '
            f"{PurePath(module_name).stem}:{name}, in the current folder."
        )
    backend.load()  # the user's module may load it with messages
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            _locate(module_name, path)
            module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise UnknownNameError(
            f'"{path}": importing "{module_name}" failed with '
            f"{type(error).__name__}: {error}. The module must be in the current folder "
            "or be installed."
        ) from error
    if not hasattr(module, name):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise UnknownNameError(unknown_name(f"name in {module_name}", name, public))
    return getattr(module, name)


def _announce_nothing(path: str, file: str) -> None:
    """Do nothing: a library does not print."""


announce: Callable[[str, str], None] = _announce_nothing
"""Called before a module of the current folder is imported and run.

The arguments are the `package.module:name`, and the module's file. The command line
replaces this function and prints a notice, because the name may come from somebody
else's recipe.
"""


def users_folder() -> str | None:
    """Return the current folder if modules are imported from it; otherwise None."""
    try:
        folder = str(Path.cwd())
    except OSError:  # the folder was removed
        return None
    return folder if not {"", folder}.isdisjoint(sys.path) else None


def _locate(module_name: str, path: str) -> None:
    """Add the current folder to the search path if a module is there and not elsewhere."""
    package = module_name.partition(".")[0]
    if package in sys.modules:
        return
    if importlib.util.find_spec(package) is None:
        with contextlib.suppress(OSError):
            folder = str(Path.cwd())
            if PathFinder.find_spec(package, [folder]) is not None:
                sys.path.append(folder)
    current, spec = users_folder(), importlib.util.find_spec(package)
    if current and spec and spec.origin and Path(spec.origin).is_relative_to(current):
        announce(path, str(Path(spec.origin).relative_to(current)))


class Registry(Generic[T]):
    """A table of the objects of one kind, by name.

    Args:
        kind: Noun for the objects in messages, such as `"activation"`.
        builtin: The predefined names, each with a function that returns the object. The
            function is called late, so that names can be listed and checked without a
            backend.
        convert: Function that converts a user's object to one of this kind, and raises
            `TypeError` if it cannot.
        unusable: Names that Keras has but that cannot be used here, each with the
            reason. Defaults to None: none.
    """

    def __init__(
        self,
        kind: str,
        builtin: dict[str, Callable[[], T]],
        convert: Callable[[object], T],
        unusable: dict[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._builtin = builtin
        self._convert = convert
        self._unusable = unusable or {}
        self._custom: dict[str, T] = {}

    def is_custom(self, name: str) -> bool:
        """Return True if a name stands for a custom object."""
        return ":" in name or name in self._custom

    @property
    def custom(self) -> dict[str, T]:
        """The registered custom objects, by name."""
        return dict(self._custom)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted({*self._builtin, *self._custom}))

    def register(self, name: str, item: object, *, replace: bool = False) -> None:
        """Register a custom object under a new name.

        The same definition may be registered again, as by a notebook cell that runs
        twice.

        Args:
            name: An identifier.
            item: The object, or a value that `convert` accepts.
            replace: True to replace another custom object of that name. Defaults to
                False.

        Raises:
            ConfigError: if the name is not an identifier, or is taken.
            TypeError: if the object is not of this kind.
        """
        if not name.isidentifier():
            raise ConfigError(
                [f'"{name}" cannot name a custom {self.kind}: it must be an identifier.']
            )
        converted = self._convert(item)
        taken = name in self._builtin or name in self._unusable
        if taken:
            raise ConfigError(
                [f'The {self.kind} "{name}" exists already. Choose another name.']
            )
        if name in self._custom and not (replace or same(self._custom[name], converted)):
            raise ConfigError(
                [
                    f'The {self.kind} "{name}" is registered already, with another '
                    "definition. Choose another name, or set `replace=True`."
                ]
            )
        self._custom[name] = converted

    def check(self, name: str) -> None:
        """Check that there is an object of that name.

        Raises:
            UnknownNameError: if there is none, with the allowed names and the nearest one.
        """
        if ":" in name:
            self.get(name)
        elif name in self._unusable:
            raise UnknownNameError(
                f'The {self.kind} "{name}" cannot be used by name: {self._unusable[name]}'
            )
        elif name not in self._builtin and name not in self._custom:
            raise UnknownNameError(
                unknown_name(self.kind, name, self.names)
                + f" For a custom one, use `register_{self.kind}` or `package.module:name`."
            )

    def get(self, name: str) -> T:
        """Return the object of that name.

        Raises:
            UnknownNameError: if there is none, with the allowed names and the nearest one.
        """
        if ":" in name:
            try:
                return self._convert(import_object(name))
            except TypeError as error:
                raise UnknownNameError(
                    f'"{name}" cannot be the {self.kind}: {error}'
                ) from None
        self.check(name)
        return self._custom[name] if name in self._custom else self._builtin[name]()

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a custom object's definition, equal in every process.

        For `package.module:name` the definition includes the whole module, which may
        contain parts of the object.

        Raises:
            UnknownNameError: if there is no object of that name.
        """
        import hashlib  # not at the top: `kmlp --help` does not need it

        from kmlp.model.fingerprint import definition_text  # imports NumPy

        item = self.get(name)
        parts = [item, sys.modules[name.partition(":")[0]]] if ":" in name else [item]
        return hashlib.sha256(definition_text(parts).encode()).hexdigest()


def same(one: object, other: object) -> bool:
    """Return True if two objects have the same definition."""
    if inspect.isfunction(one) and inspect.isfunction(other):
        return _definition(one) == _definition(other)
    if is_dataclass(one) and type(one) is type(other):
        names = [field.name for field in fields(one)]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    return one == other


def _definition(function: FunctionType) -> tuple[object, ...]:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return (function.__code__, function.__defaults__, function.__kwdefaults__, cells)
