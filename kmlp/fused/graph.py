"""Making a traced PyTorch step cheaper: constants folded, variables changed in place."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Container
from typing import Any

import torch
from torch import fx

_aten = torch.ops.aten
_OF_A_SHAPE = {
    _aten.ones_like.default,
    _aten.zeros_like.default,
    _aten.full_like.default,
    _aten.fill.Scalar,
}
"""Operations that read an input's shape, which is fixed, and not its values."""
_IN_PLACE = {_aten.add.Tensor: _aten.add_.Tensor, _aten.sub.Tensor: _aten.sub_.Tensor}


def simplify(module: fx.GraphModule, variables: int, device: Any) -> fx.GraphModule:
    """Turns a step without side effects into one that changes its variables.

    Args:
        module: A graph that takes the variables' values, then the mini-batch,
            and returns the new values, then the loss.
        variables: How many variables there are.
        device: Where they are.

    Returns:
        The graph that writes the new values into the old and returns the loss.

    Raises:
        ValueError: if the step has side effects, or reads what may change without it.
    """
    for node in module.graph.nodes:
        if node.op == "get_attr" and isinstance(
            getattr(module, node.target), torch.nn.Parameter
        ):
            raise ValueError("the step reads a variable that is not the model's")
        if (schema := _schema(node)) is not None and schema.is_mutable:
            raise ValueError(f"{node.target} changes a tensor in place")
    _fold_constants(module, device)
    _write_back(module, variables)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _fold_constants(module: fx.GraphModule, device: Any) -> None:
    """Replaces what does not depend on the values of the inputs by its value."""
    known: dict[fx.Node, Any] = {}

    def value_of(node: fx.Node) -> Any:
        if node in known:
            return known[node]
        seen = node.meta["tensor_meta"]
        return torch.empty(seen.shape, dtype=seen.dtype, device=device)

    for node in list(module.graph.nodes):
        if node.op == "get_attr":
            known[node] = getattr(module, node.target)
        elif node.op == "call_function" and (
            node.target in _OF_A_SHAPE
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
    """Whether an operation gives the same for the same arguments: nothing random."""
    tags = getattr(node.target, "tags", ())
    return torch.Tag.nondeterministic_seeded not in tags and "empty" not in node.name


def _write_back(module: fx.GraphModule, variables: int) -> None:
    graph = module.graph
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    output: Any = graph.output_node()
    *new_values, loss = output.args[0]
    pairs = zip(inputs[:variables], new_values, strict=True)
    changed = {old: new for old, new in pairs if new is not old}
    output.args = (loss,)
    with graph.inserting_before(output):
        # What shares its memory with a variable is saved before that changes.
        for old, new in changed.items():
            if _owner(new) in changed:
                changed[old] = graph.call_function(_aten.clone.default, (new,))
        if _owner(loss) in changed:
            output.args = (graph.call_function(_aten.clone.default, (loss,)),)
        for old, new in changed.items():
            _write(graph, old, new, changed)


def _write(graph: fx.Graph, old: fx.Node, new: fx.Node, changed: Container[Any]) -> None:
    """Adds what writes a variable's new value into it."""
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
    """The factors of `(a @ b) * rate` with a scalar rate, if the node is one.

    The gradient of a dense layer's kernel is such a product and as large as the
    kernel: added up in place, it is never made.
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
    """The node whose memory a node shows."""
    while node.target is operator.getitem or (
        (schema := _schema(node)) is not None
        and any(result.alias_info is not None for result in schema.returns)
    ):
        node = node.args[0]
    return node


def _schema(node: fx.Node) -> Any:
    """What is declared of a node's operation; None if it is none of PyTorch's."""
    return getattr(node.target, "_schema", None)


def loop_over(module: fx.GraphModule, variables: int) -> Callable[..., None]:
    """A loop over a simplified step, in TorchScript.

    Returns:
        `loop(count, order, losses, variables, data)`: for each of the first
        `count` rows of `order`, takes those examples of the data, does the step
        and keeps its loss. It lets go of its program when it is let go of,
        which a module that TorchScript traces never does.
    """
    nodes = list(module.graph.nodes)
    inputs = [_text(node) for node in nodes if node.op == "placeholder"]
    data = inputs[variables:]
    constants = [node for node in nodes if node.op == "get_attr"]
    arguments = [*inputs[:variables], *(f"all_{name}" for name in data)]
    lines = [
        "def loop(count: int, order: Tensor, losses: Tensor, constants: List[Tensor], "
        + ", ".join(f"{name}: Tensor" for name in arguments)
        + ") -> None:",
        *(f"    {_text(node)} = constants[{i}]" for i, node in enumerate(constants)),
        "    for index in range(count):",
        "        rows = order[index]",
        *(f"        {name} = all_{name}[rows]" for name in data),
    ]
    for node in nodes:
        if node.op == "call_function":
            lines.append(f"        {_text(node)} = {_call(node)}")
        elif node.op == "output":
            lines.append(f"        losses[index] = {_text(node.args[0])}")
    script = torch.jit.CompilationUnit("\n".join([*lines, ""])).loop
    values = [getattr(module, node.target) for node in constants]

    def loop(count: int, order: Any, losses: Any, variables: Any, data: Any) -> None:
        script(count, order, losses, values, *variables, *data)

    return loop


def _call(node: fx.Node) -> str:
    """A node as a TorchScript expression."""
    if node.target is operator.getitem:
        value, index = node.args
        return f"{_text(value)}[{index}]"
    words = [_text(value) for value in node.args]
    words += [f"{name}={_text(value)}" for name, value in node.kwargs.items()]
    name = _schema(node).name.replace("::", ".")
    return f"torch.ops.{name}({', '.join(words)})"


def _text(value: Any) -> str:
    match value:
        case fx.Node():
            return f"of_{value.name}"  # apart from the loop's own names
        case list() | tuple():
            return f"[{', '.join(map(_text, value))}]"
        case torch.device():
            return f'torch.device("{value}")'
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case _:
            return repr(value)
