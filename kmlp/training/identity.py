"""The identity of a run, which is known before training: its key in the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.model.config import RunConfig
from kmlp.model.custom import named_objects
from kmlp.model.identity import identity_fields
from kmlp.model.layer_sizes import count_parameters
from kmlp.model.run_data import dataset_of
from kmlp.settings import read_settings

if TYPE_CHECKING:
    from kmlp.data import Dataset

NUMERICS_VERSION = 4
"""The version of kmlp's numerics. Each change that alters results of a run raises it."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """The properties of a run that are known before training."""

    key: str
    """The key of the run; see `run_key`."""
    config: RunConfig
    """The configuration."""
    backend: str
    """The name of the backend."""
    fused: bool
    """True if an epoch is one compiled program."""
    parameters: int
    """Number of parameters: see `count_parameters`."""
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The settings that differ from their defaults; see `kmlp.settings`."""


def identify(
    config: RunConfig,
    *,
    fused: bool,
    settings: Mapping[str, str] | None = None,
    dataset: Dataset | None = None,
) -> RunIdentity:
    """Return the identity of a run on the backend and with the settings of this process.

    Args:
        config: The run's configuration.
        fused: True if an epoch is one compiled program.
        settings: The result of `kmlp.settings.read_settings`. Defaults to None: the
            settings are read from the process.
        dataset: The dataset that the configuration names. Defaults to None: the dataset
            is loaded.

    Raises:
        ConfigError: if a setting of this process is not allowed for runs.
        BackendError: if there is no backend.
        DataError: if the dataset cannot be read.
    """
    if dataset is None:
        dataset = dataset_of(config)
    name = backend.select()
    if settings is None:
        settings = read_settings(name)
    return RunIdentity(
        key=run_key(config, dataset.fingerprint, name, fused=fused, settings=settings),
        config=config,
        backend=name,
        fused=fused,
        parameters=count_parameters(
            dataset.input_shape,
            dataset.outputs,
            config.width,
            config.depth,
            config.normalization,
        ),
        settings=settings,
    )


def run_key(
    config: RunConfig,
    fingerprint: str,
    backend: str,
    *,
    fused: bool,
    settings: Mapping[str, str] | None = None,
    numerics: int | None = None,
) -> str:
    """Return the key of a run: runs with equal keys have equal results.

    The key depends on the code of custom functions.

    Args:
        config: The run's configuration.
        fingerprint: The fingerprint of the dataset.
        backend: The name of the backend.
        fused: True if an epoch is one compiled program.
        settings: The result of `kmlp.settings.read_settings`. Defaults to None: all
            settings have their defaults.
        numerics: The version of kmlp's numbers. Defaults to None: `NUMERICS_VERSION`.

    Returns:
        A SHA-256 hash, in hexadecimal.
    """
    custom = [
        registry.digest(name)
        for registry, name in named_objects(config)
        if registry.is_custom(name)
    ]
    values = identity_fields(config.to_dict())
    version = NUMERICS_VERSION if numerics is None else numerics
    parts: list[Any] = [version, backend, fused, fingerprint, values, *custom]
    if settings:
        parts.append({"settings": dict(settings)})
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
