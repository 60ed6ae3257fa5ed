import pytest
from helpers.made_up import made_up_ablation

from kmlp import ConfigError
from kmlp.studies.published_best import verdict

pytestmark = pytest.mark.once

LOW, HIGH = [0.80, 0.81, 0.80], [0.90, 0.91, 0.901]
CLOSE = [0.895, 0.912, 0.903]
SAME = [0.9, 0.9098, 0.9008]


@pytest.mark.parametrize(
    ("values", "best", "sentence"),
    [
        ({8: LOW, 64: HIGH}, 64, "width=64 is the best. That holds here. width=64 is better than width=8 by 10.03 points (interval 9.89 to 10.18)."),
        ({8: LOW, 64: HIGH}, 8, "width=8 is the best. That does not hold here: width=64 is better by 10.03 points (interval 9.89 to 10.18)."),
        ({8: CLOSE, 64: HIGH}, 64, "width=64 is the best. Here 3 seeds do not separate width=64 from width=8, which is worse by 0.03 points (interval -"),
        ({8: CLOSE, 64: HIGH}, 8, "width=8 is the best. Here 3 seeds do not separate width=8 from width=64, which is better by 0.03"),
        ({8: LOW, 16: CLOSE, 64: HIGH}, 64, "do not separate width=64 from width=16"),
        ({8: LOW, 16: CLOSE, 64: HIGH}, 64, "(interval -0.97 to 1.04). width=64 is better than width=8 by 10.03 points"),
        ({8: SAME, 64: HIGH}, 64, "width=64 is the best. Here width=64 is the same within 0.2 points as width=8, which is worse by 0.01 points (interval -0.0"),
        ({8: LOW, 16: SAME, 64: HIGH}, 64, "(interval -0.02 to 0.04). width=64 is better than width=8 by 10.03 points"),
        ({8: [0.8], 64: [0.9]}, 8, "one seed cannot decide: use at least 5"),
        ({8: LOW, 64: [float("nan")] * 3}, 64, "width=64 is the best. Here none of its runs finished."),
        ({8: LOW, 64: [float("nan")] * 3}, 8, "Here there is no other value to compare with."),
        ({8: LOW}, 8, "no other value"),
        ({8: [0.5, 0.75], 64: [0.25, 0.5]}, 8, "2 seeds do not separate width=8 from width=64, which is worse by 25.00 points."),
        ({8: [0.8, 0.81, float("nan")], 64: LOW}, 8, "is the best. Here 1 of its 3 runs did not finish. Here 2 seeds"),
        ({8: [0.8, 0.81, float("nan")], 64: HIGH, 16: [0.7, float("nan"), float("nan")]}, 8, "Here 1 seed does not separate width=8 from width=64"),
    ],
    ids=[
        "holds", "does not", "open", "open and better", "open with others", "both", "same", "same and worse", "one seed", "diverged",
        "others diverged", "no others", "no spread", "some diverged", "one seed in common",
    ],
)  # fmt: skip
def test_a_claim_holds_where_the_interval_says_so(values, best, sentence):
    assert sentence in verdict(made_up_ablation(values), best).text


def test_a_claim_of_a_value_that_was_not_trained_is_refused():
    with pytest.raises(ConfigError, match="`width`: 8, 64"):
        verdict(made_up_ablation({8: LOW, 64: HIGH}), 128)
