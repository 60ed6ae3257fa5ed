import pytest

from kmlp.charts.accuracy import AccuracyScale

pytestmark = pytest.mark.once


@pytest.mark.parametrize("room", [0, 0.1])
@pytest.mark.parametrize("errors", [[], [0], [0, 100], [2, 90], [2.2, 2.9], [50], [100]])
def test_all_errors_are_on_the_scale_and_room_is_left(errors, room):
    scale = AccuracyScale.of(errors, room=room)
    assert 0 <= scale.best < scale.worst
    for error in errors:
        assert room < scale.share(error) <= 1
    assert scale.share(scale.best) == 1
    assert scale.share(scale.worst) == 0


def test_fewer_errors_are_higher_up_and_a_good_model_has_more_of_the_scale():
    scale = AccuracyScale(1, 90)
    assert scale.share(2) > scale.share(3) > scale.share(80) > scale.share(81)
    assert scale.share(2) - scale.share(3) > 10 * (scale.share(80) - scale.share(81))


@pytest.mark.parametrize(
    ("best", "worst", "ticks"),
    [
        (1.8, 92, [2, 3, 5, 10, 20, 30, 50, 90]),
        (2.1, 3.1, [2.2, 2.4, 2.6, 2.8, 3.0]),
        (10, 110, [10, 20, 30, 50, 90]),
        (96, 130, [96, 96.5, 97, 97.5, 98, 98.5, 99, 99.5, 100]),
        (0, 0.025, [0, 0.01, 0.02]),
    ],
)
def test_ticks(best, worst, ticks):
    assert AccuracyScale(best, worst).ticks == ticks
