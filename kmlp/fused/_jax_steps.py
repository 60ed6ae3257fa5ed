"""Fused steps on JAX: `jax.lax.fori_loop` over Keras' own step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kmlp import backend
from kmlp.fused.chunks import StepBlock
from kmlp.fused.loop import Program, StepLoop, returns_own_logs, step_loss

CHUNK_IDS_PER_BATCH = 1
SEES_WHAT_IS_SET = False
chunk_ids = np.arange


def to_device(array: Any) -> Any:
    """Implement `kmlp.fused.loop.Steps`."""
    return jax.device_put(array, backend.jax_cpu())


def compile_program(model: Any, block: StepBlock, *, training: bool) -> Program:
    """Implement `kmlp.fused.loop.Steps`."""
    step = model.train_step if training else model.test_step

    own_logs = returns_own_logs(model)

    def program(state: Any, data: Any, order: Any, count: Any) -> Any:
        def one_step(index: Any, state: Any) -> Any:
            rows = order[index]
            batch = keras.tree.map_structure(lambda array: array[rows], data)
            with step_loss(model) as losses:
                logs, state = step(state, batch)
            loss = jnp.asarray(losses[-1] if losses else jnp.nan, "float32").mean()
            return _lists(state), loss, logs if own_logs else {}

        def body(index: Any, carry: Any) -> Any:
            state, losses, _ = carry
            state, loss, logs = one_step(index, state)
            return state, losses.at[index].set(loss), logs

        losses = jnp.zeros(len(order), "float32")
        shapes = jax.eval_shape(one_step, 0, state)[2] if own_logs else {}
        logs = jax.tree.map(lambda log: jnp.zeros(log.shape, log.dtype), shapes)
        state, losses, logs = jax.lax.fori_loop(0, count, body, (state, losses, logs))
        if not own_logs:
            metrics = zip(model.metrics_variables, state[-1], strict=True)
            with keras.StatelessScope(list(metrics)):
                logs = model.get_metrics_result()
        return state, logs, losses

    # Compiled ahead of time and kept here, so that clearing JAX's caches does not lose
    # the program. The data are arguments, since XLA turns captured arrays into constants.
    device = backend.jax_cpu()
    with backend.on_jax_cpu():
        state = jax.device_put(_state(model, training=training), device)
        compiled = (
            jax.jit(program, donate_argnums=0)
            .lower(state, block.data, block.order, np.int32(0))
            .compile()
        )

    def run(state: Any, block: StepBlock) -> Any:
        state = jax.device_put(_lists(state), device)
        results = compiled(state, block.data, block.order, np.int32(block.steps))
        # Without this wait, the next chunks would already be created, and take memory.
        results = jax.block_until_ready(results)
        return results if device is None else _to_default_device(results)

    return run


def build(model: Any, batch: Any) -> None:
    """Implement `kmlp.fused.loop.Steps`."""
    model._symbolic_build(data_batch=batch)


def as_train_function(loop: StepLoop) -> Callable[..., Any]:
    """Implement `kmlp.fused.loop.Steps`."""

    def function(state: Any, iterator: Any) -> Any:
        next(iterator)
        state, logs = loop.run_chunk(state)
        return logs, state

    return function


def clear_caches() -> None:
    """Implement `kmlp.fused.loop.Steps`."""
    jax.clear_caches()  # frees 9 MiB for each deleted program


def _to_default_device(values: Any) -> Any:
    """Return the arrays on JAX's default device, and not committed to a device."""
    return jax.tree.map(lambda array: jnp.asarray(np.asarray(array)), values)


def _lists(state: Any) -> Any:
    """Return a state as a tuple of lists: the carry of a loop must keep its type."""
    return tuple(list(variables) for variables in state)


def _state(model: Any, *, training: bool) -> Any:
    groups = [model.trainable_variables, model.non_trainable_variables]
    if training:
        groups.append(model.optimizer.variables)
    groups.append(model.metrics_variables)
    return _lists([variable.value for variable in group] for group in groups)
