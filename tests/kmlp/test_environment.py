import json
import subprocess

import keras

from kmlp import __version__, backend
from kmlp.environment import describe_environment, differences, mixed_text


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


CPU = {"device": "cpu", "instructions": "avx avx2 fma", "versions": {"keras": "3.15.1"}}


def test_equal_machines_do_not_differ():
    assert differences([CPU, {**CPU, "host": "b", "processor": "another name"}]) == {}
    assert (
        mixed_text([CPU, {**CPU, "versions": {"keras": "3.15.1", "python": "3.12"}}])
        is None
    )
    assert mixed_text([]) is None


def test_what_earlier_versions_did_not_note_does_not_differ():
    assert differences([CPU, {"device": "cpu", "versions": {"keras": "3.15.1"}}]) == {}


def test_machines_that_differ_are_told_by_what_not_all_have():
    newer = {**CPU, "instructions": "avx avx2 avx512f fma"}
    assert mixed_text([CPU, newer, {**newer, "device": "gpu:1"}]) == (
        "Trained in different environments (device cpu / accelerator; instructions none of "
        "these / avx512f): between them, equal seeds can differ in the last digits."
    )
    assert differences([CPU, {**CPU, "versions": {"keras": "3.16"}}]) == {
        "keras": ["3.15.1", "3.16"]
    }
