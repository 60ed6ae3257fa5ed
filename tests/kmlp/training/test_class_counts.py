"""Balanced accuracy and macro F1 are those of scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from kmlp.training._class_counts import ClassCounts

RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(90, 5)).astype("float32")
LABELS = np.append(RANDOM.integers(0, 3, 80), [3] * 10)


@pytest.mark.parametrize("one_hot", [False, True])
def test_the_figures_over_several_batches_are_those_of_scikit_learn(one_hot):
    """Class 4 is predicted and never true; nobody predicts class 3."""
    scores = SCORES - [0, 0, 0, 1e3, 0]
    y = np.eye(5, dtype="float32")[LABELS] if one_hot else LABELS[:, None]
    counts = ClassCounts(5)
    for batch in (slice(0, 50), slice(50, 90)):
        counts.update_state(y[batch], keras.ops.convert_to_tensor(scores[batch]))
    results = counts.figures()
    predicted = scores.argmax(1)
    assert set(predicted) == {0, 1, 2, 4}
    recall = np.mean([(predicted[c == LABELS] == c).mean() for c in range(4)])
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert balanced_accuracy_score(LABELS, predicted) == pytest.approx(recall)
    assert results["balanced_accuracy"] == pytest.approx(recall, rel=1e-6)
    f1 = f1_score(LABELS, predicted, average="macro", zero_division=0)
    assert results["macro_f1"] == pytest.approx(f1, rel=1e-6)
