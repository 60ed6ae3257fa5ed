"""`MLPHyperModel`: a search space for Keras Tuner's own tuners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np

from kmlp.data import Dataset, filled
from kmlp.errors import ConfigError, raise_problems
from kmlp.fused.fit import fit
from kmlp.model.build import build_for, build_from
from kmlp.model.config import RunConfig
from kmlp.model.keras_metrics import keras_metrics
from kmlp.model.regression import target_statistics
from kmlp.model.run_data import selected_for
from kmlp.training.trainer import targets_of
from kmlp_tuning.space.parsing import default_space
from kmlp_tuning.space.space import SearchSpace

if TYPE_CHECKING:
    import keras


class MLPHyperModel(keras_tuner.HyperModel):
    """Build and train the models of a search space, in any `keras_tuner.Tuner`.

    Models are trained by `kmlp.fit`, with the batch size of the space, on the examples
    that the tuner's `search` is given. An oracle that sets the number of epochs, such as
    Hyperband, overrides the argument `epochs` of `search`.

    For a table or a regression, give the `dataset`. Then `search` takes raw rows and
    targets: missing values are filled in, columns are scaled, and the loss is that of
    standardized targets, by the numbers of the dataset's training rows. RMSE and MAE are in
    the unit of the target.

    Args:
        space: The search space. Defaults to None: `default_space(base)`.
        dataset: The dataset whose examples `search` is given. It states the shape, the
            classes and the scaling. Defaults to None: images of any dataset.
        base: The configuration that has the fixed fields; without `dataset`, the images of
            its dataset are not read. Defaults to None: that of the `dataset`, or
            `RunConfig()`.
        input_shape: The shape of an image. Defaults to None: that of the `dataset`, or
            (28, 28).
        num_classes: The number of classes. Defaults to None: that of the `dataset`, or 10.
        pixels: The mean and the standard deviation of the pixels of the images to train
            on, for the scaling "standard": see `build_mlp`. Defaults to None: those of the
            `dataset`.

    Raises:
        ConfigError: if the space is wrong, if it or the base has fields that choose or
            change the images, or if the `dataset` is not that of the base or of the other
            arguments.

    Example:
    >>> import keras_tuner
    >>> from kmlp_tuning import MLPHyperModel
    >>> model = MLPHyperModel({"depth": [1, 2]}).build(keras_tuner.HyperParameters())
    >>> len([layer for layer in model.layers if layer.name.startswith("hidden")])
    1
    >>> from kmlp import load_dataset
    >>> houses = MLPHyperModel({"depth": [1, 2]}, dataset=load_dataset("diabetes"))
    >>> houses.build(keras_tuner.HyperParameters()).output_shape
    (None, 1)
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Any] | None = None,
        *,
        dataset: Dataset | None = None,
        base: RunConfig | None = None,
        input_shape: tuple[int, ...] | None = None,
        num_classes: int | None = None,
        pixels: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        if dataset is not None:
            given = {
                "input_shape": input_shape, "num_classes": num_classes, "pixels": pixels,
            }  # fmt: skip
            raise_problems(_dataset_problems(dataset, base, given))
            base = base or RunConfig(dataset=dataset.name)
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
        self._dataset = dataset
        self._input_shape = input_shape or (28, 28)
        self._num_classes = num_classes or (10 if dataset is None else dataset.num_classes)
        self._pixels = pixels
        self._fill_values = (
            None if dataset is None else selected_for(self.base, dataset).fill_values()
        )

    def config(self, hp: keras_tuner.HyperParameters) -> RunConfig:
        """The configuration of a trial's hyperparameters."""
        return self.space.config(self.space.declare(hp), self.base)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Sequential:
        """The compiled model of a trial."""
        config = self.config(hp)
        if self._dataset is not None:
            model = build_for(config, self._dataset)
            if not self._dataset.class_names:
                y = selected_for(config, self._dataset).train.y
                model.compile(
                    optimizer=model.optimizer,
                    loss=_of_standardized(model.loss, *target_statistics(y)),
                    metrics=keras_metrics("regression"),
                )
            return model
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
            x: Raw images, or raw rows with nan for missing values.
            y: Their classes, as integers; for a regression its targets, in their unit.
            validation_data: Examples and targets to validate on, `(x, y)` or
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
            of_validation, targets, *weights = validation_data
            validation_data = (*self._data(config, of_validation, targets), *weights)
        return fit(
            model,
            *self._data(config, x, y),
            batch_size=config.batch_size,
            validation_data=validation_data,
            epochs=epochs,
            initial_epoch=initial_epoch,
            seed=config.seed,
            **options,
        )

    def _data(self, config: RunConfig, x: Any, y: Any) -> tuple[Any, Any]:
        """Return complete examples, and targets in the form that the loss needs."""
        if self._fill_values is not None:
            x = filled(np.asarray(x, "float32"), self._fill_values)
        if self._num_classes:
            return x, targets_of(config, y, self._num_classes)
        return x, np.asarray(y, "float32").reshape(-1, 1)


def _dataset_problems(
    dataset: Dataset, base: RunConfig | None, given: Mapping[str, Any]
) -> list[str]:
    """Return what contradicts a dataset, or repeats it."""
    problems = [
        f"The value of `{name}` is {value!r}, but `dataset` states it. Leave it out."
        for name, value in given.items()
        if value is not None
    ]
    if base is not None and base.dataset != dataset.name:
        problems.append(
            f"The dataset is {dataset.name}, but the value of `base.dataset` is "
            f"{base.dataset}. Give a base with the dataset {dataset.name}."
        )
    return problems


def _of_standardized(
    loss: Callable[[Any, Any], Any], mean: float, sd: float
) -> Callable[[Any, Any], Any]:
    """Return the loss of standardized targets, for targets in their unit.

    A good learning rate then does not depend on the unit.
    """

    def loss_of_standardized(y: Any, y_pred: Any) -> Any:
        return loss((y - mean) / sd, (y_pred - mean) / sd)

    return loss_of_standardized
