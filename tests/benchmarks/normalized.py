"""Hand-written loops with batch normalization, the limit for `fit.py --knob normalization`.

As Keras' layer, each loop also keeps moving averages of the mean and the variance. Each
function takes the images, the labels, the initial weights as pairs of kernel and bias, a
function that returns an order of shape `(steps, batch_size)`, and the learning rate. It
returns a function that runs an epoch.
"""

import numpy as np

EPSILON, MOMENTUM = 1e-3, 0.99


def sizes_of(layers):
    """The units of each hidden layer."""
    return [len(bias) for _, bias in layers[:-1]]


def jax_loop(x, y, layers, order_of, rate):
    import jax
    import jax.numpy as jnp

    def loss_of(trained, averages, images, labels):
        layers, norms = trained
        h = images.reshape(len(images), -1).astype("float32") / 255
        moved = []
        pairs = zip(layers[:-1], norms, averages, strict=True)
        for (kernel, bias), (gamma, beta), (mean, variance) in pairs:
            h = h @ kernel + bias
            of_batch = h.mean(0), h.var(0)
            moved.append(
                tuple(
                    old * MOMENTUM + new * (1 - MOMENTUM)
                    for old, new in zip((mean, variance), of_batch, strict=True)
                )
            )
            scaled = (h - of_batch[0]) * jax.lax.rsqrt(of_batch[1] + EPSILON)
            h = jax.nn.relu(scaled * gamma + beta)
        kernel, bias = layers[-1]
        chosen = jax.nn.log_softmax(h @ kernel + bias)
        return -jnp.take_along_axis(chosen, labels[:, None], 1).mean(), moved

    @jax.jit
    def epoch(trained, averages, images, labels, order):
        def step(carry, rows):
            trained, averages = carry
            (loss, averages), slopes = jax.value_and_grad(loss_of, has_aux=True)(
                trained, averages, images[rows], labels[rows]
            )
            trained = jax.tree.map(lambda w, g: w - rate * g, trained, slopes)
            return (trained, averages), loss

        return jax.lax.scan(step, (trained, averages), order)

    units = sizes_of(layers)
    norms = [(jnp.ones(size), jnp.zeros(size)) for size in units]
    averages = [(jnp.zeros(size), jnp.ones(size)) for size in units]
    state = (jax.tree.map(jnp.asarray, layers), norms), averages
    images, labels = jnp.asarray(x), jnp.asarray(y)

    def run():
        nonlocal state
        state, losses = epoch(*state, images, labels, jnp.asarray(order_of()))
        losses.block_until_ready()

    return run


def tensorflow_loop(x, y, layers, order_of, rate):
    import tensorflow as tf

    layers = [tuple(map(tf.Variable, pair)) for pair in layers]
    units = sizes_of([(None, bias.numpy()) for _, bias in layers])
    norms = [(tf.Variable(np.ones(n, "f4")), tf.Variable(np.zeros(n, "f4"))) for n in units]
    averages = [
        (tf.Variable(np.zeros(n, "f4")), tf.Variable(np.ones(n, "f4"))) for n in units
    ]
    trained = [variable for pair in [*layers, *norms] for variable in pair]

    @tf.function(jit_compile=True, autograph=False)
    def epoch(images, labels, order):
        steps, batch_size = order.shape

        def step(index, losses):
            rows = order[index]
            h = tf.reshape(tf.gather(images, rows), [batch_size, -1])
            h = tf.cast(h, "float32") / 255
            with tf.GradientTape() as tape:
                pairs = zip(layers[:-1], norms, averages, strict=True)
                for (kernel, bias), (gamma, beta), (mean, variance) in pairs:
                    h = h @ kernel + bias
                    of_batch = tf.nn.moments(h, [0])
                    for old, new in zip((mean, variance), of_batch, strict=True):
                        old.assign(old * MOMENTUM + new * (1 - MOMENTUM))
                    scaled = (h - of_batch[0]) * tf.math.rsqrt(of_batch[1] + EPSILON)
                    h = tf.nn.relu(scaled * gamma + beta)
                kernel, bias = layers[-1]
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(
                        tf.gather(labels, rows), h @ kernel + bias
                    )
                )
            for variable, slope in zip(trained, tape.gradient(loss, trained), strict=True):
                variable.assign_sub(rate * slope)
            return index + 1, tf.tensor_scatter_nd_update(losses, [[index]], [loss])

        start = (tf.constant(0), tf.zeros(steps))
        return tf.while_loop(lambda index, losses: index < steps, step, start)[1]

    images, labels = tf.constant(x), tf.constant(y)
    return lambda: epoch(images, labels, tf.constant(order_of().astype("int32"))).numpy()


def torch_loop(x, y, layers, order_of, rate):
    import torch
    from torch import nn

    modules = []
    for kernel, bias in layers:
        modules += [nn.Linear(*kernel.shape), nn.BatchNorm1d(len(bias)), nn.ReLU()]
    net = nn.Sequential(*modules[:-2])
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, foreach=True)
    images = torch.from_numpy(x.reshape(len(x), -1).copy())
    labels = torch.from_numpy(y.astype("int64"))

    def run():
        losses = []
        for rows in torch.from_numpy(order_of()):
            optimizer.zero_grad(set_to_none=True)
            scores = net(images[rows].float().mul_(1 / 255))
            loss = nn.functional.cross_entropy(scores, labels[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.stack(losses).numpy()

    return run
