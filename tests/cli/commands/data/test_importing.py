"""`kmlp data import` of tables says what was done, and writes nothing after an error."""

import re

import pytest
from helpers.made_up_data import images, table, write_csv, write_npz

from kmlp.data import cache, load_dataset

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_import_of_a_table_says_what_was_done(kmlp, folders):
    columns = table(24)
    columns["size"][3] = ""
    write_csv(folders / "a.csv", columns)
    result = kmlp(
        "data", "import", "mine", "a.csv", "--target", "kind", "--missing", "mean"
    )
    assert (result.code, result.out) == (0, "")
    first, *others = result.err.splitlines()
    assert first.startswith("mine: 20 training and 4 test ")
    assert others == [
        "Classification: the target kind has the classes a, b, c.",
        "2 columns beside the target; 1 of text became 2 columns of 0 and 1: side (2).",
        "1 row with missing values: each run fills in the mean (of text, the most frequent "
        "value) of its training rows.",
    ]
    assert load_dataset("mine").noun == "rows"


def test_a_regression_has_a_range_and_a_unit(kmlp, folders):
    columns = table(24, kind=[f"{row}.5" for row in range(24)])
    write_csv(folders / "a.csv", columns, delimiter=";")
    arguments = ["--target", "kind", "--unit", "EUR", "--task", "regression"]
    result = kmlp("data", "import", "mine", "a.csv", *arguments)
    assert "Regression: the target kind is from 0.5 to 23.5 EUR.\n" in result.err


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (4, "Classification: the target kind has the classes 0, 1, 2, 3. For a regression, give --task regression."),
        (48, "Regression: the target kind is from 0 to 47. For classes, give --task classification."),
    ],
)  # fmt: skip
def test_what_whole_numbers_are_taken_for_is_said(kmlp, folders, rows, line):
    write_csv(folders / "a.csv", table(48, kind=[row % rows for row in range(48)]))
    result = kmlp("data", "import", "mine", "a.csv", "--target", "kind")
    assert line in result.err.splitlines()


def test_the_name_of_published_images_is_not_that_of_a_table(kmlp, folders):
    write_csv(folders / "a.csv", table())
    result = kmlp("data", "import", "mnist", "a.csv", "--target", "kind")
    assert (result.code, '"mnist" is the name of published images' in result.err) == (
        2,
        True,
    )


def test_a_file_without_a_header_with_decimal_commas(kmlp, folders):
    (folders / "a.csv").write_text("1,5\ta\n2,5\tb\n" * 6)
    arguments = ["--no-header", "--target", "2", "--decimal", ",", "--delimiter", "\\t"]
    result = kmlp("data", "import", "mine", "a.csv", *arguments)
    assert (result.code, "target x2 has the classes a, b" in result.err) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.csv"], "`--target` must be given: .* size, side and kind"),
        (["a.csv", "--target", "knid"], r'a\.csv: .*"knid": did you mean "kind"'),
        (["a.csv", "--target", "kind", "--size", "2x2"], "`--size` is only for images"),
        (
            ["a.csv", "--target", "kind", "--test", "b.csv"],
            r"b\.csv: cannot be read: No such",
        ),
        (["a.csv", "--target", "kind", "--delimiter", ",,"], "`--delimiter` is ',,'"),
        (["a.csv", "--target", "kind", "--delimiter", ",", "--decimal", ","], "both ','"),
        (["a.csv", "--target", "kind", "--decimal", ";"], "`--decimal` is ';'"),
        (["a.csv", "--target", "kind", "--no-header"], '"kind"'),
        (["a.npz", "--target", "y"], "has images, but `--target` is given"),
        (["a.npz", "--no-header"], "`--header` is given"),
        ([".", "--target", "y"], "is a folder, which can have images only, but `--target`"),
        (["a.xlsx", "--target", "y"], "is a spreadsheet"),
    ],
)
def test_import_of_a_table_refuses(kmlp, folders, arguments, message):
    write_csv(folders / "a.csv", table())
    write_npz(folders / "a.npz", images())
    (folders / "a.xlsx").write_bytes(b"PK")
    result = kmlp("data", "import", "mine", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(message, result.err), result.err
    assert cache.entries() == []
