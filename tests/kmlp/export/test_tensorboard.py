"""Logs, read by TensorBoard's own reader and by the backend of its HParams page."""

import errno
import math
import sys
from dataclasses import replace
from types import ModuleType

import pytest
from helpers.made_up import made_up_ablation, made_up_record
from helpers.processes import python

from kmlp import RunConfig
from kmlp.export.tensorboard import write_logs
from kmlp.model.metrics import RMSE
from kmlp.studies.rows import one_run
from kmlp.training.run import FIGURES

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    """TensorBoard reads without TensorFlow where there is such a module."""
    name = "tensorboard.compat.notf"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))


def read(folder):
    """Of every run, its scalars by tag: a list of (epoch, value)."""
    from tensorboard.util import tensor_util

    multiplexer = multiplexed(folder)
    return {
        run: {
            tag: [
                (it.step, float(tensor_util.make_ndarray(it.tensor_proto)))
                for it in multiplexer.Tensors(run, tag)
            ]
            for tag in tags["tensors"]
            if not tag.startswith("_hparams_")
        }
        for run, tags in multiplexer.Runs().items()
    }


def multiplexed(folder):
    from tensorboard.backend.event_processing.plugin_event_multiplexer import (
        EventMultiplexer,
    )

    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    return multiplexer.Reload()


def hparams_page(folder):
    """What the HParams page shows: its columns, and a row for each session."""
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, get_experiment, list_session_groups
    from tensorboard.plugins.hparams.backend_context import Context

    provider = MultiplexerDataProvider(multiplexed(folder), str(folder))
    context = Context(TBContext(logdir=str(folder), data_provider=provider))
    request = api_pb2.GetExperimentRequest(include_metrics=True)
    experiment = get_experiment.Handler(RequestContext(), context, "", request).run()
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, allowed_statuses=range(4), include_metrics=True
    )
    groups = list_session_groups.Handler(RequestContext(), context, "", request).run()
    return experiment, {it.sessions[0].name: it for it in groups.session_groups}


@pytest.fixture
def study():
    study = made_up_ablation({16: [0.75, math.nan], (3, 2): [0.5, 0.25]}, param="width")
    return study.study_runs()


def test_a_folder_a_run_with_a_scalar_a_figure_and_epoch(study, tmp_path):
    top = write_logs(study, tmp_path / "logs")
    assert top == tmp_path / "logs" / "made-up"
    found = read(top)
    assert set(found) == {
        ".", "width=16,seed=0", "width=16,seed=1", "width=3x2,seed=0", "width=3x2,seed=1",
    }  # fmt: skip
    scalars = found["width=16,seed=0"]
    assert {*FIGURES, "gap", "mean_learning_rate", "seconds"} < set(scalars)
    assert scalars["val_accuracy"] == scalars["outcome/val_accuracy"] == [(1, 0.75)]
    assert scalars["loss"] == [(1, 0.25)]
    [(epoch, diverged)] = found["width=16,seed=1"]["val_loss"]
    assert epoch == 1
    assert math.isnan(diverged)
    assert "outcome/val_loss" not in found["width=16,seed=1"]


def test_the_figures_of_the_hparams_page_are_those_of_the_epoch_that_counts(tmp_path):
    study = made_up_ablation({16: [[0.5, 0.75, 0.625]]})
    for judged, step in ((study, (2, 0.75)), (study.viewed(at="last"), (3, 0.625))):
        found = read(write_logs(judged.study_runs(), tmp_path))
        assert found["width=16,seed=0"]["outcome/val_accuracy"] == [step]


def test_a_regression_has_its_metrics_and_no_accuracy(tmp_path):
    study = made_up_ablation({16: [0.5]})
    [level] = study.levels
    [run] = level.runs
    figures = {"rmse": 3.0, "val_rmse": 4.0, "test_rmse": 5.0, "val_r2": 0.25}
    record = replace(run.history[0], accuracy=math.nan, metrics=figures)
    run = replace(run, history=(record,), metric=RMSE)
    regression = replace(study, levels=(replace(level, runs=(run,)),)).study_runs()
    found = read(write_logs(regression, tmp_path))["width=16,seed=0"]
    assert found["val_rmse"] == found["outcome/val_rmse"] == [(1, 4.0)]
    assert found["outcome/val_r2"] == [(1, 0.25)]
    assert found["val_loss"] == [(1, 0.5)]
    assert not {"accuracy", "val_accuracy", "gap"} & set(found)
    experiment, _ = hparams_page(tmp_path / "made-up")
    assert [it.display_name for it in experiment.metric_infos] == [
        "val_rmse", "test_rmse", "val_r2", "val_loss",
    ]  # fmt: skip


