"""The checked configuration of a run, `RunConfig`."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Self

from kmlp.errors import ConfigError, raise_problems, unknown_name
from kmlp.model._joint_rules import JOINT_RULES, joint_problems
from kmlp.model.fields import to_jsonable
from kmlp.model.hyperparameters import Hyperparameters, config_fields


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RunConfig(Hyperparameters):
    """All hyperparameters of a run. The number of epochs is an argument of `train`.

    A float field accepts an integer and converts it. A `width` of several numbers (a
    tuple, list or array) has one number for each hidden layer, and becomes a tuple. If
    the numbers are equal, `width` becomes that number, since the model is the same.

    Raises:
        ConfigError: with every problem of the values at once.

    Example:
    >>> RunConfig(width=32, momentum=0).momentum
    0.0
    >>> RunConfig(width=(300, 100, 50)).depth
    3
    >>> RunConfig(width=0, learning_rate=-1)
    Traceback (most recent call last):
    ...
    kmlp.errors.ConfigError: The value of `width` is 0, but must be `width >= 1`.
    The value of `learning_rate` is -1.0, but must be `0 < learning_rate < inf`.
    """

    given: frozenset[str] = dataclass_field(init=False, repr=False, compare=False)
    """The fields with a derived default whose values were given, so that `with_fields`
    keeps them."""

    def __post_init__(self) -> None:
        problems: list[str] = []
        valid: set[str] = set()
        self._set_given({name: getattr(self, name) for name in config_fields()})
        for field in config_fields().values():
            given = getattr(self, field.name)
            if given is None and field.derived and field.derived.source not in {"", *valid}:
                continue  # the problem of its source is reported
            try:
                value = field.convert(field.derive(given, self))
                object.__setattr__(self, field.name, value)
                valid.add(field.name)
            except ConfigError as error:
                problems += error.problems
        raise_problems([*problems, *joint_problems(self, valid)])
        if isinstance(self.width, tuple) and len(set(self.width)) == 1:
            object.__setattr__(self, "width", self.width[0])

    def _set_given(self, values: Mapping[str, Any]) -> None:
        given = frozenset(
            name
            for name, field in config_fields().items()
            if field.derived and values.get(name) is not None
        )
        object.__setattr__(self, "given", given)

    def __repr__(self) -> str:
        """The fields that differ from their defaults."""
        differing = (
            f"{name}={getattr(self, name)!r}"
            for name, field in config_fields().items()
            if getattr(self, name) != field.derive(field.default, self)
        )
        return f"RunConfig({', '.join(differing)})"

    @property
    def validates_on_test(self) -> bool:
        """True if the test images are used for validation, so that no split is held out."""
        return self.validation_fraction is None

    def with_fields(self, **values: Any) -> Self:
        """Return the configuration with other values of some fields.

        A default that depends on one of these fields is derived anew, unless its value was
        given. `dataclasses.replace` would keep it.

        Raises:
            ConfigError: with every problem of the values at once.

        Example:
        >>> RunConfig().with_fields(optimizer="adam").learning_rate
        0.001
        >>> RunConfig(learning_rate=0.1).with_fields(optimizer="adam").learning_rate
        0.1
        """
        kept = {
            name: getattr(self, name)
            for name in config_fields()
            if name not in self._derived_from(values)
        }
        changed = type(self)(**{**kept, **values})
        given = self.given | (changed.given & values.keys())
        object.__setattr__(changed, "given", given)
        return changed

    def fixed_fields(self, varied: Container[str]) -> dict[str, Any]:
        """Return the fields that stay the same while others vary, as plain values for JSON.

        A default that is derived from a field that varies does not stay the same. With
        folds, there is no validation fraction.

        Args:
            varied: The names of the fields that vary.

        Example:
        >>> "learning_rate" in RunConfig().fixed_fields(["optimizer"])
        False
        >>> RunConfig(learning_rate=0.1).fixed_fields(["optimizer"])["learning_rate"]
        0.1
        """
        left_out = self._derived_from(varied)
        if self.folds is not None:
            left_out.add("validation_fraction")
        return {
            name: value
            for name, value in self.to_dict().items()
            if name not in varied and name not in left_out
        }

    def _derived_from(self, sources: Container[str]) -> set[str]:
        """Return the fields whose values are derived from one of these fields."""
        return {
            name
            for name, field in config_fields().items()
            if field.derived and field.derived.source in sources and name not in self.given
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON."""
        return {name: to_jsonable(getattr(self, name)) for name in config_fields()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration of these fields, which must be all fields.

        Raises:
            ConfigError: if a field is unknown or missing, or if a value is not allowed.
        """
        names = config_fields()
        raise_problems(
            [
                *(unknown_name("field", key, names) for key in values if key not in names),
                *(f"The field `{key}` is missing." for key in names if key not in values),
            ]
        )
        return cls(**values)

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration of stored values, which were checked earlier.

        Custom functions that the values name need not be available.
        """
        config = object.__new__(cls)
        config._set_given(values)
        for name, field in config_fields().items():
            value = field.derive(values.get(name, field.default), config)
            value = tuple(value) if isinstance(value, list) else value
            object.__setattr__(config, name, value)
        return config


def joint_fields() -> tuple[tuple[str, ...], ...]:
    """Return the fields of each rule between fields, whose values may not fit together.

    Example:
    >>> ("width", "depth") in joint_fields()
    True
    """
    return tuple(rule.fields for rule in JOINT_RULES)
