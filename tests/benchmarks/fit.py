"""How long a step of training takes: plain Keras, `kmlp.fit`, and a hand-written loop.

One process for each backend, all methods side by side in it, with one thread
each; the median of several rounds, in microseconds a step, on MNIST with three
hidden layers of 128. An epoch of the fast methods is the whole training data;
plain `fit`, whose steps all take the same, gets fewer.

The hand-written loops are the limit: `jax.lax.scan`, a `tf.while_loop` under
XLA, and a PyTorch loop as a careful person writes it.

On PyTorch, what was tried at batch size 1 (2 cores, one thread, where plain
`fit` took 3,900 µs a step and the hand-written loop 420): the traced graph run
by Python took 560 µs, with its variables changed in place 400, and 290 with the
gradient of a kernel added in place and never made; the same graph in
TorchScript's loop 234, 170 and 98. That is what `kmlp.fit` does. At batch size 64
TorchScript's loop is at what the matrix products cost. `torch.compile` needs a
C++ compiler and 9 to 22 s.

With `--knob dropout` (0.3) or `--knob augmentation` (shift:2), the model of a run is
measured, whose masks are kmlp's own, beside Keras' layers in plain `fit` and what each
backend draws in the hand-written loop. With `--knob normalization` (batch), the
hand-written loops are those of `normalized.py`. On a CPU with two cores, one of them busy,
`kmlp.fit` took 1.25, 1.03 and 1.08 times as long as them at batch sizes 1, 16 and 64 on
JAX, and 1.18, 1.00 and 1.07 times on TensorFlow; with the other knobs at most 1.10 times.

With `--keras-first`, Keras is imported and has computed something before kmlp loads it,
as in a user's script: JAX and TensorFlow have as many threads as there are cores then, the
hand-written loops, too. With `--compiled-only`, plain `fit` is left out, which takes most
of the time.

    python tests/benchmarks/fit.py [--backend jax] [--batch-size 1] [--keras-first]
        [--knob dropout] [--compiled-only] [--rounds 5] [--out FILE.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

BATCH_SIZES = (1, 16, 64, 256)
BACKENDS = ("tensorflow", "jax", "torch")
MODEL = {"depth": 3, "width": 128, "learning_rate": 0.01}
KNOBS = {
    "none": {},
    "adam": {"optimizer": "adam", "learning_rate": 0.001},
    "dropout": {"dropout": 0.3},
    "augmentation": {"augmentation": "shift:2"},
    "normalization": {"normalization": "batch"},
}
RATE, PIXELS = 0.3, 2
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
PLAIN_STEPS = {"tensorflow": 2000, "jax": 5000, "torch": 400}
"""How many steps plain `fit` is given at the most: some seconds of them."""


def measure(backend, batch_sizes, rounds, keras_first, knob, by_keras_too):
    """Microseconds a step, by batch size and method."""
    os.environ["KERAS_BACKEND"] = backend
    if keras_first:
        import keras

        keras.ops.add(keras.ops.ones(2), 1)
    from kmlp import RunConfig, fit, load_dataset
    from kmlp.training._model import training_model

    data = load_dataset("mnist")
    x, y = data.train.x, data.train.y
    results = {}
    for batch_size in batch_sizes:
        few = min(len(x), batch_size * PLAIN_STEPS[backend])
        fused = training_model(RunConfig(**(MODEL | KNOBS[knob])), data)
        methods = {}
        if by_keras_too:
            methods["plain fit"] = plain(by_keras(knob), x[:few], y[:few], batch_size)
        if by_keras_too and backend != "torch":
            for steps in (8, 32):
                model = by_keras(knob)
                model.steps_per_execution = steps
                methods[f"steps_per_execution={steps}"] = plain(
                    model, x[:few], y[:few], batch_size
                )
        methods["kmlp.fit"] = (
            lambda model=fused, size=batch_size: fit(
                model, x, y, batch_size=size, epochs=1
            ),
            -(-len(x) // batch_size),
        )
        if batch_size == 64 and knob == "none":
            methods["kmlp.fit, validated"] = validated(x, y, data.validation)
        by_hand = {"tensorflow": tensorflow_loop, "jax": jax_loop, "torch": torch_loop}
        if knob != "normalization":
            methods["by hand"] = by_hand[backend](x, y, batch_size, knob)
        elif backend != "torch" or batch_size > 1:  # PyTorch refuses a batch of one
            methods["by hand"] = normalized_loop(backend, x, y, batch_size)
        results[batch_size] = side_by_side(methods, rounds)
    return results


def normalized_loop(backend, x, y, batch_size):
    """The loop of `normalized.py`, on few steps if each takes long."""
    import normalized
    import numpy as np

    size = min(len(x), batch_size * 2000) if backend == "torch" else len(x)
    rng = np.random.default_rng(0)
    loop = getattr(normalized, f"{backend}_loop")
    run = loop(
        x[:size], y[:size], weights(),
        lambda: shuffled(size, batch_size, rng), MODEL["learning_rate"],
    )  # fmt: skip
    return run, size // batch_size


def by_keras(knob):
    """The model with the random layers of Keras."""
    import keras

    from kmlp import build_mlp

    if knob != "augmentation":
        return build_mlp(**(MODEL | KNOBS[knob]))
    plain = build_mlp(**MODEL)
    share = PIXELS / 28
    shift = keras.layers.RandomTranslation(
        share, share, fill_mode="constant", interpolation="nearest"
    )
    layers = [keras.layers.Reshape((28, 28, 1)), shift, *plain.layers]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    model.compile(optimizer=plain.optimizer, loss=plain.loss, metrics=["accuracy"])
    return model


def validated(x, y, validation):
    """An epoch with 10,000 images evaluated after it."""
    from kmlp import build_mlp, fit

    model = build_mlp(**MODEL)
    return (
        lambda: fit(
            model, x, y, batch_size=64, epochs=1,
            validation_data=(validation.x, validation.y), validation_batch_size=1000,
        ),
        -(-len(x) // 64),
    )  # fmt: skip


def plain(model, x, y, batch_size):
    return (
        lambda: model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0),
        -(-len(x) // batch_size),
    )


def side_by_side(methods, rounds):
    for run, _ in methods.values():  # compiles
        run()
    times = {name: [] for name in methods}
    for _ in range(rounds):
        for name, (run, steps) in methods.items():
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) / steps * 1e6)
    return {name: statistics.median(seen) for name, seen in times.items()}


def weights():
    from kmlp import build_mlp

    flat = build_mlp(**MODEL).get_weights()
    return list(zip(flat[::2], flat[1::2], strict=True))


def rate_of(knob):
    return (MODEL | KNOBS[knob])["learning_rate"]


def shuffled(size, batch_size, rng):
    steps = size // batch_size
    return rng.permutation(size)[: steps * batch_size].reshape(steps, batch_size)


def jax_loop(x, y, batch_size, knob):
    import jax
    import jax.numpy as jnp
    import numpy as np

    rate, rng = rate_of(knob), np.random.default_rng(0)

    def shifted(images, key):
        padded = jnp.pad(images, ((0, 0), (PIXELS, PIXELS), (PIXELS, PIXELS)))
        starts = jax.random.randint(key, (len(images), 2), 0, 2 * PIXELS + 1)
        return jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, at, (28, 28)))(
            padded, starts
        )

    def loss_of(layers, images, labels, key):
        if knob == "augmentation":
            images = shifted(images, key)
        h = images.reshape(len(images), -1).astype("float32") / 255
        for index, (kernel, bias) in enumerate(layers[:-1]):
            h = jax.nn.relu(h @ kernel + bias)
            if knob == "dropout":
                keep = jax.random.bernoulli(
                    jax.random.fold_in(key, index), 1 - RATE, h.shape
                )
                h = jnp.where(keep, h / (1 - RATE), 0)
        kernel, bias = layers[-1]
        chosen = jax.nn.log_softmax(h @ kernel + bias)
        return -jnp.take_along_axis(chosen, labels[:, None], 1).mean()

    def moved(state, slopes):
        if knob != "adam":
            return jax.tree.map(lambda w, g: w - rate * g, state, slopes)
        layers, first, second, count = state
        first = jax.tree.map(lambda m, g: m + (1 - BETA_1) * (g - m), first, slopes)
        second = jax.tree.map(lambda v, g: v + (1 - BETA_2) * (g * g - v), second, slopes)
        scale = rate * jnp.sqrt(1 - BETA_2 ** (count + 1)) / (1 - BETA_1 ** (count + 1))
        layers = jax.tree.map(
            lambda w, m, v: w - scale * m / (jnp.sqrt(v) + EPSILON), layers, first, second
        )
        return layers, first, second, count + 1

    @jax.jit
    def epoch(state, images, labels, order, key):
        def step(state, rows_and_key):
            rows, key = rows_and_key
            loss, slopes = jax.value_and_grad(loss_of)(
                state[0] if knob == "adam" else state, images[rows], labels[rows], key
            )
            return moved(state, slopes), loss

        return jax.lax.scan(step, state, (order, jax.random.split(key, len(order))))

    state = jax.tree.map(jnp.asarray, weights())
    if knob == "adam":
        zeros = jax.tree.map(jnp.zeros_like, state)
        state = (state, zeros, zeros, jnp.zeros(()))
    images, labels = jnp.asarray(x), jnp.asarray(y)

    def run():
        nonlocal state
        order = jnp.asarray(shuffled(len(x), batch_size, rng))
        key = jax.random.key(rng.integers(2**31))
        state, losses = epoch(state, images, labels, order, key)
        losses.block_until_ready()

    return run, len(x) // batch_size


def tensorflow_loop(x, y, batch_size, knob):
    import numpy as np
    import tensorflow as tf

    rate, rng = rate_of(knob), np.random.default_rng(0)
    layers = [tuple(map(tf.Variable, pair)) for pair in weights()]
    flat = [variable for pair in layers for variable in pair]
    moments = [[tf.Variable(tf.zeros_like(w)) for _ in range(2)] for w in flat]
    count = tf.Variable(0.0)

    def move(slopes):
        if knob == "adam":
            count.assign_add(1)
            scale = rate * tf.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
        for variable, (m, v), slope in zip(flat, moments, slopes, strict=True):
            if knob == "adam":
                m.assign_add((1 - BETA_1) * (slope - m))
                v.assign_add((1 - BETA_2) * (slope * slope - v))
                variable.assign_sub(scale * m / (tf.sqrt(v) + EPSILON))
            else:
                variable.assign_sub(rate * slope)

    def shifted(images):
        padded = tf.pad(images, [[0, 0], [PIXELS, PIXELS], [PIXELS, PIXELS]])
        at = tf.random.uniform((batch_size, 2), 0, 2 * PIXELS + 1, "int32")
        rows = at[:, :1] + tf.range(28)
        columns = tf.tile((at[:, 1:] + tf.range(28))[:, None], [1, 28, 1])
        moved = tf.gather(padded, rows, axis=1, batch_dims=1)
        return tf.gather(moved, columns, axis=2, batch_dims=2)

    @tf.function(jit_compile=True, autograph=False)
    def epoch(images, labels, order):
        steps = order.shape[0]

        def step(index, losses):
            rows = order[index]
            taken = tf.gather(images, rows)
            if knob == "augmentation":
                taken = shifted(taken)
            h = tf.reshape(taken, [batch_size, -1])
            h = tf.cast(h, "float32") / 255
            with tf.GradientTape() as tape:
                for kernel, bias in layers[:-1]:
                    h = tf.nn.relu(h @ kernel + bias)
                    if knob == "dropout":
                        h = tf.nn.dropout(h, RATE)
                kernel, bias = layers[-1]
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(
                        tf.gather(labels, rows), h @ kernel + bias
                    )
                )
            move(tape.gradient(loss, flat))
            return index + 1, tf.tensor_scatter_nd_update(losses, [[index]], [loss])

        start = (tf.constant(0), tf.zeros(steps))
        return tf.while_loop(lambda index, losses: index < steps, step, start)[1]

    images, labels = tf.constant(x), tf.constant(y)

    def run():
        order = shuffled(len(x), batch_size, rng).astype("int32")
        epoch(images, labels, tf.constant(order)).numpy()

    return run, len(x) // batch_size


def torch_loop(x, y, batch_size, knob):
    import numpy as np
    import torch
    from torch import nn

    rng = np.random.default_rng(0)
    sizes = [kernel.shape for kernel, _ in weights()]
    layers = [nn.Linear(*size) for size in sizes]
    drop = [nn.Dropout(RATE)] if knob == "dropout" else []
    hidden = [module for layer in layers[:-1] for module in (layer, nn.ReLU(), *drop)]
    net = nn.Sequential(*hidden, layers[-1])
    kind = torch.optim.Adam if knob == "adam" else torch.optim.SGD
    optimizer = kind(net.parameters(), lr=rate_of(knob), foreach=True)
    images = torch.from_numpy(x.reshape(len(x), -1).copy())
    labels = torch.from_numpy(y.astype("int64"))
    few = min(len(x), batch_size * 2000)
    places = torch.arange(28)

    def taken(rows):
        if knob != "augmentation":
            return images[rows]
        padded = nn.functional.pad(images[rows].view(-1, 28, 28), [PIXELS] * 4)
        at = torch.randint(0, 2 * PIXELS + 1, (len(rows), 2, 1)) + places
        example = torch.arange(len(rows))[:, None, None]
        return padded[example, at[:, 0, :, None], at[:, 1, None]].view(len(rows), -1)

    def run():
        losses = []
        for rows in torch.from_numpy(
            shuffled(len(x), batch_size, rng)[: few // batch_size]
        ):
            optimizer.zero_grad(set_to_none=True)
            scores = net(taken(rows).float().mul_(1 / 255))
            loss = nn.functional.cross_entropy(scores, labels[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.stack(losses).numpy()

    return run, few // batch_size


def ratios(found, method):
    fast = f"{found['plain fit'] / found[method]:.1f}" if "plain fit" in found else "-"
    long = f"{found[method] / found['by hand']:.2f}" if "by hand" in found else "-"
    return f"{fast} | {long}"


def show(results, batch_sizes):
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title="µs a step (times as fast as plain fit | times as long as by hand)",
        title_justify="left",
    )
    for header in ("backend", "method"):
        table.add_column(header)
    for batch_size in batch_sizes:
        table.add_column(f"batch {batch_size}", justify="right")
    for backend, by_size in results.items():
        methods = dict.fromkeys(name for found in by_size.values() for name in found)
        for method in methods:
            cells = []
            for found in by_size.values():
                if method in found:
                    cells.append(f"{found[method]:,.0f} ({ratios(found, method)})")
                else:
                    cells.append("")
            table.add_row(backend, method, *cells)
        table.add_section()
    Console(width=110).print(table)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=BACKENDS, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("build/benchmark-fit.json"))
    parser.add_argument("--batch-size", type=int, choices=BATCH_SIZES, action="append")
    parser.add_argument("--knob", choices=KNOBS, default="none")
    parser.add_argument("--keras-first", action="store_true")
    parser.add_argument("--compiled-only", action="store_true")
    parser.add_argument("--measure", choices=BACKENDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    batch_sizes = options.batch_size or BATCH_SIZES
    if options.measure:
        found = measure(
            options.measure, batch_sizes, options.rounds, options.keras_first, options.knob,
            not options.compiled_only,
        )  # fmt: skip
        print(json.dumps(found))
        return
    results = {}
    for backend in options.backend or BACKENDS:
        done = subprocess.run(
            [sys.executable, *sys.argv, "--measure", backend],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        results[backend] = json.loads(done.stdout.splitlines()[-1])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=2))
    show(results, batch_sizes)


if __name__ == "__main__":
    main()
