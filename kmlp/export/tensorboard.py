"""A study's runs as TensorBoard logs, with what its HParams page reads.

They are written by TensorBoard's own functions, of which these load no TensorFlow.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from types import NoneType
from typing import Any

from kmlp._util.files import atomic_write, file_name, naming
from kmlp._util.text import visible
from kmlp.model.config import config_fields, value_text
from kmlp.studies.columns import COLUMNS, column_of
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.training.run import FIGURES

METRICS = ("val_accuracy", "test_accuracy", "val_loss")
"""The figures after the last epoch that the HParams page shows."""
_FINAL = "final/"
"""What begins the name of such a figure, apart from that of every epoch."""


def write_logs(found: StudyRuns, folder: Path) -> Path:
    """Writes the logs of a study into `folder`/study, a folder for each run.

    A run's folder is named after what tells it apart: `width=32,seed=0`, `trial=4,seed=0`;
    what a file name should not have is percent-encoded. It holds a scalar an epoch for
    every figure of `EpochRecord`, nan in the epoch in which the run diverged. Each
    folder has one file, whose name ends in `.kmlp`; such a file that is there is
    replaced, and nothing else is touched.

    The HParams page has a session for each run, with every field of `RunConfig`; its
    columns are the fields that the study varies, and the seed. A run that diverged or
    failed is a failed session without metrics: nan would put the page's sorting out of
    order. A study of one run states no columns, so that the page compares several of them
    by what they differ in.

    Args:
        found: The study's runs. The times of their epochs are reckoned back from when
            the run was trained last.
        folder: Is made if there is none.

    Returns:
        The study's folder, for `tensorboard --logdir`.

    Raises:
        OSError: if it cannot be written, or if a link is in the place of a folder in it.
    """
    top = folder / file_name(found.study)
    _make_folder(top)
    cells = _hparams(found)
    if found.varied:
        _write(top, [_event(0.0, 0, _experiment(found, cells))])
    for place, hparams in zip(found.runs, cells, strict=True):
        label = _label(place, found.varied)
        group = visible(
            f"{label} ({found.study})"
        )  # of several studies, too, all are different
        _write(top / file_name(label), _run_events(place, group, hparams))
    return top


def _label(place: StudyRun, varied: Iterable[str]) -> str:
    """What tells a run of a study from the others."""
    config = place.run.config
    if place.config is not None:
        return f"config={place.config},seed={config.seed}"
    if place.trial is not None:
        return f"trial={place.trial},seed={config.seed}"
    names = dict.fromkeys([*varied, "seed"])
    return ",".join(f"{name}={value_text(name, getattr(config, name))}" for name in names)


def _hparams(found: StudyRuns) -> list[dict[str, Any]]:
    """Of every run, its fields by column; all values of a column have one type."""
    cells = found.field_cells()
    for name in config_fields():
        column = column_of(name)
        kinds = {type(row[column]) for row in cells}
        if len(kinds) > 1 or NoneType in kinds:
            for row in cells:
                row[column] = value_text(name, row[column])
    return cells


def _experiment(found: StudyRuns, cells: list[dict[str, Any]]) -> Any:
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
        Metric(_FINAL + name, display_name=name, description=COLUMNS[name].doc)
        for name in METRICS
    ]
    experiment = api_pb2.Experiment(
        hparam_infos=[
            hparam(column)
            for column in dict.fromkeys([*map(column_of, found.varied), "seed"])
        ],
        metric_infos=[metric.as_proto() for metric in metrics],
    )
    return _hparams_summary(metadata.EXPERIMENT_TAG, experiment=experiment)


def _run_events(place: StudyRun, group: str, hparams: dict[str, Any]) -> Iterator[Any]:
    """What TensorBoard is told of a run: its session, with the figures of every epoch."""
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    run = place.run
    now = run.updated - run.seconds
    yield _event(now, 0, hparams_pb(hparams, trial_id=group, start_time_secs=now))
    for record in run.history:
        now += record.seconds
        for name in (*FIGURES, "seconds"):
            scalar = scalar_pb(name, getattr(record, name), description=COLUMNS[name].doc)
            yield _event(now, record.epoch, scalar)
    status = api_pb2.STATUS_FAILURE
    if run.status == "finished":
        status = api_pb2.STATUS_SUCCESS
        for name in METRICS:
            scalar = scalar_pb(_FINAL + name, getattr(run.history[-1], name))
            yield _event(now, run.epochs, scalar)
    end = SessionEndInfo(status=status, end_time_secs=now)
    summary = _hparams_summary(metadata.SESSION_END_INFO_TAG, session_end_info=end)
    yield _event(now, run.epochs, summary)


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
    """Writes a folder's one file, in the place of the one that kmlp wrote before."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = BytesIO()
    writer = RecordWriter(buffer)
    for event in (Event(file_version="brain.Event:2"), *events):
        writer.write(event.SerializeToString())
    _make_folder(folder)
    # A name of its own, so that a TensorBoard that is open goes on to it.
    path = folder / f"events.out.tfevents.{time.time_ns()}.kmlp"
    with naming(folder, path), atomic_write(path) as aside:
        aside.write_bytes(buffer.getvalue())
        for before in folder.glob("events.out.tfevents.*.kmlp"):
            before.unlink()


def _make_folder(folder: Path) -> None:
    """Makes a folder, unless it is there; a link could lead to files of others."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, which is not followed", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
