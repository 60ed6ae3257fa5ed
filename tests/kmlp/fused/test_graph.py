"""Changing variables in place gives what the step without side effects gives."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from kmlp.fused.graph import loop_over, simplify

RATE = torch.tensor(0.1)


def swap(a, b, x):
    return [b, a, a.sum()]


def each_from_the_other(a, b, x):
    return [a + b, b - a, (a * b).sum()]


def through_a_view(a, b, x):
    return [a + b.t().t(), b + 1, b.view(-1)[0]]


def a_change_that_others_read(a, b, x):
    change = (x.t() @ x) * RATE
    new = a - change
    return [new, b + new.sum(), change.sum()]


def a_product_with_a_variable_that_changes(a, b, x):
    return [a - (a @ b) * RATE, b - (a.t() @ b) * RATE, a.sum()]


def a_rate_that_changes(a, b, x):
    return [a - (x.t() @ x) * b.sum(), b * 2, a.sum()]


def the_gradient_of_a_kernel(a, b, x):
    rate = b[0, 0]
    return [a - (x.t() @ x) * rate, b, a.sum()]


def parts_of_a_variable(a, b, x):
    first, second, third = b.unbind(0)
    return [a + first, b * 2, (second * third).sum()]


def scaled_differences(a, b, x):
    return [torch.sub(a, b.exp(), alpha=0.1), torch.add(b, b.exp(), alpha=2), a.sum()]


def names_of_the_loop(a, b, x):
    index = x[torch.tensor([1, 0])]
    order = index.sum()
    return [a + order, b, order]


def constants(a, b, x):
    return [a + torch.full_like(a, 2.0), b - torch.ones(3, 3), torch.ones_like(x).sum()]


def infinite(a, b, x):
    return [a.clamp(max=float("inf")), torch.where(b > 0, b, float("-inf")), a.sum()]


STEPS = [
    swap, each_from_the_other, through_a_view, a_change_that_others_read,
    the_gradient_of_a_kernel, a_product_with_a_variable_that_changes, a_rate_that_changes, parts_of_a_variable,
    scaled_differences, names_of_the_loop, constants, infinite,
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_in_place_gives_the_same_values(step):
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 3, 3, generator=generator)
    examples = torch.rand(5, 3, generator=generator)
    order = torch.tensor([[0, 1], [2, 3], [4, 0]])
    with torch.no_grad():
        graph = make_fx(step)(a.clone(), b.clone(), examples[:2])
        loop = loop_over(simplify(graph, 2, a.device), 2)
        variables, losses = [a.clone(), b.clone()], torch.zeros(3)
        loop(3, order, losses, variables, [examples])
        expected = []
        for rows in order:
            a, b, loss = step(a, b, examples[rows])
            expected.append(loss)
    torch.testing.assert_close(variables, [a, b])
    torch.testing.assert_close(losses, torch.stack(expected))


def test_a_product_is_added_up_without_being_made():
    """`addmm_` in the place of a product, a multiplication and a subtraction."""

    def step(a, rate, x):
        return [a - (x.t() @ x) * rate, rate, a.sum()]

    graph = make_fx(step)(torch.rand(3, 3), RATE, torch.rand(2, 3))
    graph = simplify(graph, 2, RATE.device)
    targets = [str(node.target) for node in graph.graph.nodes]
    assert "aten.addmm_.default" in targets
    assert "aten.mm.default" not in targets


def test_a_step_with_side_effects_is_refused():
    def step(a, x):
        x.add_(1)
        return [a + x.sum(), a.sum()]

    graph = make_fx(step)(torch.rand(3), torch.rand(2))
    with pytest.raises(ValueError, match=r"add_\.Tensor changes a tensor in place"):
        simplify(graph, 1, RATE.device)


def test_a_variable_of_something_else_is_refused():
    elsewhere = torch.nn.Parameter(torch.ones(()))

    def step(a, x):
        return [a + elsewhere * x.sum(), a.sum()]

    with torch.no_grad():
        graph = make_fx(step)(torch.rand(3), torch.rand(2))
    with pytest.raises(ValueError, match="not the model's"):
        simplify(graph, 1, RATE.device)
