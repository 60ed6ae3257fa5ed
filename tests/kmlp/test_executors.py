import pytest

from kmlp import RunConfig
from kmlp.engine import Slice
from kmlp.executors import InProcessExecutor

CONFIG = RunConfig(train_size=700, width=8, depth=1, momentum=0.9)


def weights(result):
    return [array.tobytes() for array in result.checkpoint.weights]


def do(executor, checkpoint, target, config=CONFIG):
    executor.submit(Slice(config, checkpoint, target))
    return executor.result()


def test_slices_make_no_difference():
    """Cut by time, cut by a fresh executor, or not cut: the same bytes."""
    whole = do(InProcessExecutor(seconds=60), None, 3)
    assert len(whole.records) == 3
    impatient = InProcessExecutor(seconds=0)
    result = do(impatient, None, 3)
    assert len(result.records) == 1
    result = do(impatient, result.checkpoint, 3)
    result = do(InProcessExecutor(), result.checkpoint, 3)
    assert weights(result) == weights(whole)
    assert result.records[-1].test_loss == whole.records[-1].test_loss


def test_a_session_goes_on_only_from_its_own_checkpoint():
    executor = InProcessExecutor(seconds=0)
    first = do(executor, None, 5)
    do(executor, first.checkpoint, 5)
    again = do(executor, first.checkpoint, 5)
    assert again.records[0].epoch == 2
    fresh = do(executor, None, 5)
    assert weights(fresh) == weights(first)


def test_takes_one_slice_at_a_time():
    executor = InProcessExecutor()
    with pytest.raises(RuntimeError, match="No slice"):
        executor.result()
    executor.submit(Slice(CONFIG, None, 1))
    assert executor.free() == 0
    with pytest.raises(RuntimeError, match="has a slice"):
        executor.submit(Slice(CONFIG, None, 1))