def test_the_hparams_page_shows_what_varies_and_what_came_of_it(study, tmp_path):
    from tensorboard.plugins.hparams import api_pb2

    experiment, sessions = hparams_page(write_logs(study, tmp_path))
    assert {it.name: it.differs for it in experiment.hparam_infos} == {
        "width": True, "seed": True,
    }  # fmt: skip
    [width] = [it for it in experiment.hparam_infos if it.name == "width"]
    assert [it.string_value for it in width.domain_discrete.values] == ["16", "3x2"]
    assert [it.display_name for it in experiment.metric_infos] == [
        "val_accuracy", "test_accuracy", "val_loss", "gap",
    ]  # fmt: skip
    well, wrong = sessions["width=3x2,seed=1"], sessions["width=16,seed=1"]
    assert well.hparams["width"].string_value == "3x2"
    assert well.hparams["seed"].number_value == 1
    assert well.hparams["train_size"].string_value == "all"
    assert [it.value for it in well.metric_values] == [0.25, 0.25, 0.75, 0.0]
    assert well.sessions[0].status == api_pb2.STATUS_SUCCESS
    assert wrong.sessions[0].status == api_pb2.STATUS_FAILURE
    assert list(wrong.metric_values) == []


def test_several_studies_of_one_run_are_compared_by_what_they_differ_in(study, tmp_path):
    run = study.runs[0].run
    for rate in (0.5, 0.25):
        one = replace(run, config=RunConfig(learning_rate=rate))
        write_logs(one_run(f"rate {rate}", one), tmp_path)
    experiment, sessions = hparams_page(tmp_path)
    differ = {it.name for it in experiment.hparam_infos if it.differs}
    assert differ == {"learning_rate"}
    assert set(sessions) == {"rate 0.5/seed=0", "rate 0.25/seed=0"}


def test_the_times_end_with_the_last_training(study, tmp_path):
    run = replace(
        study.runs[0].run,
        history=(made_up_record(1, 0.5), made_up_record(2, 0.75)),
        updated=1000.0,
    )
    _, sessions = hparams_page(write_logs(one_run("one", run), tmp_path))
    [session] = sessions["seed=0"].sessions
    assert (session.start_time_secs, session.end_time_secs) == (998.0, 1000.0)


def test_written_again_they_have_no_point_twice_and_nothing_else_is_touched(
    study, tmp_path
):
    top = write_logs(study, tmp_path)
    others = top / "width=16,seed=0" / "events.out.tfevents.1.host"
    others.write_bytes(b"")
    before = read(top)
    longer = replace(
        study.runs[0].run, history=(made_up_record(1, 0.75), made_up_record(2, 0.875))
    )
    runs = (replace(study.runs[0], run=longer), *study.runs[1:])
    write_logs(replace(study, runs=runs), tmp_path)
    after = read(top)
    assert after["width=16,seed=0"]["accuracy"] == [(1, 0.75), (2, 0.875)]
    assert after["width=3x2,seed=1"] == before["width=3x2,seed=1"]
    assert len(list(others.parent.iterdir())) == 2
    assert others.exists()


@pytest.mark.parametrize(
    ("name", "folder"),
    [("..", "%2E%2E"), ("a/b", "a%2Fb"), ("width-eb643c", "width-eb643c")],
)
def test_a_study_has_a_folder_whatever_its_name(study, tmp_path, name, folder):
    assert write_logs(replace(study, study=name), tmp_path) == tmp_path / folder


def test_a_run_that_failed_before_its_first_epoch_is_a_failed_session(study, tmp_path):
    from tensorboard.plugins.hparams import api_pb2

    run = replace(study.runs[0].run, history=(), failure="out of memory")
    _, sessions = hparams_page(write_logs(one_run("one", run), tmp_path))
    assert sessions["seed=0"].sessions[0].status == api_pb2.STATUS_FAILURE


def test_no_tensorflow_is_loaded(tmp_path):
    result = python(
        "import sys; from helpers.made_up import made_up_ablation as made\n"
        "from kmlp.export.tensorboard import write_logs\n"
        f"write_logs(made({{1: [0.5]}}).study_runs(), __import__('pathlib').Path({str(tmp_path)!r}))\n"
        "print([it for it in ('tensorflow', 'keras') if it in sys.modules])",
        PYTHONPATH=":".join(sys.path),
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")
    assert len(read(tmp_path)) == 2


@pytest.mark.parametrize(
    "name", ["../../x", "/x", "..", "a/b", "\x1b[31m\n", 300 * "x", "<b>"]
)
def test_a_study_of_any_name_has_one_folder(study, tmp_path, name):
    top = write_logs(replace(study, study=name), tmp_path / "logs")
    assert [it.name for it in tmp_path.iterdir()] == ["logs"]
    assert list((tmp_path / "logs").iterdir()) == [top]
    assert len(read(top)) == 5


def test_a_folder_that_cannot_be_filled_is_named(study, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    with pytest.raises(OSError, match=f"No space.*: '{tmp_path}"):
        write_logs(study, tmp_path)


@pytest.mark.parametrize("place", ["", "width=16,seed=0"])
def test_no_link_in_the_folder_is_followed(study, tmp_path, place):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "logs" / study.study / place
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=f"link.*: '{link}'"):
        write_logs(study, tmp_path / "logs")
    assert list((tmp_path / "elsewhere").iterdir()) == []
