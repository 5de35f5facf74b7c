"""Depth of every tensor, against a walk back from each."""

import nets
import pytest
from deep_networks import network

from onnxplain.graph.depth import Depths


def slow_before(graph, tensor):
    """Weighted layers that a tensor is computed by, by walking back."""
    seen, waiting, count = set(), [tensor], 0
    while waiting:
        name = waiting.pop()
        item = graph.producers.get(name)
        if item is None or item.index in seen:
            continue
        seen.add(item.index)
        fixed = [i for i in item.inputs[:2] if graph.is_constant(i)]
        count += item.op_type in ("Conv", "Gemm") or (item.op_type == "MatMul" and bool(fixed))
        waiting += item.inputs
    return count


@pytest.mark.parametrize("name", nets.NETS)
def test_depth_counts_the_layers_with_weights(name):
    net = network(name)
    depths = Depths(net.graph, net.shapes, net.image.name, net.head.logits)
    every = slow_before(net.graph, net.head.logits)
    assert every > 1
    between = net.graph.descendants([net.image.name]) & net.graph.ancestors(net.head.logits)
    for tensor in between:
        assert depths.before(tensor) == slow_before(net.graph, tensor), tensor
        assert depths.share(tensor) == depths.before(tensor) / every
