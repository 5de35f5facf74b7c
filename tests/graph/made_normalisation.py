"""Classifiers that normalise their input themselves."""

from __future__ import annotations

import graphs
import numpy as np
from onnx.helper import make_node as node

from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare

MEAN = np.array([0.5, 0.4, 0.3], np.float32)
STD = np.array([0.25, 0.2, 0.5], np.float32)
GREY = np.full(1, 127.5, np.float32)


def channels(values, layout="NCHW"):
    return values.reshape(-1, 1, 1) if layout == "NCHW" else values


def normalising(steps, layout="NCHW", **options):
    """Classifier whose first nodes are `steps`: (operator, constant) pairs."""
    nodes, constants, tensor = [], {}, "image"
    for k, (operator, value) in enumerate(steps):
        output = "ready" if k == len(steps) - 1 else f"n{k}"
        constants[f"k{k}"] = value
        nodes.append(node(operator, [tensor, f"k{k}"], [output], name=f"step{k}"))
        tensor = output
    graph = prepare(graphs.classifier(layout=layout, before=nodes, constants=constants, **options))
    return graph, find_image_input(graph)
