"""`MLPHyperModel`: a search space for Keras Tuner's own tuners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras_tuner

from kmlp.errors import ConfigError
from kmlp.fused.fit import fit
from kmlp.model.build import build_from
from kmlp.model.config import RunConfig
from kmlp.training.trainer import targets_of
from kmlp_tuning.space.parsing import default_space
from kmlp_tuning.space.space import SearchSpace

if TYPE_CHECKING:
    import keras


class MLPHyperModel(keras_tuner.HyperModel):
    """Build and train the models of a search space, in any `keras_tuner.Tuner`.

    Models are trained by `kmlp.fit`, with the batch size of the space, on the images that
    the tuner's `search` is given. An oracle that sets the number of epochs, such as
    Hyperband, overrides the argument `epochs` of `search`.

    Args:
        space: The search space. Defaults to None: `default_space()`.
        base: The configuration that has the fixed fields; the images of its dataset are
            not read. Defaults to None: `RunConfig()`.
        input_shape: The shape of an image. Defaults to (28, 28).
        num_classes: The number of classes. Defaults to 10.
        pixels: The mean and the standard deviation of the pixels of the images to train
            on, for the scaling "standard": see `build_mlp`. Defaults to None.

    Raises:
        ConfigError: if the space is wrong, or if it or the base has fields that choose or
            change the images.

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
        pixels: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        base = base or RunConfig()
        if not isinstance(space, SearchSpace):
            space = default_space(base) if space is None else SearchSpace(space)
        self.space = space
        self.base = space.fitted(base)
        for name in ("train_size", "label_noise"):
            if name in self.space.fields:
                raise ConfigError(
                    [f"`{name}` cannot be searched here: `search` is given the examples."]
                )
        if self.base.label_noise:
            raise ConfigError(
                [
                    f"The value of `label_noise` is {self.base.label_noise}, but does "
                    "nothing because `search` is given the labels. Give `search` those of "
                    "`Dataset.with_label_noise`."
                ]
            )
        self._input_shape = input_shape
        self._num_classes = num_classes
        self._pixels = pixels

    def config(self, hp: keras_tuner.HyperParameters) -> RunConfig:
        """The configuration of a trial's hyperparameters."""
        return self.space.config(self.space.declare(hp), self.base)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Sequential:
        """The compiled model of a trial."""
        config = self.config(hp)
        return build_from(
            config,
            input_shape=self._input_shape,
            num_classes=self._num_classes,
            pixels=self._pixels if config.scaling == "standard" else None,
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
        """Train the model of a trial.

        Args:
            hp: The hyperparameters of the trial.
            model: The model that `build` returned or the tuner loaded.
            x: Images.
            y: Their classes, as integers.
            validation_data: Images and classes to validate on, `(x, y)` or
                `(x, y, sample_weight)`. Defaults to None.
            epochs: The epoch to train to, unless the oracle sets it. Defaults to 10.
            initial_epoch: The epochs that the model was trained for. Defaults to 0.
            **options: Other arguments of `kmlp.fit`.

        Raises:
            ConfigError: if `batch_size` is among the options, or an argument is wrong.
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
            targets = targets_of(config, labels, self._num_classes)
            validation_data = (of_validation, targets, *weights)
        return fit(
            model,
            x,
            targets_of(config, y, self._num_classes),
            batch_size=config.batch_size,
            validation_data=validation_data,
            epochs=epochs,
            initial_epoch=initial_epoch,
            seed=config.seed,
            **options,
        )
