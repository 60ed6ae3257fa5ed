"""Names that stand for objects: custom ones, Keras' ones, and `package.module:name`."""

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
    """Imports `package.module:name`, which runs the module.

    It is looked for where Python looks for modules, and only then in the current folder,
    from which nothing is imported unless a user names a module that is there.

    Raises:
        UnknownNameError: if the module cannot be imported or lacks the name.
        BackendError: if there is no backend.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise UnknownNameError(f'"{path}" is not of the form `package.module:name`.')
    if module_name.endswith(".py") or "/" in module_name:
        raise UnknownNameError(
            f'"{path}" names a file. Give the module instead, without folder and .py: '
            f"{PurePath(module_name).stem}:{name}, in the current folder."
        )
    backend.load()  # which a user's module does as a rule, but not as quietly
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            _look_for(module_name, path)
            module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module may fail in any way
        raise UnknownNameError(
            f'"{path}": importing "{module_name}" failed with '
            f"{type(error).__name__}: {error}. It must be importable from the "
            "current folder or be installed."
        ) from error
    if not hasattr(module, name):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise UnknownNameError(unknown_name(f"name in {module_name}", name, public))
    return getattr(module, name)


def _say_nothing(path: str, place: str) -> None:
    """Of `announce`: a library does not print."""


announce: Callable[[str, str], None] = _say_nothing
"""Is told before a module of the current folder runs that was named: by what, a
`package.module:name`, and its file. The command line says it, whether an option named it
or a recipe of somebody else.
"""


def users_folder() -> str | None:
    """The current folder, if modules are imported from there; else None."""
    try:
        folder = str(Path.cwd())
    except OSError:  # it was removed
        return None
    return folder if not {"", folder}.isdisjoint(sys.path) else None


def _look_for(module_name: str, path: str) -> None:
    """Has a module be imported from the current folder if it is there and nowhere else."""
    package = module_name.partition(".")[0]
    if package in sys.modules:
        return
    if importlib.util.find_spec(package) is None:
        with contextlib.suppress(OSError):
            folder = str(Path.cwd())
            if PathFinder.find_spec(package, [folder]) is not None:
                sys.path.append(folder)
    here, found = users_folder(), importlib.util.find_spec(package)
    if here and found and found.origin and Path(found.origin).is_relative_to(here):
        announce(path, str(Path(found.origin).relative_to(here)))


class Registry(Generic[T]):
    """The objects of one kind that can be asked for by name.

    Args:
        kind: What the objects are, for messages: `"activation"`.
        builtin: Every name that is known from the start, with the function
            that makes the object. Called late, so that listing and checking
            names imports no backend.
        convert: Makes an object of this kind of what a user registered or
            what `package.module:name` holds; raises `TypeError` if it cannot.
        unusable: Names that exist elsewhere but cannot be used here, each
            with the reason.
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
        """Whether a name stands for a user's object."""
        return ":" in name or name in self._custom

    @property
    def custom(self) -> dict[str, T]:
        """What was registered, by name."""
        return dict(self._custom)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted({*self._builtin, *self._custom}))

    def register(self, name: str, item: object, *, replace: bool = False) -> None:
        """Adds a custom object under a new name.

        Registering the same definition again (a notebook cell run twice) is
        allowed.

        Args:
            name: An identifier.
            item: The object, or what the registry converts to one.
            replace: Whether the name may be a custom object's already. Defaults
                to False.

        Raises:
            ConfigError: if the name is no identifier or is taken.
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
                [f'The {self.kind} "{name}" exists already; choose another name.']
            )
        if name in self._custom and not (replace or same(self._custom[name], converted)):
            raise ConfigError(
                [
                    f'The {self.kind} "{name}" is registered already, as something else. '
                    "Choose another name, or give replace=True."
                ]
            )
        self._custom[name] = converted

    def check(self, name: str) -> None:
        """Raises `UnknownNameError` unless `get(name)` would find an object."""
        if ":" in name:
            self.get(name)
        elif name in self._unusable:
            raise UnknownNameError(
                f'The {self.kind} "{name}" cannot be used by name: {self._unusable[name]}'
            )
        elif name not in self._builtin and name not in self._custom:
            raise UnknownNameError(
                unknown_name(self.kind, name, self.names)
                + f" For your own: `register_{self.kind}`, or `package.module:name`."
            )

    def get(self, name: str) -> T:
        """The object of that name.

        Raises:
            UnknownNameError: if there is none.
        """
        if ":" in name:
            try:
                return self._convert(import_object(name))
            except TypeError as error:
                raise UnknownNameError(f'"{name}" is no {self.kind}: {error}') from None
        self.check(name)
        return self._custom[name] if name in self._custom else self._builtin[name]()

    def digest(self, name: str) -> str:
        """SHA-256 of how a user's object is defined, the same in every process.

        For `package.module:name` the whole module counts, too, which may hold what
        the object is made of.

        Raises:
            UnknownNameError: if there is none of that name.
        """
        import hashlib  # `kmlp --help` does not need it

        from kmlp.model.fingerprint import definition_text  # brings NumPy

        item = self.get(name)

        parts = [item, sys.modules[name.partition(":")[0]]] if ":" in name else [item]
        return hashlib.sha256(definition_text(parts).encode()).hexdigest()


def same(one: object, other: object) -> bool:
    """Whether two objects are defined alike, as by a notebook cell that ran twice."""
    if inspect.isfunction(one) and inspect.isfunction(other):
        return _definition(one) == _definition(other)
    if is_dataclass(one) and type(one) is type(other):
        names = [field.name for field in fields(one)]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    return one == other


def _definition(function: FunctionType) -> tuple[object, ...]:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return (function.__code__, function.__defaults__, function.__kwdefaults__, cells)
