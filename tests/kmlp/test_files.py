from pathlib import Path

import pytest

from kmlp import ConfigError
from kmlp.data import cache
from kmlp.files import MAX_NESTING, expanded, nesting, parsed
from kmlp.store import runs_folder

pytestmark = pytest.mark.once


@pytest.mark.parametrize("path", ["~nosuchuser/x", "a\0b"])
def test_paths_that_cannot_be_used_say_whose_they_are(path):
    with pytest.raises(ConfigError, match="of KMLP_RUNS_DIR cannot be used"):
        expanded(path, "KMLP_RUNS_DIR")


def test_every_folder_of_the_users_is_one_of_these(monkeypatch):
    monkeypatch.setenv("KMLP_RUNS_DIR", "~nosuchuser/x")
    monkeypatch.setenv("KMLP_CACHE_DIR", "~nosuchuser/x")
    for folder, name in (
        (runs_folder, "KMLP_RUNS_DIR"),
        (cache.cache_folder, "KMLP_CACHE_DIR"),
    ):
        with pytest.raises(ConfigError, match=f"of {name} cannot be used"):
            folder()
    with pytest.raises(ConfigError, match="of the runs folder cannot be used"):
        runs_folder("~nosuchuser/x")
    with pytest.raises(ConfigError, match="The runs folder is empty"):
        runs_folder("")


def test_a_user_without_a_home_folder_is_told_what_to_set(monkeypatch):
    """As with `docker run -u 12345`."""

    def unknown(number):
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "KMLP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(ConfigError, match=r"no home folder .* Set KMLP_CACHE_DIR"):
        cache.cache_folder()
    assert runs_folder("here") == Path("here")


def deep(depth):
    found = 1
    for _ in range(depth):
        found = {"a": [found]} if depth % 2 else [found]
    return found


def test_what_is_nested_too_deep_is_refused():
    assert parsed("f", "TOML", lambda: deep(MAX_NESTING)) is not None
    for found in (deep(MAX_NESTING + 2), deep(20_001)):
        with pytest.raises(ConfigError, match=r"f: .* nested more than 100 deep"):
            parsed("f", "TOML", lambda found=found: found)


def test_what_repeats_or_holds_itself_has_an_end():
    """As YAML's anchors make it."""
    found = [1]
    for _ in range(60):
        found = [found, found]
    assert nesting(found) == 61
    found = []
    found.append(found)
    assert nesting(found) == MAX_NESTING + 1
