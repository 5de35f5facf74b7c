"""From a prepared graph to a program: gather converters, run onnx2torch, order the steps."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from onnxplain.convert.cast import to_tensor
from onnxplain.convert.control_flow import Body
from onnxplain.convert.coverage import (
    EXTENSIONS,
    Operator,
    count_missing,
    operator_of,
    stock_version,
    target_of,
)
from onnxplain.convert.function import unsupported
from onnxplain.convert.integer_groups import integer_module
from onnxplain.convert.light_import import import_onnx2torch
from onnxplain.convert.program import Program
from onnxplain.convert.registry import Converter, installed
from onnxplain.convert.skeleton import (
    Names,
    build_skeleton,
    module_path,
    neutral_domain,
    step_name,
)
from onnxplain.convert.step import Step
from onnxplain.convert.widening import WIDENED, Widened
from onnxplain.errors import ConversionError
from onnxplain.graph.bodies import bodies_of, is_control_flow
from onnxplain.graph.integer_groups import find_integer_groups
from onnxplain.graph.one_processor import ADVICE, LAYOUTS
from onnxplain.graph.training import trains
from onnxplain.graph.view import Graph, Node

# What to do about operators that will not be converted, by what they have in common.
_ADVICE = {
    "ai.onnx.ml": "classical models cannot be converted, and trees have no gradient",
    "ONNX Runtime layouts": ADVICE,
}
# Four-bit constants are widened to eight bits, which only these operators cannot tell.
_WIDENING = frozenset({"DequantizeLinear", "GatherBlockQuantized"})
_EXTENDING = "to add a converter, see docs/extending.md"
_STILL_WORKS = "methods that need no gradient (occlusion, cam) still work on this file"
_ENDING = f"; {_STILL_WORKS}"


def convert(graph: Graph, *, double: bool = False) -> Program:
    """Convert `graph`; see `onnxplain.convert.to_torch`."""
    _refuse_missing(graph)
    import_onnx2torch()
    program = _convert(graph)
    program.eval().requires_grad_(False)
    return program.double() if double else program


def _convert(graph: Graph) -> Program:
    modules = _build_modules(graph)
    steps = _steps(graph, modules) if graph.nodes else ()
    return Program(steps, tuple(i.name for i in graph.inputs), _constants(graph))


def _refuse_missing(graph: Graph) -> None:
    missing = list(count_missing(graph))
    if not missing:
        return
    listed = [
        f"{operator} ({count} {'node' if count == 1 else 'nodes'}, first: tensor {first!r})"
        for operator, count, first in missing
    ]
    groups = dict.fromkeys(filter(None, (_group(operator) for operator, _, _ in missing)))
    advice = "".join(f"; {group}: {_ADVICE[group]}" for group in groups)
    raise ConversionError(
        f"no conversion to PyTorch for {', '.join(listed)}{advice}; {_EXTENDING}; {_STILL_WORKS}"
    )


def _group(operator: Operator) -> str | None:
    if operator.domain in LAYOUTS:
        return "ONNX Runtime layouts"
    if operator.domain.startswith("ai.onnx.ml"):
        return "ai.onnx.ml"
    return None


def _build_modules(graph: Graph) -> dict[int, nn.Module]:
    """Modules of all nodes that our own or registered converters cover, by node index."""
    modules: dict[int, nn.Module] = {}
    refused: list[str] = []
    for node in graph.nodes:
        operator = operator_of(node, graph)
        factory = _factory(operator)
        if factory is None:
            continue
        try:
            _refuse_training(node, graph)
            if is_control_flow(node) and operator not in EXTENSIONS:
                modules[node.index] = factory(node, _bodies(node, graph))
            else:
                modules[node.index] = factory(node)
        except ConversionError as error:
            refused.append(str(error).removesuffix(_ENDING))
    if refused:
        raise ConversionError(f"{'; '.join(refused)}{_ENDING}")
    return modules


def _bodies(node: Node, graph: Graph) -> dict[str, Body]:
    """Convert what an If, Loop or Scan runs."""
    return {key: Body(_convert(body), body) for key, body in bodies_of(node, graph).items()}


def _constants(graph: Graph) -> dict[str, Tensor]:
    """Copy the initializers that are read by a node or are an output."""
    shown = {o.name for o in graph.outputs}
    constants = {}
    for name in graph.constant_names:
        readers = {node.op_type for node in graph.consumers.get(name, ())}
        if readers or name in shown:
            widen = bool(readers) and readers <= _WIDENING
            constants[name] = to_tensor(name, graph.constant(name), widen=widen)
    return constants


def _refuse_training(node: Node, graph: Graph) -> None:
    """Weights may be standardised by their own statistics; activations may not.

    Otherwise the images of a batch would change each other's explanation.
    """
    if not trains(node):
        return
    if node.inputs[0] in graph.descendants_of_inputs:
        raise unsupported(node, "batch normalisation in training mode")


def _factory(operator: Operator) -> Callable[..., nn.Module] | None:
    if operator in EXTENSIONS:
        return EXTENSIONS[operator]
    target = target_of(operator)
    return None if target is None else _load(target)


def _load(target: str) -> Callable[..., nn.Module]:
    file, function = target.split(".")
    return getattr(importlib.import_module(f"onnxplain.convert.{file}"), function)


def _steps(graph: Graph, modules: Mapping[int, nn.Module]) -> tuple[Step, ...]:
    from onnx2torch import convert as onnx2torch_convert

    names = Names()
    skeleton = build_skeleton(graph, names, modules.keys())
    with installed(*_overlay(graph, modules)):
        converted = onnx2torch_convert(skeleton, attach_onnx_mapping=True)
    groups = find_integer_groups(graph)
    steps = []
    for node in graph.nodes:
        module = converted.get_submodule(module_path(node.domain, node.index))
        inputs = [names.original(n) for n in module.onnx_mapping.inputs]
        while inputs and not inputs[-1]:
            inputs.pop()
        if not node.domain and node.op_type in WIDENED:
            module = Widened(module)
        group = groups.get(node.index)
        rounded = None if group is None else integer_module(node, group, module)
        steps.append(Step(node, module, tuple(inputs), node.outputs, rounded))
    return tuple(steps)


def _overlay(
    graph: Graph, modules: Mapping[int, nn.Module]
) -> tuple[dict[Operator, Converter], dict[Operator, Operator]]:
    """Collect what the registry lacks for this graph: our converters, aliases of stock ones."""
    by_name = {step_name(index): module for index, module in modules.items()}

    def ours(node: Any, _: Any) -> Any:
        from onnx2torch.utils.common import OperationConverterResult, onnx_mapping_from_node

        return OperationConverterResult(by_name[node.name], onnx_mapping_from_node(node))

    converters: dict[Operator, Converter] = {}
    aliases: dict[Operator, Operator] = {}
    for node in graph.nodes:
        operator = operator_of(node, graph)
        if node.index in modules:
            domain = neutral_domain(operator.domain)
            converters[Operator(domain, operator.op_type, operator.version)] = ours
        elif (version := stock_version(operator)) is not None and version != operator.version:
            aliases[operator] = Operator("", operator.op_type, version)
    return converters, aliases
