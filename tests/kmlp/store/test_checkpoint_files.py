import os

import pytest

from kmlp.store import _checkpoint_files

pytestmark = pytest.mark.once


def test_a_planted_link_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in ("a-1-b.keras", f".a-1-b.keras.{os.getpid()}"):
        (folder / name).symlink_to(victim)
    _checkpoint_files.write(folder, "a-1-b.keras", b"new")
    assert victim.read_text() == "precious"
    assert (folder / "a-1-b.keras").read_bytes() == b"new"
    assert not (folder / "a-1-b.keras").is_symlink()


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkpoints").symlink_to("elsewhere")
    with pytest.raises(OSError, match="link"):
        _checkpoint_files.write(tmp_path / "checkpoints", "a-1-b.keras", b"new")
    assert list((tmp_path / "elsewhere").iterdir()) == []
