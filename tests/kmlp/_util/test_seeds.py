import numpy as np

from kmlp._util.seeds import Purpose, generator


def test_the_same_stream_gives_the_same_numbers():
    """The numbers of NumPy 2.4's PCG64. A change would change every result."""
    for _ in range(2):
        draws = generator(0, Purpose.WEIGHTS, 0).integers(0, 1000, 4)
        assert draws.tolist() == [17, 565, 909, 935]


def test_streams_differ_by_seed_purpose_and_index():
    streams = [
        generator(seed, purpose, index).random(8)
        for seed in (0, 1)
        for purpose in Purpose
        for index in (0, 1)
    ]
    assert len({stream.tobytes() for stream in streams}) == len(streams)
    correlations = np.corrcoef(
        [generator(0, Purpose.ORDER, i).random(2000) for i in range(5)]
    )
    assert abs(correlations - np.eye(5)).max() < 0.1
