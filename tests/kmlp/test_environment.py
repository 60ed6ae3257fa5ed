import json
import subprocess

import keras

from kmlp import __version__, backend
from kmlp.environment import describe_environment


def test_the_environment_says_what_results_may_depend_on():
    facts = describe_environment()
    name = keras.backend.backend()
    assert (facts["backend"], facts["threads"]) == (name, 1)
    assert facts["versions"]["kmlp"] == __version__
    assert facts["versions"]["keras"] == keras.__version__
    assert facts["versions"][name]
    assert facts["device"] == ("accelerator" if backend.accelerated() else "cpu")
    assert json.loads(json.dumps(facts)) == facts


def test_the_revision_is_that_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert describe_environment()["revision"] is None

    def git(*arguments):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    assert describe_environment()["revision"] == git("rev-parse", "HEAD")
    (tmp_path / "file").write_text("two")
    assert describe_environment()["revision"] == git("rev-parse", "HEAD") + "+"
