"""Train the damaged runs that a repair removed from a store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from kmlp import backend
from kmlp.engine import Observer, RunRequest, execute
from kmlp.errors import KmlpError
from kmlp.model.config import RunConfig
from kmlp.model.run_data import dataset_of
from kmlp.settings import read_settings
from kmlp.store.doctor import LostRun
from kmlp.studies.execution import Execution, RunsDir
from kmlp.studies.runner import ListPlanner
from kmlp.training.checks import check_trainable
from kmlp.training.identity import RunIdentity, identify
from kmlp.training.target import Target


def train_again(
    lost: Sequence[LostRun],
    *,
    observer: Observer | None = None,
    jobs: int | None = None,
    runs_dir: RunsDir = None,
) -> list[LostRun]:
    """Train runs again that a repair removed from a store.

    Args:
        lost: The removed runs, as `kmlp.store.doctor.repair_folder` returns them.
        observer: See `Execution`.
        jobs: See `Execution`.
        runs_dir: See `Execution`.

    Returns:
        The runs that this process cannot train: their backend or settings are different,
        or their configuration is damaged.

    Raises:
        BackendError: if there is no backend.
        StoreError: if the runs folder cannot be used.
    """
    execution = Execution(observer=observer, jobs=jobs, runs_dir=runs_dir)
    name = backend.select()
    settings = read_settings(name)
    left: list[LostRun] = []
    identities: dict[bool, dict[RunConfig, RunIdentity]] = {True: {}, False: {}}
    targets: dict[str, Target] = {}
    for run in lost:
        identity = None
        if run.backend == name:
            with suppress(KmlpError):  # such as: a user's function is not available
                check_trainable([run.config], epochs=run.target.epochs, fused=run.fused)
                identity = identify(run.config, fused=run.fused, settings=settings)
        if identity is None or identity.key != run.key:
            left.append(run)
        else:
            identities[run.fused][run.config] = identity
            targets[run.key] = run.target
    for by_config in identities.values():
        if not by_config:
            continue
        opened = execution.open_executor(runs=len(by_config))
        with opened as trains, execution.open_store() as store:
            execute(
                ListPlanner(
                    RunRequest(config, targets[identity.key])
                    for config, identity in by_config.items()
                ),
                store=store,
                executor=trains,
                identify=by_config.__getitem__,
                load=dataset_of,
                observer=observer,
            )
    return left
