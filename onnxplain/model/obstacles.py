"""Which methods a model allows, found without running them or loading PyTorch."""

from __future__ import annotations

from collections.abc import Container, Sequence

from onnxplain.adapters.base import FORWARD_VERBS, Capability
from onnxplain.convert import missing_operators
from onnxplain.errors import OnnxplainError
from onnxplain.graph.bodies import is_control_flow
from onnxplain.graph.expand import expand
from onnxplain.graph.extract import find_downstream
from onnxplain.graph.one_processor import advice_for
from onnxplain.graph.operators import Trait, having
from onnxplain.machine import lacks_pytorch
from onnxplain.methods import Method, find, registered
from onnxplain.network.network import Network
from onnxplain.relevance.bodies import computes
from onnxplain.relevance.kinds import RULED
from onnxplain.symbolic.rules import RULES

_WITHOUT_SIGNAL = having(Trait.NO_SIGNAL)  # no relevance arrives there
_SIGNAL_IN_FIRST = having(Trait.FIRST_ONLY)


def obstacles(network: Network, names: Sequence[str] | None = None) -> dict[str, str]:
    """Say for every method what stands in its way.

    Parameters
    ----------
    network : Network
        The model.
    names : sequence of str, optional
        The methods; all if not given.

    Returns
    -------
    dict of str to str
        Method name to one line; the empty string if nothing does. Each method is judged by what
        it uses with its default parameters and layer: conversion, a layer, relevance rules,
        activations, and so on. A rare form of an operator, or engines that disagree on a
        picture, show only when it runs.
    """
    missing = missing_operators(network.graph)
    unconverted = f"does not convert to PyTorch: {', '.join(missing)}" if missing else ""
    unconverted += advice_for(network.graph) if missing else ""
    pytorch = unconverted or lacks_pytorch()
    asked = registered() if names is None else {name: find(name) for name in names}
    return {name: _obstacle(network, method, pytorch) for name, method in asked.items()}


def _obstacle(network: Network, method: Method, pytorch: str) -> str:
    if method.needs not in FORWARD_VERBS and pytorch:
        said = _only_pytorch(network, method, pytorch)
        if said:
            return said
    try:
        if method.takes_layer:
            network.layer(None)
        if Capability.RERUN in method.needs:
            find_downstream(network.graph, network.layer(None).name, network.head.tensors)
        method.requires(network)
    except OnnxplainError as error:
        return str(error)
    if Capability.RELEVANCE in method.needs:
        unruled = without_rule(network)
        if unruled:
            return f"no relevance rule for {', '.join(unruled)}"
    return "; ".join(f"needs -p {key}=FILE, {what}" for key, what in method.asks.items())


def _only_pytorch(network: Network, method: Method, pytorch: str) -> str:
    """Say that PyTorch is needed, unless ONNX Runtime gives the derivatives."""
    try:
        if not network.slopes_in_onnx(method.needs):
            return pytorch
    except OnnxplainError:  # it does not run the file
        return pytorch
    unruled = _outside(network, RULES)
    return f"no derivative in ONNX nodes for {', '.join(unruled)}; {pytorch}" if unruled else ""


def without_rule(network: Network) -> list[str]:
    """Operators between the image and the logits that relevance cannot pass, sorted."""
    return _outside(network, RULED)


def _outside(network: Network, ruled: Container[str]) -> list[str]:
    """Operators between the image and the logits that are not among those with a rule, sorted."""
    graph = expand(network.graph)
    signal = graph.descendants([network.image.name])
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [network.head.logits]
    while waiting:
        tensor = waiting.pop()
        node = graph.producers.get(tensor)
        if tensor in seen or node is None or tensor not in signal:
            continue
        seen.add(tensor)
        if node.operator in _WITHOUT_SIGNAL:
            continue
        if node.operator not in ruled and not (is_control_flow(node) and not computes(node, graph)):
            found.add(node.operator)
        waiting.extend(node.inputs[:1] if node.operator in _SIGNAL_IN_FIRST else node.reads)
    return sorted(found)
