"""A search as the engine's planner: the trials of an oracle become requests."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keras_tuner import Objective
from keras_tuner.engine.trial import TrialStatus

from kmlp.engine import RunRequest
from kmlp.model.config import RunConfig
from kmlp.training.run import Run
from kmlp_tuning.oracles.asha import AshaOracle
from kmlp_tuning.oracles.hyperband import HyperbandOracle
from kmlp_tuning.oracles.standard import BayesianOracle, GridOracle, RandomOracle
from kmlp_tuning.search.settings import SearchSettings
from kmlp_tuning.search.trial import (
    Replication,
    Trial,
    TrialRequest,
    rank,
    score_of,
)


class SearchPlanner:
    """Draw trials from an oracle, and train the best of them again with other seeds.

    An oracle's trial is a configuration on one rung. Here, all rungs of a configuration are
    one `Trial` and one run, which continues. Ready requests start longest first, which
    keeps workers busy until the end.

    Args:
        settings: The search.
        work: Estimates the duration of an epoch of a configuration.
        check: Checks drawn configurations before they are trained. Raises `ConfigError` if
            one cannot be trained.
    """

    def __init__(
        self,
        settings: SearchSettings,
        *,
        work: Callable[[RunConfig], float],
        check: Callable[[list[RunConfig]], None],
    ) -> None:
        self._settings = settings
        self._work = work
        self._check = check
        self._oracle = make_oracle(settings)
        self._one_at_a_time = settings.algorithm == "asha"
        self._order = itertools.count()
        self._ready: list[tuple[float, int, TrialRequest]] = []
        self._open = 0
        self._trials: dict[RunConfig, Trial] = {}
        self._replications: list[Replication] | None = None
        if not self._one_at_a_time:
            self._draw()

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials so far, in the order in which they were drawn."""
        return tuple(self._trials.values())

    @property
    def replications(self) -> tuple[Replication, ...]:
        """The replications of the best trials, with their runs so far."""
        return tuple(self._replications or ())

    def _draw(self) -> None:
        """Let the oracle draw all trials that it can draw now.

        ASHA promotes when a worker is free, so its trials are drawn one at a time.
        """
        drawn = []
        while not (self._one_at_a_time and self._ready):
            oracle_trial = self._oracle.create_trial(f"tuner {next(self._order)}")
            if oracle_trial.status != TrialStatus.RUNNING:
                break
            values = oracle_trial.hyperparameters.values
            config = self._settings.space.config(values, self._settings.base)
            if config not in self._trials:
                drawn.append(config)
            trial = self._trials.get(config) or Trial.begun(len(self._trials) + 1, config)
            epochs = values.get("tuner/epochs", self._settings.max_epochs)
            trial = replace(
                trial,
                bracket=values.get("tuner/bracket", 0) + 1,
                rung=values.get("tuner/round", 0) + 1,
                epochs=epochs,
            )
            self._trials[config] = trial
            left = self._settings.max_epochs - values.get("tuner/initial_epoch", 0)
            self._push(
                TrialRequest(
                    config,
                    self._settings.target(epochs),
                    oracle_trial.trial_id,
                    trial.number,
                    trial.bracket,
                    trial.rung,
                ),
                left,
            )
        self._check(drawn)

    @property
    def done(self) -> bool:
        """See `kmlp.engine.Planner`."""
        return not (self._ready or self._open or self._replications is None)

    def ask(self) -> RunRequest | None:
        """See `kmlp.engine.Planner`."""
        if self._replications is None:
            self._draw()
        if not self._ready and not self._open and self._replications is None:
            self._replicate()
        if not self._ready:
            return None
        self._open += 1
        return heapq.heappop(self._ready)[-1]

    def tell(self, request: RunRequest, run: Run) -> None:
        """See `kmlp.engine.Planner`."""
        assert isinstance(request, TrialRequest)
        self._open -= 1
        run = run.measured_by(self._settings.metric).judged_at(self._settings.at)
        config = request.config
        if config in self._trials:
            self._trials[config] = replace(self._trials[config], run=run)
        if request.oracle_trial_id is None:
            assert self._replications is not None
            self._replications = [
                replication.with_run(run) for replication in self._replications
            ]
            return
        oracle_trial = self._oracle.get_trial(request.oracle_trial_id)
        if run.status == "finished":
            objective = self._settings.objective
            self._oracle.update_trial(
                oracle_trial.trial_id,
                {objective: score_of(run, objective)},
                step=run.epochs,
            )
            oracle_trial.status = TrialStatus.COMPLETED
        else:
            oracle_trial.status = TrialStatus.FAILED
            oracle_trial.message = run.failure or "The loss is no longer finite."
        self._oracle.end_trial(oracle_trial)

    def _push(self, request: TrialRequest, epochs_left: int) -> None:
        length = self._work(request.config) * epochs_left
        heapq.heappush(self._ready, (-length, next(self._order), request))

    def _push_replication(self, trial: Trial, config: RunConfig, epochs: int) -> None:
        most = self._settings.max_epochs
        target = self._settings.target(most)
        self._push(TrialRequest(config, target, None, trial.number, 0, 0), most - epochs)

    def _replicate(self) -> None:
        """Request to train the best trials for all epochs, and again with other seeds.

        The other seeds had no part in the selection of these trials.
        """
        settings = self._settings
        best = rank(self.trials, settings.objective)[: settings.replicated]
        self._replications = []
        for trial in best:
            if trial.epochs < settings.max_epochs:
                self._trials[trial.config] = replace(trial, epochs=settings.max_epochs)
                self._push_replication(trial, trial.config, trial.epochs)
            first = settings.base.seed + 1
            seeds = range(first, first + settings.replicates)
            configs = tuple(trial.config.with_fields(seed=seed) for seed in seeds)
            self._replications.append(Replication(trial.number, trial.epochs, configs, ()))
            for config in configs:
                self._push_replication(trial, config, 0)
        self._check(
            [config for replication in self._replications for config in replication.configs]
        )


def make_oracle(settings: SearchSettings) -> Any:
    """Make the oracle of an algorithm."""
    common = {
        "objective": Objective(settings.objective, settings.direction),
        "hyperparameters": settings.space.to_hyperparameters(),
        "max_trials": settings.max_trials,
        "seed": settings.base.seed,
        "size": settings.space.size,
    }
    halving = {
        "max_epochs": settings.max_epochs,
        "min_epochs": settings.min_epochs,
        "factor": settings.factor,
    }
    oracle: Any
    match settings.algorithm:
        case "hyperband":
            oracle = HyperbandOracle(**common, **halving)
        case "asha":
            oracle = AshaOracle(**common, **halving)
        case "random":
            oracle = RandomOracle(**common)
        case "bayesian":
            # Keras Tuner would count a rate of each optimizer as a dimension.
            initial = 3 * len(settings.space.fields)
            oracle = BayesianOracle(**common, num_initial_points=initial)
        case _:
            oracle = GridOracle(**common)
    oracle.verbose = 0
    return oracle
