"""Make a traced PyTorch step faster: fold constants, and change variables in place."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functionalize
from torch.fx.experimental.proxy_tensor import make_fx

_aten = torch.ops.aten
_SHAPE_ONLY = {
    _aten.ones_like.default,
    _aten.zeros_like.default,
    _aten.full_like.default,
    _aten.fill.Scalar,
}
"""Operations that read the shape of an input, which is fixed, and not its values."""
_UNKNOWN_SHAPE = {
    _aten.nonzero.default,
    _aten.masked_select.default,
    _aten._unique2.default,
    _aten.unique_dim.default,
    _aten.unique_consecutive.default,
}
_IN_PLACE = {_aten.add.Tensor: _aten.add_.Tensor, _aten.sub.Tensor: _aten.sub_.Tensor}


@contextmanager
def values_described_once() -> Iterator[None]:
    """Have `make_fx` describe all values of its graphs in one mode.

    Without it, each operation has a mode of its own, which keeps the stack of its creation.
    That takes a third to a half of the time of tracing.
    """
    mode = FakeTensorMode(allow_fallback_kernels=True)  # as `make_fx` creates them
    with tracing(TracingContext(mode)):
        yield


def simplify(
    module: fx.GraphModule,
    variables: int,
    inputs: list[Any],
    generators: list[torch.Generator],
) -> fx.GraphModule:
    """Return a faster graph of a step that changes its variables in place.

    Args:
        module: A graph whose inputs are the variables, which it changes, then the
            arrays of the mini-batch. It returns the loss, then the seed of each
            generator.
        variables: Number of variables.
        inputs: Example values of all inputs.
        generators: Generators that the step draws from.

    Returns:
        A graph that changes the variables in the same way and returns the loss.

    Raises:
        ValueError: if the step changes a tensor that is not the model's, or reads a
            value that may change outside of the step.
    """
    for node in module.graph.nodes:
        if node.op == "get_attr" and isinstance(
            getattr(module, node.target), torch.nn.Parameter
        ):
            raise ValueError("the step reads a variable that is not the model's")
        if _has_unknown_shape(node):
            raise ValueError(f"the shape of the result of {node.target} depends on values")
        if any(_owner(written).op == "get_attr" for written in _written(node)):
            raise ValueError(f"{node.target} changes a tensor that is not the model's")
    if not _writes_whole_variables(module, variables):
        module = make_fx(functionalize(module, remove="mutations"))(*inputs)
    _name_seeds(module, generators)
    _return_values(module, variables)
    _skip_copies(module)
    _fold_constants(module, inputs[0].device)
    _write_back(module, variables)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _has_unknown_shape(node: fx.Node) -> bool:
    """Return True if the shape of an operation's result depends on values.

    The graph holds shapes as constants.
    """
    if node.target is _aten.index.Tensor:
        indices: Any = node.args[1]
        return any(_meta(i)[1] in (torch.bool, torch.uint8) for i in indices if i)
    return node.target in _UNKNOWN_SHAPE


def written_by(function: Any, args: Any, kwargs: Any) -> list[Any]:
    """Return the arguments that an operation changes in place."""
    schema = getattr(function, "_schema", None)
    if schema is None or not schema.is_mutable:
        return []
    written: list[Any] = []
    for index, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[index] if index < len(args) else kwargs.get(argument.name)
            written += value if isinstance(value, list | tuple) else [value]
    return [value for value in written if value is not None]


def _written(node: fx.Node) -> list[fx.Node]:
    return written_by(node.target, node.args, node.kwargs)


def _writes_whole_variables(module: fx.GraphModule, variables: int) -> bool:
    """Return True if a step only writes whole variables, with new values.

    After a write, the variable must not be read through an older view.
    """
    nodes = list(module.graph.nodes)
    position = {node: index for index, node in enumerate(nodes)}
    whole = dict.fromkeys(nodes[:variables])  # the variables, before and after writes
    last_write: dict[fx.Node, int] = {}
    for node in nodes:
        for written in _written(node):
            if (
                node.target is not _aten.copy_.default
                or written not in whole
                or _meta(written) != _meta(node.args[1])
            ):
                return False
            whole[node] = None
            last_write[_owner(node)] = position[node]
    return not any(
        node not in whole
        and position[node] < last_write.get(_owner(node), 0)
        and any(position[user] > last_write[_owner(node)] for user in node.users)
        for node in nodes
        if node.op == "call_function"
    )


def _meta(node: Any) -> Any:
    meta = node.meta["tensor_meta"]
    return meta.shape, meta.dtype


def _return_values(module: fx.GraphModule, variables: int) -> None:
    """Make a step return the variables' new values, then the loss, and write nothing."""
    graph = module.graph
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    input_of = {node: node for node in inputs}  # an input, or a write to one: the input
    latest = dict(input_of)

    def latest_value(node: fx.Node) -> fx.Node:
        return latest[input_of[node]] if node in input_of else node

    writes = []
    for node in graph.nodes:
        if node.op == "placeholder":
            continue
        args = node.args
        node.args, node.kwargs = fx.node.map_arg((args, node.kwargs), latest_value)
        if node.target is _aten.copy_.default and args[0] in input_of:
            input_of[node] = input_of[args[0]]
            latest[input_of[node]] = node.args[1]
            writes.append(node)
    for node in reversed(writes):
        graph.erase_node(node)
    output: Any = graph.output_node()
    loss, *_ = output.args[0]
    output.args = ([*(latest[variable] for variable in inputs[:variables]), loss],)


