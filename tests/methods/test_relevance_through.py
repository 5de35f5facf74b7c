"""Relevance through parts of a tensor: the methods that take `channels` keep to it."""

import numpy as np
from originals import difference, pair


def branch():
    """The convolution at the end of a residual block's own path, and the sum that follows it."""
    graph = pair("resnet").double.network.graph
    for node in graph.nodes:
        if node.op_type == "Add":
            for name in node.inputs:
                before = graph.producers.get(name)
                if before is not None and before.op_type in ("Conv", "BatchNormalization"):
                    return name
    raise AssertionError("no residual block")


def test_a_residual_connection_is_not_counted_as_part_of_each_channel():
    """Closing all channels leaves nothing, and halves add up to the sum of both."""
    made, tensor = pair("resnet"), branch()

    def through(channels):
        found = made.double.explain(made.x, "lrp", 1, at=tensor, channels=channels)
        return found.attribution

    count = made.double.explain(made.x, "lrp", 1, at=tensor).maps["channels"].size
    every = ",".join(map(str, range(count)))
    half, rest = (",".join(map(str, range(k, count, 2))) for k in (0, 1))
    assert difference(through(half) + through(rest), through(every)) < 1e-6
    whole = made.double.explain(made.x, "lrp", 1).attribution
    assert difference(through(every), whole) > 1e-2
    assert np.abs(through(every)).max() > 0
