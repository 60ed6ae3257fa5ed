"""A loop that changes variables in place gives the results of the single steps."""

import pytest
import torch
from torch.fx.experimental import proxy_tensor
from torch.fx.experimental.proxy_tensor import make_fx

from kmlp.fused._graph import loop_over, simplify, values_described_once

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


def in_place(step):
    """Make a step like Keras' steps: it writes the new values into the variables."""

    def write(a, b, x):
        new_a, new_b, loss = step(a, b, x)
        a.copy_(new_a)
        b.copy_(new_b)
        return [loss]

    return write


def second_from_the_changed_first(a, b, x):
    a.copy_(a * x.sum())
    b.copy_(b - a)
    return [a.sum()]


def a_view_that_is_read_after_the_write(a, b, x):
    before = a.view(-1)
    a.copy_(a * 2)
    b.copy_(b + before[0])
    return [before.sum()]


def a_variable_itself_that_is_written_later(a, b, x):
    before = a
    a.copy_(a * 2)
    b.copy_(b + before)
    return [before.sum()]


def writes_into_parts(a, b, x):
    a[0] = x.sum()
    b.add_(a).mul_(2)
    return [a.sum()]


def writes_into_several_at_once(a, b, x):
    torch._foreach_add_([a, b], 1.0)
    torch._foreach_mul_([a, b], 2.0)
    return [a.sum()]


def writes_another_type(a, b, x):
    a.copy_((a * 10).to(torch.int32))
    return [b.sum()]


def writes_another_shape(a, b, x):
    a.copy_(x[0])
    return [a.sum()]


def writes_into_the_batch(a, b, x):
    x.add_(1)
    a.copy_(a + x.sum())
    return [x.sum()]


def swapped(a, b, x):
    old = a.clone()
    a.copy_(b)
    b.copy_(old)
    return [a.sum()]


IN_PLACE = [
    second_from_the_changed_first, a_view_that_is_read_after_the_write,
    a_variable_itself_that_is_written_later, writes_into_parts,
    writes_into_several_at_once, writes_another_type, writes_another_shape,
    writes_into_the_batch, swapped,
]  # fmt: skip


@pytest.mark.parametrize(
    "step",
    [*map(in_place, STEPS), *IN_PLACE],
    ids=[step.__name__ for step in [*STEPS, *IN_PLACE]],
)
def test_a_loop_gives_the_values_of_the_single_steps(step):
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 3, 3, generator=generator)
    examples = torch.rand(5, 3, generator=generator)
    order = torch.tensor([[0, 1], [2, 3], [4, 0]])
    with torch.no_grad():
        inputs = [a.clone(), b.clone(), examples[:2]]
        graph = make_fx(step)(*[tensor.clone() for tensor in inputs])
        loop = loop_over(simplify(graph, 2, inputs, []), 2, [])
        variables, losses = [a.clone(), b.clone()], torch.zeros(3)
        loop(3, order, losses, variables, [examples])
        expected = []
        for rows in order:
            expected.append(step(a, b, examples[rows])[0].clone())
    torch.testing.assert_close(variables, [a, b])
    torch.testing.assert_close(losses, torch.stack(expected))


def test_a_scaled_product_is_added_in_place():
    """`addmm_` replaces a product, a multiplication and a subtraction."""

    def step(a, rate, x):
        a.copy_(a - (x.t() @ x) * rate)
        return [x.sum()]

    inputs = [torch.rand(3, 3), RATE, torch.rand(2, 3)]
    graph = simplify(make_fx(step)(*inputs), 2, inputs, [])
    targets = [str(node.target) for node in graph.graph.nodes]
    assert "aten.addmm_.default" in targets
    assert "aten.mm.default" not in targets


def test_draws_are_seeded_at_each_step():
    def step(a, x):
        generator = torch.Generator()
        generators.append(generator)
        seed = (a[0] * 10).to(torch.int64)
        drawn = torch.rand(3, generator=generator) + torch.rand(3, generator=generator)
        a.copy_(a + 1)
        return [drawn.sum(), seed]

    generators = []
    inputs = [torch.zeros(3), torch.rand(2)]
    graph = simplify(make_fx(step)(*inputs), 1, inputs, generators)
    variables, losses = [torch.zeros(3)], torch.zeros(4)
    loop_over(graph, 1, generators)(
        4, torch.zeros(4, 2, dtype=torch.int64), losses, variables, [torch.rand(2)]
    )
    for index, loss in enumerate(losses):
        generator = torch.Generator().manual_seed(index * 10)
        drawn = [torch.rand(3, generator=generator) for _ in range(2)]
        torch.testing.assert_close(loss, sum(drawn).sum())


ELSEWHERE = torch.zeros(3)


def writes_elsewhere(a, x):
    ELSEWHERE.add_(1)
    return [a.sum()]


def draws_from_another_generator(a, x):
    return [a.sum() + torch.rand(3, generator=torch.Generator()).sum()]


def counts_nonzero(a, x):
    return [a.sum() + torch.nonzero(x).shape[0]]


def counts_positive(a, x):
    return [a.sum() + x[x > 0].shape[0]]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (writes_elsewhere, r"add_\.Tensor.* not the model's"),
        (draws_from_another_generator, "generator"),
        (counts_nonzero, "shape .* depends on values"),
        (counts_positive, "shape .* depends on values"),
    ],
)
def test_a_step_that_a_graph_cannot_reproduce_is_refused(step, text):
    inputs = [torch.rand(3), torch.rand(2)]
    with torch.no_grad():
        graph = make_fx(step)(*inputs)
        with pytest.raises(ValueError, match=text):
            simplify(graph, 1, inputs, [])


def test_a_variable_that_is_not_the_models_is_refused():
    elsewhere = torch.nn.Parameter(torch.ones(()))

    def step(a, x):
        return [a + elsewhere * x.sum()]

    inputs = [torch.rand(3), torch.rand(2)]
    with torch.no_grad():
        graph = make_fx(step)(*inputs)
    with pytest.raises(ValueError, match="model"):
        simplify(graph, 1, inputs, [])


def test_the_values_of_a_trace_are_described_in_one_mode(monkeypatch):
    """`make_fx` would create a mode for each operation, which takes long."""
    modes = []
    make_mode = proxy_tensor.FakeTensorMode
    monkeypatch.setattr(
        proxy_tensor,
        "FakeTensorMode",
        lambda **options: modes.append(options) or make_mode(**options),
    )
    make_fx(lambda x: (2 * x + 1).sum())(torch.ones(3))
    assert len(modes) >= 3
    modes.clear()
    with values_described_once():
        make_fx(lambda x: (2 * x + 1).sum())(torch.ones(3))
    assert modes == []
