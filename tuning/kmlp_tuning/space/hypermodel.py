"""`MLPHyperModel`: a search space for Keras Tuner's own tuners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np

from kmlp.errors import ConfigError
from kmlp.fused.fit import fit
from kmlp.model.build import build_mlp
from kmlp.model.config import RunConfig
from kmlp.model.losses import get_loss
from kmlp_tuning.space.space import SearchSpace, default_space

if TYPE_CHECKING:
    import keras


class MLPHyperModel(keras_tuner.HyperModel):
    """Builds and trains the networks of a search space, in any `keras_tuner.Tuner`.

    It trains by `kmlp.fit`, with the batch size of the space. Where an oracle says to which
    epoch, as Hyperband does, it does that; else `epochs` of `search` counts. The images
    are those that `search` is given.

    Args:
        space: What may be chosen. Defaults to None: `default_space()`.
        base: The fields that are fixed; of its dataset only the name is looked at, never
            the images. Defaults to `RunConfig()`.
        input_shape: Of an image. Defaults to (28, 28).
        num_classes: Defaults to 10.

    Example:
    >>> import keras_tuner
    >>> from kmlp_tuning import MLPHyperModel
    >>> model = MLPHyperModel({"depth": [1, 2]}).build(keras_tuner.HyperParameters())
    >>> len([layer for layer in model.layers if layer.name.startswith("hidden")])
    1
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Any] | None = None,
        *,
        base: RunConfig | None = None,
        input_shape: tuple[int, ...] = (28, 28),
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        if not isinstance(space, SearchSpace):
            space = default_space() if space is None else SearchSpace(space)
        self.space = space
        self.base = base or RunConfig()
        self.space.check(self.base)
        if "train_size" in self.space.fields:
            raise ConfigError(
                ["`train_size` cannot be searched here: `search` is given the images."]
            )
        self._input_shape = input_shape
        self._num_classes = num_classes

    def config(self, hp: keras_tuner.HyperParameters) -> RunConfig:
        """The configuration of a trial's hyperparameters."""
        return self.space.config(self.space.declare(hp), self.base)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Sequential:
        """The compiled model of a trial."""
        config = self.config(hp)
        return build_mlp(
            input_shape=self._input_shape,
            num_classes=self._num_classes,
            width=config.width,
            depth=config.depth,
            activation=config.activation,
            loss=config.loss,
            output=config.output,
            learning_rate=config.learning_rate,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=config.weight_decay,
            initializer=config.initializer,
            scaling=config.scaling,
            seed=config.seed,
        )

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Sequential,
        x: Any,
        y: Any,
        *,
        validation_data: tuple[Any, ...] | None = None,
        epochs: int = 10,
        initial_epoch: int = 0,
        **options: Any,
    ) -> keras.callbacks.History:
        """Trains a trial's model.

        Args:
            hp: The trial's hyperparameters.
            model: What `build` made, or what the tuner has loaded.
            x: Images.
            y: Their classes, as integers.
            validation_data: The same to validate with, `(x, y)` or
                `(x, y, sample_weight)`. Defaults to None.
            epochs: Where the oracle does not say. Defaults to 10.
            initial_epoch: The epochs that the model has. Defaults to 0.
            **options: What else `kmlp.fit` takes.
        """
        config = self.config(hp)
        if "batch_size" in options:
            raise ConfigError(
                ["The batch size is that of the space or its base. Leave `batch_size` out."]
            )
        if "tuner/epochs" in hp:
            epochs = hp.get("tuner/epochs")
        if validation_data is not None:
            of_validation, labels, *weights = validation_data
            targets = self._targets(config, labels)
            validation_data = (of_validation, targets, *weights)
        return fit(
            model,
            x,
            self._targets(config, y),
            batch_size=config.batch_size,
            validation_data=validation_data,
            epochs=epochs,
            initial_epoch=initial_epoch,
            seed=config.seed,
            **options,
        )

    def _targets(self, config: RunConfig, y: Any) -> Any:
        if get_loss(config.loss).targets == "index":
            return y
        return np.eye(self._num_classes, dtype="float32")[np.asarray(y).reshape(-1)]
