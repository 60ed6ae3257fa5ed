import pytest

from kmlp_tuning.lab.bundled import bundled

pytestmark = pytest.mark.once


def test_a_file_that_macos_leaves_in_archives_is_not_a_recipe(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    for name in ("lab.toml", "._lab.toml"):
        (tmp_path / "recipes" / name).touch()
    monkeypatch.setattr("kmlp_tuning.lab.bundled.files", lambda package: tmp_path)
    assert bundled() == ["lab"]
