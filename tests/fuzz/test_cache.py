"""Small datasets of the cache, damaged in many ways: what is read is what was written, or
the damage is named, or it is prepared anew.
"""

import json
import os
import random
import shutil
import signal
import warnings

import numpy as np
import pytest
from helpers.made_up_data import images

from kmlp.data import _entry, cache, load_examples
from kmlp.data.catalog import catalog
from kmlp.data.sources import lookup as sources
from kmlp.errors import KmlpError

pytestmark = pytest.mark.once

MADE_UP = images()
FILES = ("dataset.json", "train_x.npy", "train_y.npy", "test_x.npy", "test_y.npy")
EVIL = (
    None, True, -1, 0, 10**12, 2**63, 1e308, float("nan"), "", "x" * 5000, "../../etc", "a\x1b[31m",
    [], {}, [[]], [-1, -1], [10**6] * 4, ["0", "1", "2"], ["a", "b"], [None] * 3, "0" * 64,
)  # fmt: skip
SECONDS = 20


def flip(path, chance):
    content = bytearray(path.read_bytes())
    # Half of all flips are in the first bytes: there is the header of an array.
    last = len(content) if chance.random() < 0.5 else min(len(content), 128)
    content[chance.randrange(last)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def overwrite(path, chance):
    content = bytearray(path.read_bytes())
    start = chance.randrange(len(content))
    content[start : start + chance.randrange(1, 40)] = chance.randbytes(
        chance.randrange(40)
    )
    path.write_bytes(content)


def cut(path, chance):
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def lengthen(path, chance):
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randrange(1, 5000)))


def replace_word(path, chance):
    """What a number, a name or a bracket is in a header or in JSON."""
    content = path.read_bytes()
    words = (b"30", b"(", b"'", b"False", b"descr", b'"', b"[", b"true", b"1", b"4")
    word = chance.choice([it for it in words if it in content] or [content[:1]])
    path.write_bytes(
        content.replace(word, chance.choice((b"", b"1" * 20, b"'''", word * 9)), 1)
    )


def remove(path, chance):
    path.unlink()


def put_folder(path, chance):
    path.unlink()
    path.mkdir()


def put_fifo(path, chance):
    path.unlink()
    os.mkfifo(path)


def put_link(path, chance):
    path.unlink()
    path.symlink_to(
        chance.choice(("/dev/zero", "nowhere", path.parents[2] / "outside" / path.name))
    )


def swap(path, chance):
    other = path.with_name(chance.choice(FILES))
    mine, others = path.read_bytes(), other.read_bytes()
    path.write_bytes(others), other.write_bytes(mine)


def say_otherwise(path, chance):
    """Another value, under a checksum: as somebody does who means it."""
    facts = json.loads((path.parent / "dataset.json").read_text())
    facts.pop("sha256", None)
    facts[chance.choice([*facts, "more"])] = chance.choice(EVIL)
    text = json.dumps(facts | {"sha256": _entry._checksum(facts)})
    (path.parent / "dataset.json").write_text(text)


DAMAGES = (
    *(flip,) * 4, *(overwrite,) * 2, *(replace_word,) * 2, cut, lengthen, remove, put_folder,
    put_fifo, put_link, swap, say_otherwise,
)  # fmt: skip


def tree(folder):
    return {
        it: (it.lstat().st_mtime_ns, it.read_bytes() if it.is_file() else None)
        for it in sorted(folder.rglob("*"))
    }


def damage_and_read(folder, cases, seed):
    """What came of each case, by its name."""
    whole, outside, datasets = folder / "whole", folder / "outside", cache.cache_folder()
    for name in ("mine", "kmnist"):
        with cache.locked(name), cache.atomic_folder(name) as aside:
            cache.write(aside, name, MADE_UP, imported=name == "mine")
    shutil.move(datasets, whole)
    shutil.copytree(whole / "mine", outside)
    before = tree(outside)
    outcomes = {}
    for case in range(cases):
        chance = random.Random(f"{seed} {case}")
        name, file, damage = (
            chance.choice(them) for them in (("mine", "kmnist"), FILES, DAMAGES)
        )
        shutil.rmtree(datasets, ignore_errors=True)
        shutil.copytree(whole, datasets)
        damage(datasets / name / file, chance)
        label = f"seed {seed}, case {case}: {damage.__name__} of {name}/{file}"
        signal.alarm(SECONDS)
        try:
            catalog()
            cache.problems()
            found = load_examples(name)
            outcomes[label] = "read"
        except KmlpError:
            outcomes[label] = "named"
            # What is not the user's own can be had again.
            assert name == "mine" or damage is say_otherwise, label
            continue
        except Exception as error:
            raise AssertionError(label) from error
        finally:
            signal.alarm(0)
        for split in ("train", "test"):
            for part in ("x", "y"):
                read, written = (
                    getattr(getattr(it, split), part) for it in (found, MADE_UP)
                )
                np.testing.assert_array_equal(read, written, label)
        if damage is not say_otherwise:
            assert (found.class_names, found.source) == (
                MADE_UP.class_names,
                MADE_UP.source,
            ), label
        assert tree(outside) == before, label
    return outcomes


@pytest.mark.parametrize(
    ("cases", "seed"),
    [(30, 0), pytest.param(300, 1, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_what_is_damaged_is_named_or_prepared_anew(tmp_path, monkeypatch, cases, seed):
    def late(number, frame):
        raise TimeoutError(f"It takes more than {SECONDS} s")

    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr(
        sources, "_fill", lambda name, aside, _: cache.write(aside, name, MADE_UP)
    )
    before = signal.signal(signal.SIGALRM, late)
    try:
        with warnings.catch_warnings(action="ignore"):  # they say what is prepared anew
            outcomes = damage_and_read(tmp_path, cases, seed)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(outcomes) == cases
    assert set(outcomes.values()) == {"read", "named"}
