"""CSV files of any delimiter are read as texts, and other files are recognized."""

import gzip
import os

import pytest

from kmlp import DataError
from kmlp.data.sources._csv import read_csv

pytestmark = pytest.mark.once


def write(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(table):
    return {name: column.to_pylist() for name, column in table.columns.items()}


EXPECTED = {"a": ["1.5", "x"], "b": ["", "2"]}


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1.5,\nx,2\n",
        "a;b\n1.5;\nx;2\n",
        "a\tb\n1.5\t\nx\t2",
        "a|b\r\n1.5|\r\nx|2\r\n",
        "a,b\r1.5,\rx,2\r",
        '"a","b"\n"1.5",""\n"x","2"\n',
        "\ufeffa,b\n1.5,\nx,2\n",
        "\n a ,b\n\n1.5,\n\nx,2\n\n",
        gzip.compress(b"a,b\n1.5,\nx,2\n"),
    ],
    ids=["comma", "semicolon", "tab", "bar", "cr", "quoted", "mark", "blank lines", "gzip"],
)
def test_common_forms_of_csv_are_read(tmp_path, content):
    assert cells(read_csv(write(tmp_path, content))) == EXPECTED


def test_a_decimal_comma_is_not_taken_for_the_delimiter(tmp_path):
    path = write(tmp_path, "a;b\n1,5;2,5\n3,5;4,5\n")
    assert cells(read_csv(path, decimal=","))["a"] == ["1,5", "3,5"]
    path = write(tmp_path, "1,5;2,5\n3,5;4,5\n")
    table = read_csv(path, decimal=",", header=False)
    assert cells(table) == {"x1": ["1,5", "3,5"], "x2": ["2,5", "4,5"]}


def test_a_delimiter_can_be_given(tmp_path):
    table = read_csv(write(tmp_path, "a:b,c\n1:2,3\n"), delimiter=":")
    assert cells(table) == {"a": ["1"], "b,c": ["2,3"]}


def test_a_quoted_cell_may_have_the_delimiter_quotes_and_lines(tmp_path):
    path = write(tmp_path, 'a,"b\n"\n"1,""5""\n",2\n\n3,4\n')
    table = read_csv(path)
    assert cells(table) == {"a": ['1,"5"\n', "3"], "b": ["2", "4"]}
    assert [table.place(row) for row in range(2)] == ["line 3", "line 6"]


def test_rows_of_unequal_length_are_named_by_their_line(tmp_path):
    with pytest.raises(
        DataError, match=r'a\.csv: line 5 has 3 cells.*header has 2: "4,5,6"'
    ):
        read_csv(write(tmp_path, 'a,b\n1,"x\ny"\n2,3\n4,5,6\n'))
    with pytest.raises(DataError, match=r"a\.csv: line 6 has 3 cells"):
        read_csv(write(tmp_path, "a,b\r\nx\u2028,1\r\n2,3\r\n\r\n\r\n4,5,6\r\n"))
    with pytest.raises(DataError, match=r"a\.csv: line 6 has 1 cell, but the header"):
        read_csv(write(tmp_path, "\n\na,b\n1,2\n\n3\n"))
    with pytest.raises(
        DataError, match=r"a\.csv: line 2 has 1 cell, but the first row has 2"
    ):
        read_csv(write(tmp_path, "1,2\n3\n4,5\n"), header=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"a,b\n", "has a header, but no rows"),
        (b"a,b", "has a header, but no rows"),
        (b"a,b\n\n\n", "has a header, but no rows"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16.*iconv -f UTF-16 -t UTF-8 a.csv"),
        ("a,b\n1,2\n".encode("utf-16-le"), "UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-be"), "UTF-16"),
        ("a,b\n1,2\n".encode("utf-32"), "UTF-32"),
        ("a,b\n1,2\nKöln,3\n".encode("latin-1"), r"Latin-1.*Line 3 has the byte 0xf6.*-f LATIN1"),
        ("a,b\n1,2\n3,5 €\n".encode("cp1252"), r"Windows-1252.*Line 3 has the byte 0x80"),
        (b"<!DOCTYPE html>\n<html>", r"web page .HTML.*raw"),
        (b"\n<HTML><body>a,b</body>", "web page"),
        (b"a,b\n1,\x002\n", "line 2 has the byte 0x00"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 2 has the byte 0x1a"),
        (b"a,,c\n1,2,3\n", "column 2 in line 1 has no name"),
        (b",a\n1,2\n", r"column 1 in line 1 has no name.*index=False"),
        (b"a,b,\n1,2,\n", "column 3 in line 1 has no name"),
        (b"a,b,a\n1,2,3\n", 'columns 1 and 3 in line 1 are both called "a"'),
        (b"\n\na,a \n1,2\n", 'columns 1 and 2 in line 3 are both called "a"'),
        ("a,b\u202e\n1,2\n", "column 2 in line 1.*U.202E"),
        ('"a\nb",c\n1,2\n', "column 1 in line 1.*U.000A"),
        (b"\x1f\x8b\x08 cut", "cannot be read"),
        (gzip.compress(b"a,b\n1,2\n")[:-9], "cannot be read"),
        (",".join(f"c{number}" for number in range(10_001)) + "\n1\n", "10,001 columns.*10,000"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_is_not_a_table_as_csv_is_refused(tmp_path, content, message):
    with pytest.raises(DataError, match=rf"(?s)a\.csv: .*{message}") as refusal:
        read_csv(write(tmp_path, content))
    assert len(str(refusal.value)) < 500
    assert str(refusal.value).isprintable()


def test_a_very_long_first_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("kmlp.data.sources._text_files.HEAD", 1000)
    with pytest.raises(DataError, match=r"more than 1,000 bytes in its first line"):
        read_csv(write(tmp_path, b"a" * 2000 + b",b\n1,2\n"))


def test_latin_1_is_recognized_after_the_beginning_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("kmlp.data.sources._text_files.HEAD", 1000)
    content = b"a,b\n" + b"1,2\n" * 1000 + b"K\xf6ln,3\n"
    with pytest.raises(DataError, match=r"Latin-1.*Line 1002 has the byte 0xf6"):
        read_csv(write(tmp_path, content))


def test_a_quotation_mark_that_is_not_closed_is_recognized(tmp_path, monkeypatch):
    monkeypatch.setattr("kmlp.data.sources._csv._BLOCK", 1000)
    content = 'a,b\n1,"2\n' + "3,4\n" * 1000
    with pytest.raises(DataError, match=r"a\.csv: .*more than 1,000 bytes.*quotation"):
        read_csv(write(tmp_path, content))


def test_a_file_that_is_too_large_for_memory_is_not_read(tmp_path, monkeypatch):
    path = write(tmp_path, "a,b\n" + "1,2\n" * 100)
    free = type("Memory", (), {"available": 1000})
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    with pytest.raises(
        DataError, match=r"a\.csv is too large for memory: to read 404 bytes"
    ):
        read_csv(path)
    small = write(tmp_path, gzip.compress(path.read_bytes()))
    assert small.stat().st_size < 100
    with pytest.raises(DataError, match=r"a\.csv is too large for memory"):
        read_csv(small)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path, "a,b\n1,2\n")
    from kmlp.data.sources import _csv

    read_head = _csv.read_head

    def read_and_append(path):
        head = read_head(path)
        with path.open("ab") as file:
            file.write(b"3,4\n")
        os.utime(path, ns=(1, 1))
        return head

    monkeypatch.setattr(_csv, "read_head", read_and_append)
    with pytest.raises(DataError, match="was changed while it was read"):
        read_csv(path)
