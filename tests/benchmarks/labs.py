"""The configurations of a published lab in plain PyTorch, which shares nothing with kmlp but the
images: are ours its figures?

    python tests/benchmarks/labs.py mnist-lab --configs 11,12,17
    python tests/benchmarks/labs.py mnist-lab --configs 11,12,17 --scaling unit
"""

import argparse
import os
from dataclasses import replace

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import nn

from kmlp import RunConfig, load_dataset
from kmlp_tuning import read_recipe
from kmlp_tuning.lab.reading import bundled
from kmlp_tuning.lab.recipe import ConfigListPart

torch.set_num_threads(1)
ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
LOSSES = {
    "cross_entropy": nn.CrossEntropyLoss,
    "nll": nn.NLLLoss,
    "multi_margin": nn.MultiMarginLoss,
}


def model_of(config: RunConfig) -> nn.Sequential:
    """With PyTorch's own initial weights."""
    layers: list[nn.Module] = []
    units = 28 * 28
    for _ in range(config.depth):
        layers += [nn.Linear(units, config.width), ACTIVATIONS[config.activation]()]
        units = config.width
    layers.append(nn.Linear(units, 10))
    if "log_softmax" in (config.output, "log_softmax" if config.loss == "nll" else ""):
        layers.append(nn.LogSoftmax(1))
    return nn.Sequential(*layers)


def tensors(split, scaling: str) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.tensor(split.x).float().div(255).reshape(len(split), -1)
    return (x - 0.5) / 0.5 if scaling == "symmetric" else x, torch.tensor(split.y).long()


def train(config: RunConfig, epochs: int) -> tuple[float, float, float]:
    """Validation accuracy in percent, validation loss, mean training loss of the last epoch."""
    data = load_dataset(config.dataset, validation_fraction=config.validation_fraction)
    x, y = tensors(data.train, config.scaling)
    x_val, y_val = tensors(data.validation, config.scaling)
    torch.manual_seed(config.seed)
    model, loss = model_of(config), LOSSES[config.loss]()
    optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate)
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(x)).split(config.batch_size):
            optimizer.zero_grad(set_to_none=True)
            found = loss(model(x[batch]), y[batch])
            found.backward()
            optimizer.step()
            total += found.item() * len(batch)
    with torch.no_grad():
        outputs = model(x_val)
    accuracy = (outputs.argmax(1) == y_val).float().mean().item()
    return 100 * accuracy, loss(outputs, y_val).item(), total / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lab", choices=bundled())
    parser.add_argument("--configs", required=True, help="numbers: 11,12")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scaling")
    parser.add_argument("--validation-fraction", help="a number, or test")
    given = parser.parse_args()
    changed = {}
    if given.scaling:
        changed["scaling"] = given.scaling
    if given.validation_fraction:
        fraction = given.validation_fraction
        changed["validation_fraction"] = None if fraction == "test" else float(fraction)
    part = next(
        it
        for it in read_recipe(given.lab).parts
        if isinstance(it, ConfigListPart) and len(it.configs) > 1
    )
    for number in map(int, given.configs.split(",")):
        config, epochs = part.configs[number - 1], part.epochs[number - 1]
        published = {
            name: of[number][0] for name, of in part.published.items() if number in of
        }
        print(f"configuration {number}, {epochs} epochs; published: {published}")
        for seed in range(given.seeds):
            figures = train(replace(config, seed=seed, **changed), epochs)
            print("  accuracy {:.2f} %, loss {:.4f}, training loss {:.4f}".format(*figures))


if __name__ == "__main__":
    main()