def _name_seeds(module: fx.GraphModule, generators: list[Any]) -> None:
    """Note the index and the seed of its generator in each operation that draws."""
    output: Any = module.graph.output_node()
    [_, *seeds] = output.args[0]
    known = {generator._cdata: i for i, generator in enumerate(generators)}
    for node in module.graph.nodes:
        generator: Any = node.kwargs.get("generator")
        if generator is None:
            continue
        if isinstance(generator, fx.Node):  # newer PyTorch reads it from an attribute
            generator = getattr(module, str(generator.target))
        if generator._cdata not in known:
            raise ValueError("the step draws from a generator that is not Keras'")
        index = known[generator._cdata]
        node.kwargs = {**node.kwargs, "generator": (index, seeds[index])}


def _skip_copies(module: fx.GraphModule) -> None:
    """Put the original values in place of copies."""
    for node in list(module.graph.nodes):
        if node.target is _aten.detach.default:
            node.replace_all_uses_with(node.args[0])
        elif node.target is _aten.copy.default and _meta(node.args[0]) == _meta(
            node.args[1]
        ):
            node.replace_all_uses_with(node.args[1])


def _fold_constants(module: fx.GraphModule, device: Any) -> None:
    """Put results in place of operations that do not depend on the inputs' values."""
    known: dict[fx.Node, Any] = {}

    def value_of(node: fx.Node) -> Any:
        if node in known:
            return known[node]
        meta = node.meta["tensor_meta"]
        return torch.empty(meta.shape, dtype=meta.dtype, device=device)

    for node in list(module.graph.nodes):
        if node.op == "get_attr":
            known[node] = getattr(module, node.target)
        elif node.op == "call_function" and (
            node.target in _SHAPE_ONLY
            or (_is_fixed(node) and all(n in known for n in node.all_input_nodes))
        ):
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), value_of)
            known[node] = node.target(*args, **kwargs)
            if isinstance(known[node], torch.Tensor):
                name = f"constant_{len(known)}"
                module.register_buffer(name, known[node])
                with module.graph.inserting_before(node):
                    constant = module.graph.get_attr(name)
                node.replace_all_uses_with(constant)
                known[constant] = known[node]
    module.graph.eliminate_dead_code()


def _is_fixed(node: Any) -> bool:
    """Return True if an operation is not random: equal arguments give equal results."""
    tags = getattr(node.target, "tags", ())
    return (
        torch.Tag.nondeterministic_seeded not in tags
        and "generator" not in node.kwargs
        and "empty" not in node.name
    )


def _write_back(module: fx.GraphModule, variables: int) -> None:
    """Make a step write its new values into the variables, and return only the loss."""
    graph = module.graph
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    output: Any = graph.output_node()
    *new_values, loss = output.args[0]
    pairs = zip(inputs[:variables], new_values, strict=True)
    changed = {old: new for old, new in pairs if new is not old}
    output.args = (loss,)
    with graph.inserting_before(output):
        # A value that shares memory with a variable is copied before the variable changes.
        for old, new in changed.items():
            if _owner(new) in changed:
                changed[old] = graph.call_function(_aten.clone.default, (new,))
        if _owner(loss) in changed:
            output.args = (graph.call_function(_aten.clone.default, (loss,)),)
        for old, new in changed.items():
            _write(graph, old, new, changed)


def _write(graph: fx.Graph, old: fx.Node, new: fx.Node, changed: Container[Any]) -> None:
    """Add the operations that write a new value into a variable."""
    match new:
        case fx.Node(target=target, args=(first, fx.Node() as change)) if (
            target in _IN_PLACE
            and first is old
            and not new.kwargs
            and not new.users
            and _owner(change) not in changed
        ):
            factors = _scaled_product(change) if target is _aten.sub.Tensor else None
            if factors and not any(_owner(factor) in changed for factor in factors):
                a, b, rate = factors
                scaled = graph.call_function(_aten.mul.Tensor, (b, rate))
                negative = graph.call_function(_aten.neg.default, (scaled,))
                graph.call_function(_aten.addmm_.default, (old, a, negative))
            else:
                graph.call_function(_IN_PLACE[target], (old, change))
        case _:
            graph.call_function(_aten.copy_.default, (old, new))


