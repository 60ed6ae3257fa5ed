"""A user's script, outside the package: an activation and a loss of their own."""

from keras import ops

from kmlp import Loss, RunConfig, build_mlp, register_activation, register_loss, train


def sine(x):
    return ops.sin(x)


def brier(y_true, y_pred):
    return ops.sum(ops.square(y_true - y_pred), axis=-1)


brier_loss = Loss(function=brier, output="softmax", targets="one_hot")

if __name__ == "__main__":
    register_activation("sine", sine)
    register_loss("brier", brier, output="softmax", targets="one_hot")
    print(build_mlp(activation="sine", loss="brier", depth=1).count_params())
    config = RunConfig(activation="sine", loss="brier", train_size=6000, width=32)
    run = train(config, epochs=2)
    print(run.status, run.val_accuracy)
