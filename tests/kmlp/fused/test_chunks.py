import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmlp.fused.chunks import CHUNK_BYTES, ChunkedDataset


def fed(chunked, order=None):
    """The mini-batches of an epoch, as lists of examples."""
    return [
        part.data[0][rows].tolist()
        for chunk in chunked.one_pass(order)
        for part in chunk
        for rows in part.order[: part.steps]
    ]


@given(
    size=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    limit=st.sampled_from([1, 50, 200, CHUNK_BYTES]),
    seed=st.integers(0, 3),
)
def test_every_example_comes_once_in_the_batches_of_fit(size, batch_size, limit, seed):
    examples = np.arange(100, 100 + size, dtype="int16")
    order = np.random.default_rng(seed).permutation(size)
    chunked = ChunkedDataset((examples,), batch_size, np.asarray, limit=limit)
    batches = fed(chunked, order)
    expected = [
        examples[order[start : start + batch_size]].tolist()
        for start in range(0, size, batch_size)
    ]
    assert batches == expected


def test_chunks_have_one_shape_and_stay_under_the_limit():
    """100,000 examples of 1 kB in chunks of at most 4 MiB, host and device together."""
    limit = 2**22
    data = (np.zeros((100_000, 1000), "uint8"), np.zeros(100_000, "int32"))
    for batch_size in (1, 7, 64, 1000):
        chunked = ChunkedDataset(data, batch_size, np.asarray, limit=limit)
        shapes = set()
        for chunk in chunked.one_pass():
            part = chunk[0]
            shapes.add((part.order.shape, *(array.shape for array in part.data)))
            taken = sum(array.nbytes for array in part.data) + part.order.nbytes
            assert 2 * taken <= limit
        assert chunked.chunks > 20
        assert len(shapes) == 1


def test_a_mini_batch_larger_than_the_limit_is_a_chunk():
    chunked = ChunkedDataset((np.zeros((6, 100), "uint8"),), 3, np.asarray, limit=10)
    assert chunked.chunks == 2
    assert len(fed(chunked)) == 2


@pytest.mark.parametrize("limit", [CHUNK_BYTES, 10])
def test_what_is_put_on_the_device_has_its_type_still(limit):
    put = []

    def to_device(array):
        put.append(array.dtype)
        return array

    chunked = ChunkedDataset((np.zeros((6, 100), "uint8"),), 3, to_device, limit=limit)
    fed(chunked)
    assert set(put) == {np.dtype("uint8")}


def test_what_is_on_the_device_is_not_put_there_again():
    class OnDevice(list):
        shape = (3,)

    def to_device(array):
        assert isinstance(array, OnDevice)
        return array

    chunked = ChunkedDataset((OnDevice([1, 2, 3]),), 2, to_device, limit=0)
    assert chunked.chunks == 1


def test_samples_have_every_shape_of_an_epoch():
    data = (np.zeros((10, 4), "uint8"),)
    for limit in (1, 30, CHUNK_BYTES):
        chunked = ChunkedDataset(data, 3, np.asarray, limit=limit)
        shapes = {
            (part.order.shape, part.data[0].shape)
            for chunk in chunked.one_pass()
            for part in chunk
        }
        assert {(p.order.shape, p.data[0].shape) for p in chunked.samples()} == shapes