def _scaled_product(node: fx.Node) -> tuple[Any, Any, fx.Node] | None:
    """Return `a`, `b` and `rate` if the node is `(a @ b) * rate` with a scalar rate.

    The gradient of a dense layer's kernel is such a product, and as large as the
    kernel. `addmm_` adds the product in place, without an array for the product.
    """
    if node.target is not _aten.mul.Tensor or len(node.users) != 1:
        return None
    product, rate = node.args
    if not isinstance(product, fx.Node) or product.target is not _aten.mm.default:
        return None
    if len(product.users) != 1 or not isinstance(rate, fx.Node):
        return None
    if rate.op != "placeholder" or rate.meta["tensor_meta"].shape != ():
        return None
    a, b = product.args
    return a, b, rate


def _owner(node: Any) -> Any:
    """Return the node that owns the memory of a node, which may be a view."""
    while node.target is operator.getitem or (
        (schema := _schema(node)) is not None
        and any(result.alias_info is not None for result in schema.returns)
    ):
        node = node.args[0]
    return node


def _schema(node: fx.Node) -> Any:
    """Return the schema of a node's operation; None if the operation is not PyTorch's."""
    return getattr(node.target, "_schema", None)


def loop_over(
    module: fx.GraphModule, variables: int, generators: list[torch.Generator]
) -> Callable[..., None]:
    """Return a loop over a simplified step, in TorchScript.

    Args:
        module: The step.
        variables: Number of variables.
        generators: Generators that the step draws from. The loop seeds each of them in
            each step, before the first draw.

    Returns:
        `loop(count, order, losses, variables, data)`. For each of the first `count`
        rows of `order`, the loop takes these examples of the data, runs the step and
        stores the loss in `losses`. When the loop is deleted, its program is freed; a
        module traced by TorchScript would keep the program for ever.
    """
    nodes = list(module.graph.nodes)
    inputs = [_text(node) for node in nodes if node.op == "placeholder"]
    data = inputs[variables:]
    constants = [node for node in nodes if node.op == "get_attr"]
    arguments = [*inputs[:variables], *(f"all_{name}" for name in data)]
    lines = [
        "def loop(count: int, order: Tensor, losses: Tensor, constants: List[Tensor], "
        + "generators: List[Generator], "
        + ", ".join(f"{name}: Tensor" for name in arguments)
        + ") -> None:",
        *(f"    {_text(node)} = constants[{i}]" for i, node in enumerate(constants)),
        "    for index in range(count):",
        "        rows = order[index]",
        *(f"        {name} = all_{name}[rows]" for name in data),
    ]
    seeded = set()
    for node in nodes:
        if node.op == "call_function":
            draw: Any = node.kwargs.get("generator")
            if draw is not None and draw[0] not in seeded:
                index, seed = draw
                seeded.add(index)
                number = f"int({_text(seed)}) & {0xFFFFFFFF}"  # as Keras seeds generators
                lines.append(f"        generators[{index}].manual_seed({number})")
            lines.append(f"        {_text(node)} = {_call(node)}")
        elif node.op == "output":
            lines.append(f"        losses[index] = {_text(node.args[0])}")
    script = torch.jit.CompilationUnit("\n".join([*lines, ""])).loop
    values = [getattr(module, node.target) for node in constants]

    def loop(count: int, order: Any, losses: Any, variables: Any, data: Any) -> None:
        script(count, order, losses, values, generators, *variables, *data)

    return loop


def _call(node: fx.Node) -> str:
    """Return a node as a TorchScript expression."""
    if node.target is operator.getitem:
        value, index = node.args
        return f"{_text(value)}[{index}]"
    options: dict[str, Any] = dict(node.kwargs)
    arguments = [_text(value) for value in node.args]
    if (draw := options.pop("generator", None)) is not None:
        arguments.append(f"generator=generators[{draw[0]}]")
    arguments += [f"{name}={_text(value)}" for name, value in options.items()]
    name = _schema(node).name.replace("::", ".")
    return f"torch.ops.{name}({', '.join(arguments)})"


def _text(value: Any) -> str:
    """Return a value as a TorchScript expression; a node as the name of its variable."""
    match value:
        case fx.Node():
            return f"of_{value.name}"  # a prefix, so that the loop's own names stay free
        case list() | tuple():
            return f"[{', '.join(map(_text, value))}]"
        case torch.device():
            return f'torch.device("{value}")'
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case _:
            return repr(value)
