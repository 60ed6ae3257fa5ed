import math
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.made_up import made_up_record

from kmlp import ConfigError, RayExecutor, RunConfig, ablate, train
from kmlp.engine import EpochFinished, RunStarted, StudyStarted
from kmlp.errors import ClusterError
from kmlp.executors import InProcessExecutor
from kmlp.studies.ablate import ablation_spec
from kmlp.studies.config_list import config_list_spec
from kmlp.studies.execution import Execution
from kmlp.studies.runner import StudySpec, train_all, work
from kmlp.training.checks import check_trainable
from kmlp.training.identity import identify
from kmlp.training.run import Run

pytestmark = pytest.mark.trains

SMALL = RunConfig(train_size=1024, width=16, depth=1)


def test_problems_of_all_configurations_come_at_once():
    configs = [RunConfig(batch_size=60_000), RunConfig(train_size=1)]
    with pytest.raises(ConfigError) as caught:
        check_trainable(configs, epochs=0)
    assert len(caught.value.problems) == 3


def test_a_run_that_diverges_in_its_evaluation_has_no_accuracy_either():
    run = train(RunConfig(train_size=64, learning_rate=1e38), epochs=2)
    assert np.isfinite(run.history[-1].step_losses).all()
    assert run.status == "diverged"
    assert np.isnan([run.val_accuracy, run.test_accuracy, run.history[-1].accuracy]).all()


@pytest.mark.once
def test_a_truncated_run_is_the_run_after_fewer_epochs():
    run = train(SMALL, epochs=2)
    first = run.truncated(1)
    assert (first.epochs, first.val_accuracy) == (1, run.history[0].val_accuracy)
    assert run.truncated(2).checkpoint_bytes is run.checkpoint_bytes
    with pytest.raises(ValueError, match="epoch 1 is not stored"):
        first.model()


def test_the_longest_runs_are_trained_first_where_several_are_at_a_time():
    def seconds(**fields):
        return work(identify(RunConfig(**fields), fused=True))

    assert seconds(width=512) > 3 * seconds(width=128) > 3 * seconds(width=32)
    assert seconds(batch_size=1) > 3 * seconds(batch_size=64) > 3 * seconds(depth=0)
    assert seconds() > 3 * seconds(train_size=5000)


@pytest.mark.once
def test_the_order_of_training_depends_on_how_many_are_trained_at_a_time():
    class SeveralAtATime(InProcessExecutor):
        """Does one at a time nevertheless."""

        calls = 0

        def free(self):
            self.calls += 1
            return 2 if self.calls == 1 else super().free()

    def started(executor):
        events = []
        ablate(
            "width",
            [8, 16],
            base=SMALL,
            seeds=2,
            epochs=1,
            executor=executor,
            observer=events.append,
        )
        return [
            event.request.config.width for event in events if isinstance(event, RunStarted)
        ]

    assert started(InProcessExecutor()) == [8, 16, 8, 16]
    assert started(SeveralAtATime()) == [16, 16, 8, 8]


@pytest.mark.once
@pytest.mark.parametrize("epochs", [(1, 3), (3, 1)])
def test_studies_that_share_a_run_train_it_once_and_have_only_their_own_epochs_of_it(
    epochs,
):
    base = RunConfig(train_size=512, width=8, depth=1)
    specs = [
        config_list_spec([base], epochs=[epochs[0]], seeds=[2], base=base),
        ablation_spec("width", [8, 4], base=base, seeds=1, epochs=epochs[1]),
    ]
    events = []
    execution = Execution(observer=events.append, jobs=1, runs_dir=":memory:")
    configs, ablation = train_all(specs, execution)
    assert [run.epochs for run in configs.runs] == [epochs[0]] * 2
    assert [run.epochs for run in ablation.runs] == [epochs[1]] * 2
    first, second = configs.runs[0], ablation.runs[0]
    assert first.key == second.key
    assert first.history[0].loss == second.history[0].loss
    trained = sum(isinstance(event, EpochFinished) for event in events)
    assert trained == 3 + epochs[0] + epochs[1]  # the shared one, and one of each
    assert isinstance(events[0], StudyStarted)
    assert (events[0].names, events[0].epochs) == ((configs.name, ablation.name), trained)


@pytest.mark.once
@pytest.mark.parametrize(
    ("executor", "jobs", "problem"),
    [
        ("rya", None, '"rya".*"ray".* local, ray'),
        (3, None, "executor.* 3,.*local or ray"),
        (InProcessExecutor(), 2, "`jobs`.*executor"),
        ("local", 0, "`jobs`.* 0,"),
        ("ray", 0, "`jobs`.* 0,"),
    ],
)
def test_wrong_executors_are_refused_before_training(executor, jobs, problem, tmp_path):
    with pytest.raises(ConfigError, match=problem):
        ablate(
            "width",
            [8],
            base=SMALL,
            executor=executor,
            jobs=jobs,
            runs_dir=tmp_path / "runs",
        )
    assert not (tmp_path / "runs").exists()


@pytest.mark.once
def test_without_ray_its_executor_says_how_to_have_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ClusterError, match=r"kmlp\[ray\]"):
        RayExecutor()


def spec_of(kind, epochs):
    """Return a study of two widths and two seeds, whose result shows its arguments."""
    rows = [[RunConfig(width=width, seed=seed) for seed in (0, 1)] for width in (8, 16)]
    return StudySpec(
        kind=kind,
        prefix="width",
        identity={},
        runs_by_level=rows,
        epochs=epochs,
        name=None,
        build_result=lambda record, rows, epochs: SimpleNamespace(
            runs=[run for row in rows for run in row],
            epochs=([[run.epochs for run in row] for row in rows], list(epochs)),
        ),
    )


@pytest.mark.once
@pytest.mark.parametrize(
    ("epochs_so_far", "expected"),
    [
        ([[3, 3], [3, 3]], ([[3, 3], [3, 3]], [3, 3])),
        ([[3, 1], [2, 5]], ([[3], [3]], [3, 3])),  # only the finished runs
        ([[2, 1], [2, None]], ([[1, 1], [1]], [1, 1])),  # the epochs that all runs have
        ([[2, None], [None, None]], ([[2], []], [2, 2])),
        (
            [[math.nan, 1], [2, 2]],
            ([[1], []], [3, 3]),
        ),  # one run diverged in its first epoch
        ([[None, None], [None, None]], None),
    ],
)
def test_the_result_of_an_interrupted_study(epochs_so_far, expected):
    spec = spec_of("ablation", [3, 3])
    runs = {}
    for configs, row in zip(spec.runs_by_level, epochs_so_far, strict=True):
        for config, epochs in zip(configs, row, strict=True):
            if epochs is None:
                continue
            diverged = math.isnan(epochs)
            history = [
                made_up_record(epoch, math.nan if diverged else 0.5)
                for epoch in range(1, 2 if diverged else epochs + 1)
            ]
            runs[config] = Run(
                config=config,
                backend="none",
                fused=True,
                parameters=1,
                history=tuple(history),
            )
    result = spec.result_so_far("widths", runs)
    assert (result and result.epochs) == expected
