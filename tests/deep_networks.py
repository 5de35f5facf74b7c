"""Networks that are deep enough to tell an early layer from a late one."""

import graphs
import nets
import numpy as np
from graphs import build, value_info
from onnx.helper import make_node as node

from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

IMAGE = [value_info("image", ["N", 3, 8, 8])]
DEEP = 6


def network(name):
    return Network(prepare(nets.exported(name).proto))


def proto_of(nodes, constants):
    return build(nodes, [value_info("scores", ["N", 4])], constants, inputs=IMAGE)


def opened(nodes, constants):
    return Network(prepare(proto_of(nodes, constants)))


def deep(lost, first="f"):
    """One convolution, something that may lose places, six more, and a linear head."""
    constants = {"k": graphs.weights(6, 3, 3, 3), "w": graphs.weights(6, 4)}
    nodes = [node("Conv", ["image", "k"], ["c"], pads=[1] * 4), node("Relu", ["c"], [first])]
    source = first
    if lost:
        # Every number of the next maps is made of all places.
        constants |= {"mix": graphs.weights(384, 384), "shape": np.array([-1, 6, 8, 8])}
        nodes += [
            node("Flatten", [first], ["flat"]),
            node("MatMul", ["flat", "mix"], ["mixed"]),
            node("Reshape", ["mixed", "shape"], ["again"]),
        ]
        source = "again"
    for k in range(DEEP):
        constants[f"k{k}"] = graphs.weights(6, 6, 3, 3)
        nodes += [
            node("Conv", [source, f"k{k}"], [f"c{k}"], pads=[1] * 4),
            node("Relu", [f"c{k}"], [f"r{k}"]),
        ]
        source = f"r{k}"
    nodes += [
        node("GlobalAveragePool", [source], ["p"]),
        node("Flatten", ["p"], ["e"]),
        node("MatMul", ["e", "w"], ["scores"]),
    ]
    return nodes, constants
