"""Fused steps on TensorFlow: `tf.while_loop` under XLA over Keras' own step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from kmlp.fused.chunks import StepBlock
from kmlp.fused.loop import Program, StepLoop, returns_own_logs, step_loss

CHUNK_IDS_PER_BATCH = None
SEES_WHAT_IS_SET = False
to_device = tf.convert_to_tensor


def chunk_ids(count: int) -> Any:
    """Implement `kmlp.fused.loop.Steps`."""
    # From an array, Keras builds a pipeline that costs 50 ms. Autotuning costs 20 ms.
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.range(count).with_options(options)


def compile_program(model: Any, block: StepBlock, *, training: bool) -> Program:
    """Implement `kmlp.fused.loop.Steps`."""
    step = model.train_step if training else model.test_step

    own_logs = returns_own_logs(model)

    def program(data: Any, order: Any, count: Any) -> Any:
        def one_step(index: Any) -> Any:
            batch = keras.tree.map_structure(
                lambda array: tf.gather(array, order[index]), data
            )
            with step_loss(model) as losses:
                logs = step(batch)
            loss = tf.reduce_mean(tf.cast(losses[-1] if losses else math.nan, "float32"))
            return loss, logs if own_logs else {}

        def body(index: Any, losses: Any, _: Any) -> Any:
            loss, logs = one_step(index)
            losses = tf.tensor_scatter_nd_update(losses, [[index]], [loss])
            return index + 1, losses, logs

        logs = _zeros_like(one_step) if own_logs else {}
        _, losses, logs = tf.while_loop(
            lambda index, losses, logs: index < count,
            body,
            (tf.constant(0), tf.zeros(order.shape[0]), logs),
        )
        return logs if own_logs else model.get_metrics_result(), losses

    def run(state: Any, block: StepBlock) -> Any:
        logs, losses = traced(
            block.data, tf.constant(block.order), tf.constant(block.steps)
        )
        return state, logs, losses

    def trace(xla: bool) -> Any:
        function = tf.function(program, autograph=False, jit_compile=xla)
        with _one_replica(model.optimizer):
            return function.get_concrete_function(block.data, order, tf.constant(0))

    # If a pass has mini-batches of two sizes, Keras' `fit` traces a step of unknown size,
    # and computes the mean of each output's loss in another way.
    capacity, size = block.order.shape
    order = tf.TensorSpec((capacity, None if block.uneven else size), "int32")
    # TensorFlow never frees programs that XLA compiled (3 MiB each). XLA therefore
    # compiles only the programs that become faster, those of many small steps. A
    # program that draws random numbers uses XLA if Keras does: XLA draws other numbers.
    supported = all(layer.supports_jit for layer in model._flatten_layers())
    xla = training and len(block.order) > 1 and supported
    traced = trace(xla)
    if model.jit_compile is not xla and _draws(traced.graph):
        traced = trace(bool(model.jit_compile))
    try:
        # XLA compiles at the first run.
        run(None, StepBlock(block.data, block.order, 0))
    except tf.errors.OpError:
        if not xla or _draws(traced.graph):
            raise
        traced = trace(False)  # XLA lacks some operations, and more of them in loops
    return run


def _zeros_like(one_step: Callable[[Any], Any]) -> Any:
    """Return zeros with the structure of a step's logs, as a loop's first values."""
    traced = tf.function(one_step, autograph=False).get_concrete_function(tf.constant(0))
    _, logs = traced.structured_outputs
    return tf.nest.map_structure(lambda log: tf.zeros(log.shape, log.dtype), logs)


def as_train_function(loop: StepLoop) -> Callable[..., Any]:
    """Implement `kmlp.fused.loop.Steps`."""

    def function(iterator: Any) -> Any:
        next(iterator)
        return loop.run_chunk()[1]

    return function


def clear_caches() -> None:
    """Implement `kmlp.fused.loop.Steps`."""


def build(model: Any, batch: Any) -> None:
    """Implement `kmlp.fused.loop.Steps`."""

    def symbolic_build() -> None:
        model._symbolic_build(data_batch=batch)

    if model.optimizer is None or model.optimizer.built:
        symbolic_build()
    else:
        # As Keras' `fit` does: the optimizer is built while a graph is traced, and the
        # values that it assigns to its variables meanwhile are lost.
        tf.function(symbolic_build, autograph=False).get_concrete_function()


def _draws(graph: Any) -> bool:
    """Return True if a graph has an operation that draws random numbers."""
    definition = graph.as_graph_def()
    functions = definition.library.function
    nodes = [*definition.node, *(node for f in functions for node in f.node_def)]
    return any("Random" in node.op or "Multinomial" in node.op for node in nodes)


@contextmanager
def _one_replica(optimizer: Any) -> Iterator[None]:
    """Have Keras skip the sum of the gradients over replicas: there is only one.

    TensorFlow would register a gradient of that sum, and never free the graph in it:
    1.5 MiB for each program.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    name = "_all_reduce_sum_gradients"
    if not hasattr(optimizer, name):
        yield
        return
    object.__setattr__(optimizer, name, lambda grads_and_vars: grads_and_vars)
    try:
        yield
    finally:
        object.__delattr__(optimizer, name)
