"""What each node costs: read from the profile of one batch, or estimated from shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.arithmetic import numbers_written, products
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

# Endings that ONNX Runtime gives to the names of nodes it rewrites.
_REWRITTEN = ("_nchwc", "_bn", "_quant", "_token", "_fused")
_KERNEL = "_kernel_time"
# Seconds for a product and for a number that is written: a least squares fit to the profiles of 15
# networks on one core with AVX-512; each was met within 0.7 to 1.3 times.
_PRODUCT, _WRITE = 1.6e-11, 2.1e-10


def node_seconds(
    profile: Path, nodes: Sequence[Node], inputs: int, runs: int
) -> NDArray[np.float64]:
    """Seconds of each node for one input.

    Nodes that were fused count under the node that bears the name; what bears no node's
    name (a change of layout, say) counts under the node before it.

    Parameters
    ----------
    profile : Path
        Written by ONNX Runtime.
    nodes : sequence of Node
        In order.
    inputs : int
        Inputs in each profiled run.
    runs : int
        Runs in the profile. For each node the shortest counts: the first run warms up, and
        other programs disturb.
    """
    by_name: dict[str, int] = {}
    for position, node in enumerate(nodes):
        by_name |= dict.fromkeys((node.name, *node.outputs), position)
    by_name.pop("", None)
    events = [e for e in json.loads(profile.read_text()) if _is_kernel(e)]
    events.sort(key=lambda e: e["ts"])
    seconds, length = np.zeros((runs, len(nodes))), len(events) // runs
    for run in range(runs):
        place = 0
        for event in events[run * length : (run + 1) * length]:
            place = _place(event["name"].removesuffix(_KERNEL), by_name, place)
            seconds[run, place] += event["dur"] * 1e-6
    return seconds.min(axis=0) / inputs


def arithmetic(graph: Graph, nodes: Sequence[Node], shapes: Shapes) -> NDArray[np.float64]:
    """Multiplications and writes of each node for one input: a cost that needs no run, in no unit.

    Good enough to see that a model cannot gain; not to plan.
    """
    return np.array(
        [float(products(graph, n, shapes) or numbers_written(n, shapes)) for n in nodes]
    )


def estimated_seconds(graph: Graph, nodes: Sequence[Node], shapes: Shapes) -> NDArray[np.float64]:
    """Seconds of each node for one input on one core, as no clock says them.

    Only their relation matters for a plan. It is the same each time, and costs no run.
    """
    return np.array(
        [_PRODUCT * products(graph, n, shapes) + _WRITE * numbers_written(n, shapes) for n in nodes]
    )


def _is_kernel(event: Mapping[str, Any]) -> bool:
    return event.get("cat") == "Node" and str(event.get("name", "")).endswith(_KERNEL)


def _place(name: str, by_name: Mapping[str, int], before: int) -> int:
    while name not in by_name:
        ending = next((e for e in _REWRITTEN if name.endswith(e)), None)
        if ending is None:
            return before
        name = name.removesuffix(ending)
    return by_name[name]
