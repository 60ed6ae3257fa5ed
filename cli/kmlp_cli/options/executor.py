"""The options that say where runs are trained."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from kmlp._util.files import parsed, read_text
from kmlp.errors import ConfigError, gather, raise_problems, unknown_name
from kmlp_cli.render.output import say

Executor = Annotated[
    str,
    typer.Option(
        help="What trains: local, this machine; ray, a Ray cluster (pip install kmlp[ray])."
    ),
]
CpusPerRun = Annotated[
    float | None,
    typer.Option(
        metavar="<number>",
        help="CPUs of each run, such as 1.5: they say how many run at a time.  "
        "[default: 1]",
        show_default=False,
    ),
]
GpusPerRun = Annotated[
    float | None,
    typer.Option(
        metavar="<number>",
        help="Share of a GPU of each run, such as 0.25, likewise.  [default: on Ray 0; "
        "here, what the backend finds]",
        show_default=False,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Ray cluster: auto, host:6379 or ray://host:10001.  [default: "
        "RAY_ADDRESS, else a Ray of its own on this machine]",
        show_default=False,
    ),
]
RayWait = Annotated[
    bool,
    typer.Option(
        "--ray-wait",
        help="Wait for a node where none has room for a run: for clusters that start nodes "
        "when they are needed.",
    ),
]
RayRuntimeEnv = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.yaml",
        help="Ray's runtime environment of the workers: what it installs for them.",
        show_default=False,
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorOptions:
    """The options, as they were given."""

    executor: Executor = "local"
    cpus_per_run: CpusPerRun = None
    gpus_per_run: GpusPerRun = None
    ray_address: RayAddress = None
    ray_wait: RayWait = False
    ray_runtime_env: RayRuntimeEnv = None

    def check(self) -> None:
        """Raises `ConfigError` with what can be seen to be wrong."""
        from kmlp.executors import RayExecutor
        from kmlp.executors.resources import make_share
        from kmlp.studies.runner import EXECUTORS

        if self.executor not in EXECUTORS:
            raise ConfigError([unknown_name("executor", self.executor, EXECUTORS)])
        if self.executor == "ray":
            RayExecutor("auto")  # which looks whether Ray is there
        gather(
            [
                lambda: self.executor == "ray" and RayExecutor(self.ray_address),
                lambda: raise_problems(
                    f"{flag} has no effect without --executor ray. Give that, or leave it "
                    "out."
                    for flag, given in (
                        ("--ray-address", self.ray_address),
                        ("--ray-wait", self.ray_wait),
                        ("--ray-runtime-env", self.ray_runtime_env),
                    )
                    if given and self.executor != "ray"
                ),
                lambda: make_share(**self._shares()),
                lambda: self.executor == "ray" and self._runtime_env(),
            ]
        )

    @contextlib.contextmanager
    def opened(self, jobs: int | None, *, quiet: bool) -> Iterator[dict[str, Any]]:
        """What the library takes as `executor` and `jobs`, open meanwhile.

        Args:
            jobs: As `--jobs` gives it.
            quiet: Whether to say nothing of it.

        Raises:
            ConfigError: if there is no room for a run.
            ClusterError: if there is no such cluster.
        """
        from kmlp.executors import ProcessExecutor, RayExecutor

        if self.executor == "ray":
            if not quiet:
                place = self.ray_address or os.environ.get("RAY_ADDRESS")
                say(f"Connecting to {place or 'a Ray of its own'}.")
            with RayExecutor(
                self.ray_address,
                jobs=jobs,
                wait=self.ray_wait,
                runtime_env=self._runtime_env(),
                **self._shares(),
            ) as executor:
                yield {"executor": executor}
        elif self._shares():
            with ProcessExecutor(jobs, **self._shares()) as executor:
                yield {"executor": executor}
        else:
            yield {} if jobs is None else {"jobs": jobs}

    def _shares(self) -> dict[str, float]:
        given = {"cpus_per_run": self.cpus_per_run, "gpus_per_run": self.gpus_per_run}
        return {name: it for name, it in given.items() if it is not None}

    def _runtime_env(self) -> dict[str, Any] | None:
        path = self.ray_runtime_env
        if path is None:
            return None
        import yaml

        text = read_text(path)
        found = parsed(
            str(path), "YAML", lambda: yaml.safe_load(text), (ValueError, yaml.YAMLError)
        )
        if not isinstance(found, dict):
            raise ConfigError(
                [f"{path} must have names with values, such as `pip: [kmlp]`."]
            )
        return found


def executor_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, in the place of its parameter `training`, in which
    it gets `ExecutorOptions`.
    """
    names = [field.name for field in fields(ExecutorOptions)]
    signature = inspect.signature(command, eval_str=True)
    options = inspect.signature(ExecutorOptions, eval_str=True).parameters
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name == "training":
            parameters += [options[name] for name in names]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def with_options(**given: Any) -> None:
        chosen = ExecutorOptions(**{name: given.pop(name) for name in names})
        command(training=chosen, **given)

    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {it.name: it.annotation for it in parameters}
    return with_options
