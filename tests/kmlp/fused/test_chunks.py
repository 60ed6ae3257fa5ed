"""A dataset in chunks has every example once, in mini-batches of the right size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmlp.fused.chunks import CHUNK_BYTES, ChunkedDataset


def mini_batches(chunked, order=None):
    """The mini-batches of a pass, as lists of examples."""
    return [
        block.data[0][rows].tolist()
        for chunk in chunked.one_pass(order)
        for block in chunk
        for rows in block.order[: block.steps]
    ]


@given(
    size=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    limit=st.sampled_from([1, 50, 200, CHUNK_BYTES]),
    seed=st.integers(0, 3),
)
def test_a_pass_has_the_mini_batches_of_model_fit(size, batch_size, limit, seed):
    examples = np.arange(100, 100 + size, dtype="int16")
    order = np.random.default_rng(seed).permutation(size)
    chunked = ChunkedDataset((examples,), batch_size, np.asarray, limit=limit)
    expected = [
        examples[order[start : start + batch_size]].tolist()
        for start in range(0, size, batch_size)
    ]
    assert mini_batches(chunked, order) == expected


def test_chunks_have_one_shape_and_stay_under_the_limit():
    """100,000 examples of 1 kB in chunks of at most 4 MiB, host and device together."""
    limit = 2**22
    data = (np.zeros((100_000, 1000), "uint8"), np.zeros(100_000, "int32"))
    for batch_size in (1, 7, 64, 1000):
        chunked = ChunkedDataset(data, batch_size, np.asarray, limit=limit)
        shapes = set()
        for chunk in chunked.one_pass():
            block = chunk[0]
            shapes.add((block.order.shape, *(array.shape for array in block.data)))
            size = sum(array.nbytes for array in block.data) + block.order.nbytes
            assert 2 * size <= limit
        assert chunked.chunks > 20
        assert len(shapes) == 1


def test_a_mini_batch_larger_than_the_limit_is_a_chunk():
    chunked = ChunkedDataset((np.zeros((6, 100), "uint8"),), 3, np.asarray, limit=10)
    assert chunked.chunks == 2
    assert len(mini_batches(chunked)) == 2


@pytest.mark.parametrize("limit", [CHUNK_BYTES, 10])
def test_examples_keep_their_type_on_the_way_to_the_device(limit):
    types = set()

    def to_device(array):
        types.add(array.dtype)
        return array

    chunked = ChunkedDataset((np.zeros((6, 100), "uint8"),), 3, to_device, limit=limit)
    mini_batches(chunked)
    assert types == {np.dtype("uint8")}


def test_arrays_on_the_device_are_not_copied_to_the_host():
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
            (block.order.shape, block.data[0].shape)
            for chunk in chunked.one_pass()
            for block in chunk
        }
        samples = chunked.samples()
        assert {(block.order.shape, block.data[0].shape) for block in samples} == shapes
