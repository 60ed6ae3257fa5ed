import gzip

import numpy as np
import pytest

from kmlp import DataError
from kmlp.data.idx import read_idx

HEADER = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])


def test_reads_what_was_written(tmp_path):
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(HEADER + bytes(range(6))))
    np.testing.assert_array_equal(read_idx(file), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "cannot be read as a gzipped file"),
        (gzip.compress(HEADER + bytes(6))[:-9], "cannot be read as a gzipped file"),
        (gzip.compress(b""), "starts with nothing"),
        (gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x00"), "starts with 00000d01"),
        (gzip.compress(HEADER[:7]), "ends within its header"),
        (gzip.compress(HEADER + bytes(5)), r"holds 5 bytes .* header states \(2, 3\)"),
        (gzip.compress(HEADER + bytes(7)), r"holds 7 bytes .* header states \(2, 3\)"),
    ],
    ids=["no gzip", "cut", "empty", "floats", "header", "short", "long"],
)
def test_damaged_files_are_named(tmp_path, content, message):
    file = tmp_path / "damaged.gz"
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"damaged\.gz: {message}"):
        read_idx(file)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="missing"):
        read_idx(tmp_path / "missing.gz")
