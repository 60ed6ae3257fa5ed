"""Every metric of Keras comes to what it does in `model.fit`, or is refused by name."""

import keras
import numpy as np
import pytest
from helpers.conforming import BACKEND, EXAMPLES, aliases, difference, differences, names_of

pytestmark = [
    pytest.mark.slow,
    # Keras' own, of types that a backend lacks and the like: they are no difference.
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

metrics = keras.metrics
RNG = np.random.default_rng(0)
X = RNG.normal(size=(EXAMPLES, 5)).astype("float32")
CLASSES = RNG.integers(0, 6, EXAMPLES).astype("int32")
LABELS = {
    "class": CLASSES,
    "one_hot": np.eye(6, dtype="float32")[CLASSES],
    "sign": np.sign(RNG.normal(size=(EXAMPLES, 3))).astype("float32"),
    "binary": RNG.integers(0, 2, (EXAMPLES, 1)).astype("float32"),
    "number": RNG.uniform(0.1, 1, (EXAMPLES, 3)).astype("float32"),
}
OPTIONS = {
    "BinaryIoU": {"target_class_ids": [0, 1]},
    "FBetaScore": {"beta": 2.0},
    "IoU": {"num_classes": 6, "target_class_ids": [0, 2], "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 6, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 6, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 6},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "MeanMetricWrapper": {"fn": keras.losses.mean_squared_error},
    "SparseTopKCategoricalAccuracy": {"k": 2},
    "TopKCategoricalAccuracy": {"k": 2},
}
TAKES = {
    "class": [
        "IoU", "MeanIoU", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy",
        "SparseTopKCategoricalAccuracy", "sparse_categorical_accuracy",
        "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy",
    ],
    "one_hot": [
        "CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge", "F1Score",
        "FBetaScore", "KLDivergence", "OneHotIoU", "OneHotMeanIoU",
        "TopKCategoricalAccuracy", "categorical_accuracy", "categorical_crossentropy",
        "categorical_focal_crossentropy", "categorical_hinge", "kl_divergence",
        "top_k_categorical_accuracy",
    ],
    "sign": ["Hinge", "SquaredHinge", "hinge", "squared_hinge"],
    "binary": [
        "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU",
        "FalseNegatives", "FalsePositives", "Precision", "PrecisionAtRecall", "Recall",
        "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity",
        "TrueNegatives", "TruePositives", "binary_accuracy", "binary_crossentropy",
        "binary_focal_crossentropy",
    ],
    "number": [
        "ConcordanceCorrelation", "CosineSimilarity", "LogCoshError", "MeanAbsoluteError",
        "MeanAbsolutePercentageError", "MeanMetricWrapper", "MeanSquaredError",
        "MeanSquaredLogarithmicError", "PearsonCorrelation", "Poisson", "R2Score",
        "RootMeanSquaredError", "concordance_correlation", "huber", "log_cosh",
        "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
        "mean_squared_logarithmic_error", "pearson_correlation", "poisson",
    ],
}  # fmt: skip
OF = {name: labels for labels, names in TAKES.items() for name in names}
NOT_DATA = {
    "Mean": "takes no targets",
    "Metric": "the base class",
    "Sum": "takes no targets",
    "deserialize": "makes one of a configuration",
    "get": "makes one of a name",
    "serialize": "makes a configuration",
}
REFUSED = {
    "tensorflow": {},
    "jax": {},
    "torch": {},
}[BACKEND]


def test_every_metric_is_sorted():
    assert names_of(metrics) == aliases(metrics, OF) | NOT_DATA.keys()


def many_metrics(names):
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    outputs, given = {}, {}
    for labels in dict.fromkeys(OF[name] for name in names):
        units = LABELS[labels].shape[1] if labels != "class" else 6
        activation = "sigmoid" if labels == "binary" else "softmax"
        dense = keras.layers.Dense(units, activation=activation, name=labels)
        outputs[labels] = dense(hidden)
        given[labels] = [metric(name) for name in names if OF[name] == labels]
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.1),
        {labels: "mse" if labels != "class" else "sparse_categorical_crossentropy" for labels in outputs},
        metrics=given,
    )  # fmt: skip
    return model


def metric(name):
    made = getattr(metrics, name)
    return made(**OPTIONS.get(name, {})) if isinstance(made, type) else made


def run(names):
    labels = {OF[name]: LABELS[OF[name]] for name in names}
    return difference(lambda: many_metrics(names), X, labels)


def test_all_metrics_come_to_what_they_do_in_model_fit():
    assert differences([name for name in OF if name not in REFUSED], run) == {}
    for name in REFUSED:
        assert run([name]).startswith("refused"), name
