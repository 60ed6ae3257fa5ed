"""Every metric of Keras has the values of `model.fit`, or is listed as refused."""

import keras
import numpy as np
import pytest
from helpers.conforming import BACKEND, EXAMPLES, aliases, difference, differences, names_of

pytestmark = [
    pytest.mark.slow,
    # Keras warns of types that a backend lacks, for example. Warnings are not compared.
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
METRICS_BY_TARGETS = {
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
TARGETS = {name: labels for labels, names in METRICS_BY_TARGETS.items() for name in names}
NOT_COVERED = {
    "Mean": "takes no targets",
    "Metric": "the base class",
    "Sum": "takes no targets",
    "deserialize": "creates a metric from a configuration",
    "get": "creates a metric from a name",
    "serialize": "creates a configuration",
}
REFUSED = {
    "tensorflow": {},
    "jax": {},
    "torch": {},
}[BACKEND]


def test_every_name_of_keras_metrics_is_listed():
    assert names_of(metrics) == aliases(metrics, TARGETS) | NOT_COVERED.keys()


def many_metrics(names):
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    outputs, metrics_by_output = {}, {}
    for labels in dict.fromkeys(TARGETS[name] for name in names):
        units = LABELS[labels].shape[1] if labels != "class" else 6
        activation = "sigmoid" if labels == "binary" else "softmax"
        dense = keras.layers.Dense(units, activation=activation, name=labels)
        outputs[labels] = dense(hidden)
        metrics_by_output[labels] = [
            metric(name) for name in names if TARGETS[name] == labels
        ]
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.1),
        {labels: "mse" if labels != "class" else "sparse_categorical_crossentropy" for labels in outputs},
        metrics=metrics_by_output,
    )  # fmt: skip
    return model


def metric(name):
    item = getattr(metrics, name)
    return item(**OPTIONS.get(name, {})) if isinstance(item, type) else item


def run(names):
    labels = {TARGETS[name]: LABELS[TARGETS[name]] for name in names}
    return difference(lambda: many_metrics(names), X, labels)


def test_metrics_have_the_values_of_model_fit_or_are_refused():
    assert differences([name for name in TARGETS if name not in REFUSED], run) == {}
    for name in REFUSED:
        assert run([name]).startswith("refused"), name
