"""A small store, damaged in every way: the same answer, or the damage is named."""

import random
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest
from helpers.processes import kmlp_here
from helpers.stores import answers, small_store

from kmlp.errors import KmlpError
from kmlp.store import Store
from kmlp.store._rebuild import TABLES, rebuild
from kmlp.store.doctor import examine, repair
from kmlp.store.study_removal import remove_study

pytestmark = pytest.mark.once

EVIL = (
    None, "", "x", "'", "[]", "{}", "[", "[[[1]]]", "\x1b[31m", "../../**/*", "*", "a/b",
    "<script>", 0, 1, 2, 7, -1, 2**62, 0.5, -0.5, 9e999, b"", b"\x00\xff", "9" * 5000,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("small") / "runs")


def flip(path, chance, number):
    data = bytearray(path.read_bytes())
    for _ in range(number):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def edit(path, chance):
    """Puts something into one cell, or takes letters of it away."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.text_factory = bytes
        table = chance.choice(TABLES)
        columns = [
            row[1].decode() for row in connection.execute(f"PRAGMA table_info({table})")
        ]
        column = chance.choice(columns)
        rows = connection.execute(f"SELECT {', '.join(columns[:2])}, {column} FROM {table}")
        first, second, cell = chance.choice(rows.fetchall())
        value = chance.choice(EVIL)
        if isinstance(cell, bytes) and cell and chance.random() < 0.5:
            place = chance.randrange(len(cell))
            value = cell[:place] + bytes([cell[place] ^ 1]) + cell[place + 1 :]
            with suppress(UnicodeDecodeError):
                value = value.decode()
        with suppress(sqlite3.Error):  # what the database itself refuses
            connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE {columns[0]} IS ? AND {columns[1]} IS ?",
                (
                    value,
                    *(
                        it.decode() if isinstance(it, bytes) else it
                        for it in (first, second)
                    ),
                ),
            )


def damage(folder, chance, outside):
    """Damages a store in one way."""
    database = folder / "kmlp.sqlite"
    model = chance.choice(sorted((folder / "checkpoints").iterdir()))
    match chance.randrange(10):
        case 0 | 1 | 2:
            flip(database, chance, chance.randint(1, 3))
        case 3:
            data = database.read_bytes()
            database.write_bytes(data[: chance.randrange(len(data))])
        case 4:
            flip(model, chance, 1)
        case 5:
            model.unlink()
            model.symlink_to(outside / "a-b.keras")
        case _:
            edit(database, chance)


def check(small, tmp_path, number):
    chance = random.Random(number)
    outside = tmp_path / "outside"
    outside.mkdir(exist_ok=True)
    precious = [outside / "a-b.keras", tmp_path / "c-d", outside / "x-1-00000000.keras"]
    for file in precious:
        file.write_text("precious")
    folder = tmp_path / "outside" / "runs"
    shutil.copytree(small, folder)
    damage(folder, chance, outside)
    expected, nothing = answers(small)
    assert nothing == []
    said, named = answers(folder)
    assert said == expected or named, f"case {number}: another answer without a word"

    with suppress(KmlpError), Store(folder, writable=False) as store:
        examine(store)
    copied = shutil.copytree(folder, outside / "copy", symlinks=True)
    with suppress(KmlpError), Store(copied) as store:
        remove_study(store, "widths")
    try:
        with Store(folder) as store:
            repair(store)
    except KmlpError:
        rebuild(folder)
        with Store(folder) as store:
            repair(store)
    with Store(folder, writable=False) as store:
        health = examine(store)
    assert all("study" in it for it in health.damaged), f"case {number}: {health}"
    assert [it.read_text() for it in precious] == ["precious"] * 3, f"case {number}"
    shutil.rmtree(outside)


def test_damage_is_named_or_changes_nothing(small, tmp_path):
    for number in range(100):
        check(small, tmp_path, number)


@pytest.mark.slow
def test_damage_of_a_thousand_kinds_is_named_or_changes_nothing(small, tmp_path):
    for number in range(1000, 2000):
        check(small, tmp_path, number)


COMMANDS = [
    "studies", "studies --json", "show widths", "show widths --csv", "runs",
    "report widths --out OUT/report.html", "export widths --out OUT/rows.csv", "rm widths --yes",
]  # fmt: skip


@pytest.mark.slow
def test_every_command_says_the_same_or_names_what_is_damaged(
    small, tmp_path, monkeypatch, capsys
):
    kmlp = kmlp_here(monkeypatch, capsys)

    def outcomes(folder, name):
        monkeypatch.setenv("KMLP_RUNS_DIR", str(folder))
        out = tmp_path / name
        out.mkdir()
        found = {it: kmlp(*it.replace("OUT", str(out)).split()) for it in COMMANDS}
        files = {it.name: it.read_bytes() for it in out.iterdir() if it.suffix == ".csv"}
        return found, files

    whole, files = outcomes(shutil.copytree(small, tmp_path / "runs"), "whole")
    assert all(it.code == 0 for it in whole.values())
    for number in range(2100, 2200):
        folder = shutil.copytree(small, tmp_path / f"runs-{number}")
        damage(folder, random.Random(number), tmp_path)
        found, other = outcomes(folder, str(number))
        for command, result in found.items():
            case = f"case {number}: {command}: {result}"
            assert result.code in (0, 1, 2), case
            assert result.out == whole[command].out or result.err, case
        export = found["export widths --out OUT/rows.csv"]
        assert other == files or export.code or "Left out" in export.err, number
        shutil.rmtree(folder)
