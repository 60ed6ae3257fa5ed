"""Any bytes are read as an IDX file, or refused with a reason."""

import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kmlp import DataError
from kmlp.data.sources._idx import read_idx, read_idx_split

pytestmark = pytest.mark.once

HEADER = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])


def idx(array):
    array = np.asarray(array, "uint8")
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzipped", "plain"])
def test_a_written_array_is_read(tmp_path, pack):
    file = tmp_path / "a"
    file.write_bytes(pack(HEADER + bytes(range(6))))
    np.testing.assert_array_equal(read_idx(file), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "starts with 6e6f2067"),
        (gzip.compress(HEADER + bytes(6))[:-9], "cannot be read"),
        (gzip.compress(HEADER + bytes(6))[:12], "cannot be read"),
        (b"\x1f\x8bno gzip", "cannot be read"),
        (b"", "starts with nothing"),
        (gzip.compress(b""), "starts with nothing"),
        (gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x00"), "starts with 00000d01"),
        (gzip.compress(HEADER[:7]), "ends within its header"),
        (HEADER[:7], "ends within its header"),
        (gzip.compress(HEADER + bytes(5)), r"holds 5 bytes .* header states \(2, 3\)"),
        (gzip.compress(HEADER + bytes(7)), r"holds more than 6 bytes .* \(2, 3\)"),
        (HEADER + bytes(5), r"has 17 bytes, but its header states \(2, 3\)"),
        (HEADER + bytes(7), r"holds more than 6 bytes .* header states \(2, 3\)"),
        (bytes([0, 0, 8, 0]), ".*states 0 dimensions, .* 1 to 4"),
        (bytes([0, 0, 8, 255]) + bytes([0, 0, 0, 1]) * 255 + b"x", ".*states 255 dimensions"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 0]), r".*header states \(0,\)"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12 + bytes(100), "has 116 bytes"),
        (gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12 + bytes(100)), ".*its header states"),
    ],
    ids=[
        "no gzip", "cut", "cut early", "gzip's first bytes only", "empty", "gzip of nothing",
        "floats", "header", "plain header", "short", "long", "plain short", "plain long",
        "no dimension", "too many", "none", "too large", "gzipped too large",
    ],
)  # fmt: skip
def test_damaged_files_are_named(tmp_path, content, message):
    file = tmp_path / "damaged.gz"
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"damaged\.gz: {message}"):
        read_idx(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="missing"):
        read_idx(tmp_path / "missing.gz")


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(HEADER[:3].__add__),
        st.binary(max_size=200).map(HEADER.__add__),
    ),
    st.booleans(),
)
@example(bytes([0, 0, 8, 3, 0, 1, 0, 0, 0, 0, 16, 0, 0, 0, 16, 0]), True)  # 1 TiB
def test_any_bytes_are_an_array_or_a_data_error(tmp_path_factory, content, zipped):
    """Memory is not allocated by what a header claims."""
    file = tmp_path_factory.mktemp("fuzz") / "file"
    written = gzip.compress(content) if zipped else content
    file.write_bytes(written)
    tracemalloc.start()
    try:
        array = read_idx(file)
    except DataError as error:
        assert str(file) in str(error)
    else:
        assert array.tobytes() == content[4 + 4 * array.ndim :]
        assert idx(array) == content
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2**20  # mostly buffers of gzip


@given(st.data())
def test_a_file_with_a_changed_byte_gives_the_same_array_or_is_refused(
    tmp_path_factory, data
):
    content = bytearray(gzip.compress(idx(np.arange(24).reshape(2, 3, 4))))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    file = tmp_path_factory.mktemp("changed") / "file"
    file.write_bytes(content)
    try:
        array = read_idx(file)
    except DataError:
        return
    np.testing.assert_array_equal(array, np.arange(24).reshape(2, 3, 4))


def split_of(tmp_path, images, labels):
    (tmp_path / "images").write_bytes(idx(images))
    (tmp_path / "labels").write_bytes(idx(labels))
    return read_idx_split(tmp_path / "images", tmp_path / "labels")


def test_images_and_labels_become_a_split(tmp_path):
    split = split_of(tmp_path, np.ones((3, 2, 2)), [0, 1, 2])
    assert (split.x.shape, split.y.tolist(), split.y.dtype) == (
        (3, 2, 2), [0, 1, 2], "int32",
    )  # fmt: skip


def test_numbers_of_images_and_labels_that_differ_are_named(tmp_path):
    with pytest.raises(DataError, match=r"images.* 3 images.*labels.* 2 labels"):
        split_of(tmp_path, np.ones((3, 2, 2)), [0, 1])


def test_swapped_files_are_recognized(tmp_path):
    with pytest.raises(DataError, match=r"images: .* 1 dimension.*swapped"):
        split_of(tmp_path, [0, 1, 2], np.ones((3, 2, 2)))
