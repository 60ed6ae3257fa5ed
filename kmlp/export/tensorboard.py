"""A study's runs as TensorBoard logs, with hyperparameters for the HParams page.

TensorBoard's own functions write the logs, without loading TensorFlow.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from kmlp._util.files import atomic_write, file_name, naming
from kmlp._util.text import visible
from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import LOSS, RMSE, Part, Task, further_figures
from kmlp.model.text import value_text
from kmlp.studies.columns import COLUMNS, column_of
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.training.run import FIGURES, EpochRecord, Run

METRICS = {
    "classification": ("val_accuracy", "test_accuracy", "val_loss", "gap"),
    "regression": ("val_rmse", "test_rmse", "val_r2", "val_loss"),
}
"""The figures that the HParams page shows, at the epoch at which a run is judged."""
_OUTCOME = "outcome/"
"""The prefix of the names of these figures, which keeps them apart from those by epoch."""


def write_logs(runs: StudyRuns, folder: Path) -> Path:
    """Write the logs of a study into `folder`/study, a folder for each run.

    The name of a run's folder distinguishes the run from the others: `width=32,seed=0`
    or `trial=4,seed=0`; characters that a file name cannot have are percent-encoded.
    The folder holds a scalar by epoch for every figure of `EpochRecord`, which is nan
    in the epoch in which the run diverged. Each folder gets one file, whose name ends
    in `.kmlp`. It replaces older files with that ending, and leaves all others.

    The HParams page has a session for each run, with every field of `RunConfig`. Its
    columns are the fields that the study varies, and the seed. A run that diverged or
    failed is a failed session without metrics, because nan breaks the page's sorting. A
    study of one run states no columns: the page then compares several such studies by the
    fields in which they differ.

    Args:
        runs: The study's runs. The times of their epochs are counted back from the time
            when the run was last trained.
        folder: The folder for the logs of all studies. It is made if it does not exist.

    Returns:
        The study's folder, for `tensorboard --logdir`.

    Raises:
        OSError: if the logs cannot be written, or if a folder among them is a link.
    """
    top = folder / file_name(runs.study)
    _make_folder(top)
    cells = _hparams(runs)
    if runs.varied:
        _write(top, [_event(0.0, 0, _experiment(runs, cells))])
    for study_run, hparams in zip(runs.runs, cells, strict=True):
        label = _label(study_run, runs.varied)
        group = visible(f"{label} ({runs.study})")  # unique among several studies, too
        _write(top / file_name(label), _run_events(study_run, group, hparams))
    return top


def _label(study_run: StudyRun, varied: Iterable[str]) -> str:
    """A text that distinguishes a run of a study from the others."""
    config = study_run.run.config
    if study_run.config is not None:
        return f"config={study_run.config},seed={config.seed}"
    if study_run.trial is not None:
        return f"trial={study_run.trial},seed={config.seed}"
    names = dict.fromkeys([*varied, "seed"])
    return ",".join(f"{name}={value_text(name, getattr(config, name))}" for name in names)


def _hparams(runs: StudyRuns) -> list[dict[str, Any]]:
    """The fields of every run by column; all values of a column have one type."""
    cells = runs.field_cells()
    for name in config_fields():
        column = column_of(name)
        kinds = {type(row[column]) for row in cells}
        if len(kinds) > 1 or NoneType in kinds:
            for row in cells:
                row[column] = value_text(name, row[column])
    return cells


def _experiment(runs: StudyRuns, cells: list[dict[str, Any]]) -> Any:
    """The columns of the HParams page."""
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.summary_v2 import Discrete, Metric, RealInterval

    def hparam(column: str) -> Any:
        values = sorted({row[column] for row in cells})
        is_number = COLUMNS[column].type in (int, float) and not isinstance(values[0], str)
        domain = (
            RealInterval(float(values[0]), float(values[-1]))
            if is_number
            else Discrete(values)
        )
        info = api_pb2.HParamInfo(
            name=column, description=COLUMNS[column].doc, differs=len(values) > 1
        )
        domain.update_hparam_info(info)
        return info

    metrics = [
        Metric(_OUTCOME + name, display_name=name, description=COLUMNS[name].doc)
        for name in dict.fromkeys(
            name for place in runs.runs for name in METRICS[_task(place.run)]
        )
    ]
    experiment = api_pb2.Experiment(
        hparam_infos=[
            hparam(column)
            for column in dict.fromkeys([*map(column_of, runs.varied), "seed"])
        ],
        metric_infos=[metric.as_proto() for metric in metrics],
    )
    return _hparams_summary(metadata.EXPERIMENT_TAG, experiment=experiment)


def _run_events(study_run: StudyRun, group: str, hparams: dict[str, Any]) -> Iterator[Any]:
    """The events of a run: its session, and the figures of every epoch."""
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    run = study_run.run
    now = run.updated - run.seconds
    yield _event(now, 0, hparams_pb(hparams, trial_id=group, start_time_secs=now))
    for record, rate in zip(run.history, run.learning_rates, strict=True):
        now += record.seconds
        figures = {**_figures(run, record), "seconds": record.seconds}
        for name, figure in {**figures, "mean_learning_rate": rate}.items():
            scalar = scalar_pb(name, figure, description=COLUMNS[name].doc)
            yield _event(now, record.epoch, scalar)
    status = api_pb2.STATUS_FAILURE
    if run.status == "finished":
        status = api_pb2.STATUS_SUCCESS
        outcome = _figures(run, run.outcome)
        for name in METRICS[_task(run)]:
            scalar = scalar_pb(_OUTCOME + name, outcome[name])
            yield _event(now, run.outcome.epoch, scalar)
    end = SessionEndInfo(status=status, end_time_secs=now)
    summary = _hparams_summary(metadata.SESSION_END_INFO_TAG, session_end_info=end)
    yield _event(now, run.epochs, summary)


def _task(run: Run) -> Task:
    """What a run predicts, by what it recorded."""
    is_regression = any(RMSE.figure("val") in record.metrics for record in run.history)
    return "regression" if is_regression else "classification"


def _figures(run: Run, record: EpochRecord) -> dict[str, float]:
    """The figures of an epoch by column, without those that the task does not have."""
    task = _task(run)
    if task == "classification":
        figures = {name: getattr(record, name) for name in (*FIGURES, "gap")}
    else:
        figures = {LOSS.figure(part): record.value(LOSS, part) for part in get_args(Part)}
    return figures | {
        name: record.value(metric, part)
        for name, (metric, part) in further_figures(task).items()
        if name in record.metrics or name in METRICS[task]
    }


def _hparams_summary(tag: str, **data: Any) -> Any:
    """A summary for the HParams page."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    about = metadata.create_summary_metadata(HParamsPluginData(**data))
    value = Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])


def _event(when: float, step: int, summary: Any) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(wall_time=when, step=step, summary=summary)


def _write(folder: Path, events: Iterable[Any]) -> None:
    """Write the one file of a folder, and remove the one that kmlp wrote before."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = BytesIO()
    writer = RecordWriter(buffer)
    for event in (Event(file_version="brain.Event:2"), *events):
        writer.write(event.SerializeToString())
    _make_folder(folder)
    # A new name: an open TensorBoard would not notice a change in the old file.
    path = folder / f"events.out.tfevents.{time.time_ns()}.kmlp"
    with naming(folder, path), atomic_write(path) as aside:
        aside.write_bytes(buffer.getvalue())
        for before in folder.glob("events.out.tfevents.*.kmlp"):
            before.unlink()


def _make_folder(folder: Path) -> None:
    """Make a folder if it does not exist, but follow no link.

    A link could lead to other people's files.
    """
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, which is not followed", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
