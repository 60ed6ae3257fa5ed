"""The options of training: backend, executor, resources, and the runs folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp._util.user_files import parsed, read_text
from kmlp.backend import BACKENDS
from kmlp.errors import ConfigError, call_all, raise_problems, unknown_name
from kmlp_cli.options.groups import Option, OptionGroup
from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from kmlp.engine import Observer
    from kmlp.studies.execution import Execution

Backend = Annotated[
    str | None,
    typer.Option(
        help=f"Keras backend: {', '.join(BACKENDS)}.  [default: KERAS_BACKEND, else the "
        "first of them that is installed]",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Number of runs to train at the same time, each in its own process. Results "
        "do not depend on this number.  [default: the number of cores; with a GPU 1]"
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="ADDRESS",
        help="The Ray cluster: auto, host:6379 or ray://host:10001.  [default: "
        "RAY_ADDRESS, else a new Ray on this machine]",
        show_default=False,
    ),
]
RunsDir = Annotated[
    str | None,
    typer.Option(
        "--runs-dir",
        metavar="FOLDER",
        help="The folder that keeps all runs; :memory: keeps nothing.  [default: "
        "KMLP_RUNS_DIR, else kmlp_runs]",
    ),
]


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions(OptionGroup):
    """The options of a command that trains."""

    title = "Execution"

    backend: Backend = None
    fused: Annotated[
        bool,
        typer.Option(
            "--fused/--no-fused",
            help="Run an epoch as one compiled program, or step by step as plain Keras "
            "does.",
        ),
    ] = True
    jobs: Jobs = None
    executor: Annotated[
        str,
        typer.Option(
            help="The place of training: local, on this machine; or ray, on a Ray cluster "
            "(pip install kmlp[ray])."
        ),
    ] = "local"
    cpus_per_run: Annotated[
        float | None,
        typer.Option(
            metavar="<number>",
            help="CPUs of each run, such as 1.5. This limits the number of runs at the "
            "same time.  [default: 1]",
            show_default=False,
        ),
    ] = None
    gpus_per_run: Annotated[
        float | None,
        typer.Option(
            metavar="<number>",
            help="Fraction of a GPU of each run, such as 0.25. This limits the number of "
            "runs at the same time.  [default: 0 on Ray; locally the backend's choice]",
            show_default=False,
        ),
    ] = None
    ray_address: RayAddress = None
    ray_wait: Annotated[
        bool,
        typer.Option(
            "--ray-wait",
            help="If no node has room for a run, wait for one: for clusters that start "
            "nodes on demand.",
        ),
    ] = False
    ray_runtime_env: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml",
            help="Ray's runtime environment of the workers: the packages to install there.",
            show_default=False,
        ),
    ] = None
    runs_dir: RunsDir = None
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Train from the beginning, and replace what is stored."
        ),
    ] = False

    def select_backend(self) -> str:
        """Choose the backend for this process, and return its name.

        Raises:
            BackendError: if the backend is unknown or not installed.
        """
        from kmlp import backend

        return backend.select(self.backend)

    def check(self) -> None:
        """Check everything that can be checked without training.

        Raises:
            ConfigError: with every problem at once.
        """
        from kmlp.executors import RayExecutor
        from kmlp.executors.resources import make_resources
        from kmlp.studies.execution import EXECUTORS
        from kmlp.training.checks import check_count

        if self.executor not in EXECUTORS:
            raise ConfigError([unknown_name("executor", self.executor, EXECUTORS)])
        if self.executor == "ray":
            RayExecutor("auto")  # raises an error if Ray is not installed
        call_all(
            [
                lambda: self.executor == "ray" and RayExecutor(self.ray_address),
                lambda: raise_problems(
                    f"{flag} has no effect without --executor ray. Give --executor ray, or "
                    f"leave {flag} out."
                    for flag, given in (
                        ("--ray-address", self.ray_address),
                        ("--ray-wait", self.ray_wait),
                        ("--ray-runtime-env", self.ray_runtime_env),
                    )
                    if given and self.executor != "ray"
                ),
                lambda: self.jobs is None or check_count("jobs", self.jobs),
                lambda: make_resources(**self._resources()),
                lambda: self.executor == "ray" and self._runtime_env(),
            ]
        )

    @contextlib.contextmanager
    def opened(
        self, *, quiet: bool, observer: Observer | None = None
    ) -> Iterator[Execution]:
        """Open the executor, and yield the `Execution` for the training.

        Args:
            quiet: True to write nothing to stderr.
            observer: The observer of the execution. Defaults to None.

        Raises:
            ConfigError: if there is no room for a run.
            ClusterError: if there is no such cluster.
        """
        from kmlp.executors import ProcessExecutor, RayExecutor
        from kmlp.studies.execution import Execution

        execution = Execution(
            fused=self.fused, observer=observer, runs_dir=self.runs_dir, fresh=self.fresh
        )
        if self.executor == "ray":
            if not quiet:
                place = self.ray_address or os.environ.get("RAY_ADDRESS")
                say(f"Connecting to {place or 'a new Ray on this machine'}.")
            with RayExecutor(
                self.ray_address,
                jobs=self.jobs,
                wait=self.ray_wait,
                runtime_env=self._runtime_env(),
                **self._resources(),
            ) as executor:
                yield replace(execution, executor=executor)
        elif self._resources():
            with ProcessExecutor(self.jobs, **self._resources()) as executor:
                yield replace(execution, executor=executor)
        else:
            yield replace(execution, jobs=self.jobs)

    def _resources(self) -> dict[str, float]:
        given = {"cpus_per_run": self.cpus_per_run, "gpus_per_run": self.gpus_per_run}
        return {name: number for name, number in given.items() if number is not None}

    def _runtime_env(self) -> dict[str, Any] | None:
        path = self.ray_runtime_env
        if path is None:
            return None
        import yaml

        text = read_text(path)
        environment = parsed(
            str(path), "YAML", lambda: yaml.safe_load(text), (ValueError, yaml.YAMLError)
        )
        if not isinstance(environment, dict):
            raise ConfigError(
                [f"{path} must hold names with values, such as `pip: [kmlp]`."]
            )
        return environment


class OneRunOptions(ExecutionOptions):
    """The options of a command that trains one run, which takes no --jobs."""

    @classmethod
    def options(cls) -> Iterator[Option]:
        return (option for option in super().options() if option.name != "jobs")

    @contextlib.contextmanager
    def opened(
        self, *, quiet: bool, observer: Observer | None = None
    ) -> Iterator[Execution]:
        """See `ExecutionOptions`. The run is trained in this process where it can be."""
        with super().opened(quiet=quiet, observer=observer) as execution:
            here = execution.executor == "local"
            yield replace(execution, jobs=1) if here else execution
