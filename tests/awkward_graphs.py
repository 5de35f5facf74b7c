"""Small ONNX graphs that are legal but awkward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from graphs import build, value_info, weights
from onnx import TensorProto, helper, numpy_helper
from onnx.helper import make_node as node


def _half_function() -> onnx.FunctionProto:
    body = [
        node("Constant", [], ["two"], value_float=2.0),
        node("Mul", ["a", "factor"], ["scaled"]),
        node("Div", ["scaled", "two"], ["b"]),
    ]
    imports = [helper.make_opsetid("", 17)]
    return helper.make_function("local", "Half", ["a", "factor"], ["b"], body, imports)


def _nested_function() -> onnx.FunctionProto:
    body = [
        node("Half", ["a", "factor"], ["h"], domain="local"),
        node("Relu", ["h"], ["r"]),
        node("Half", ["r", "factor"], ["b"], domain="local"),
    ]
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    return helper.make_function("local", "Quarter", ["a", "factor"], ["b"], body, imports)


def _branch(name: str, nodes: Sequence[onnx.NodeProto]) -> onnx.GraphProto:
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    return helper.make_graph(list(nodes), name, [], [output])


_W = weights(5, 3, 1, 1)
_SCALE = np.array([0.5, -1.0, 2.0], np.float32).reshape(3, 1, 1)
_SPLIT = node("Split", ["x"], ["a", "b"], axis=3)
_TRUE = np.array(True)


def _with_listed_initializer() -> onnx.ModelProto:
    inputs = [value_info("x", ["N", 3, 4, 6]), value_info("w", [5, 3, 1, 1])]
    return build([node("Conv", ["x", "w"], ["y"])], ["y"], {"w": _W}, inputs=inputs)


AWKWARD: dict[str, onnx.ModelProto] = {
    "unnamed nodes": build(
        [
            node("Relu", ["x"], ["h"]),
            node("Neg", ["h"], ["k"]),
            node("Relu", ["x"], ["m"], name="Relu_0"),
            node("Sub", ["k", "m"], ["y"]),
        ],
        ["y"],
    ),
    "node named like a tensor": build(
        [node("Relu", ["x"], ["h"], name="x"), node("Add", ["h", "x"], ["y"], name="h")], ["y"]
    ),
    "dotted and slashed names": build(
        [
            node("Relu", ["x"], ["/layer.1/h.0"], name="/layer.1/relu"),
            node("Mul", ["/layer.1/h.0", "layer.1.w"], ["y"], name="layer.1.mul"),
        ],
        ["y"],
        {"layer.1.w": _SCALE},
    ),
    "weight through Identity": build(
        [node("Identity", ["w"], ["v"]), node("Conv", ["x", "v"], ["y"])], ["y"], {"w": _W}
    ),
    "one weight for two nodes": build(
        [
            node("Mul", ["x", "w"], ["h"]),
            node("Identity", ["w"], ["v"]),
            node("Relu", ["h"], ["r"]),
            node("Mul", ["r", "v"], ["y"]),
        ],
        ["y"],
        {"w": _SCALE},
    ),
    "weight as a graph input": _with_listed_initializer(),
    "chain of identities": build(
        [
            node("Identity", ["x"], ["i"]),
            node("Identity", ["i"], ["j"]),
            node("Relu", ["j"], ["h"]),
            node("Identity", ["h"], ["k"]),
            node("Dropout", ["k"], ["m"]),
            node("Neg", ["m"], ["y"]),
        ],
        ["y"],
    ),
    "identity in front of the output": build(
        [node("Relu", ["x"], ["h"]), node("Neg", ["h"], ["m"]), node("Identity", ["h"], ["y"])],
        ["y", "m"],
    ),
    "identity between two outputs": build(
        [node("Relu", ["x"], ["y"]), node("Identity", ["y"], ["z"])], ["y", "z"]
    ),
    "one tensor under two output names": build(
        [
            node("Relu", ["x"], ["h"]),
            node("Identity", ["h"], ["y"]),
            node("Identity", ["h"], ["z"]),
            node("Identity", ["z"], ["u"]),
        ],
        ["y", "z", "u"],
    ),
    "output that is the input": build(
        [node("Relu", ["x"], ["y"]), node("Identity", ["x"], ["z"])], ["y", "z"]
    ),
    "output that is a weight": build(
        [node("Mul", ["x", "w"], ["y"]), node("Identity", ["w"], ["z"])], ["y", "z"], {"w": _SCALE}
    ),
    "output that is computed from weights": build(
        [node("Mul", ["x", "w"], ["y"]), node("Neg", ["w"], ["z"])], ["y", "z"], {"w": _SCALE}
    ),
    "Dropout": build([node("Dropout", ["x"], ["d"]), node("Relu", ["d"], ["y"])], ["y"]),
    "Dropout in front of the output": build(
        [node("Relu", ["x"], ["h"]), node("Dropout", ["h"], ["y"])], ["y"]
    ),
    "Dropout with an unused mask": build(
        [node("Dropout", ["x"], ["d", "m"]), node("Relu", ["d"], ["y"])], ["y"], opset=12
    ),
    "Dropout whose mask is read": build(
        [
            node("Dropout", ["x"], ["d", "m"]),
            node("Cast", ["m"], ["f"], to=TensorProto.FLOAT),
            node("Add", ["d", "f"], ["y"]),
        ],
        ["y"],
    ),
    "Dropout whose mask is an output": build(
        [node("Dropout", ["x"], ["y", "m"])], ["y", "m"], opset=13
    ),
    "Dropout that trains": build(
        [node("Dropout", ["x", "ratio", "train"], ["d"]), node("Relu", ["d"], ["y"])],
        ["y"],
        {"ratio": np.float32(0.0), "train": _TRUE},
    ),
    "Dropout that does not train": build(
        [node("Dropout", ["x", "ratio", "train"], ["d"]), node("Relu", ["d"], ["y"])],
        ["y"],
        {"ratio": np.float32(0.5), "train": ~_TRUE},
    ),
    "Constant nodes": build(
        [
            node("Constant", [], ["w"], value=numpy_helper.from_array(_SCALE)),
            node("Constant", [], ["c"], value_float=0.25),
            node("Constant", [], ["shape"], value_ints=[0, 3, 24]),
            node("Mul", ["x", "w"], ["h"]),
            node("Add", ["h", "c"], ["k"]),
            node("Reshape", ["k", "shape"], ["y"]),
        ],
        ["y"],
    ),
    "a function of functions": build(
        [
            node("Quarter", ["x", "w"], ["h"], domain="local", name="one"),
            node("Quarter", ["h", "w"], ["y"], domain="local", name="two"),
        ],
        ["y"],
        {"w": _SCALE},
        functions=[_half_function(), _nested_function()],
    ),
    "swapped outputs": build([_SPLIT], ["b", "a"]),
    "second output only": build([_SPLIT, node("Relu", ["b"], ["y"])], ["y"]),
    "constant with an unnamed output": build(
        [
            node("MaxPool", ["w"], ["p", ""], kernel_shape=[1, 1]),
            node("Conv", ["x", "p"], ["y"]),
        ],
        ["y"],
        {"w": _W},
    ),
    "an absent optional input": build(
        [node("Clip", ["x", "", "m"], ["y"])], ["y"], {"m": np.float32(0.2)}
    ),
    "shape from shapes": build(
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"]),
            node("Unsqueeze", ["n", "zeros"], ["n1"]),
            node("Shape", ["w"], ["t"]),
            node("ReduceProd", ["t"], ["p"], keepdims=1),
            node("Neg", ["one"], ["rest"]),
            node("Concat", ["n1", "p", "rest"], ["shape"], axis=0),
            node("Reshape", ["x", "shape"], ["y"]),
        ],
        ["y"],
        {"zero": np.array(0), "zeros": np.array([0]), "one": np.array([1]), "w": _SCALE},
    ),
    "nodes without use": build(
        [
            node("Neg", ["x"], ["idle"]),
            node("Mul", ["idle", "w"], ["more"]),
            node("Relu", ["x"], ["y"]),
        ],
        ["y"],
        {"w": _SCALE},
    ),
    "outer tensors in a branch": build(
        [
            node("Identity", ["x"], ["i"]),
            node("Relu", ["i"], ["h"]),
            node("Identity", ["h"], ["k"]),
            node(
                "If",
                ["yes"],
                ["z"],
                then_branch=_branch("t", [node("Add", ["k", "i"], ["t"])]),
                else_branch=_branch("e", [node("Sub", ["k", "i"], ["e"])]),
            ),
            node("Neg", ["z"], ["y"]),
        ],
        ["y"],
        {"yes": _TRUE},
    ),
    "a branch that the input decides": build(
        [
            node("Identity", ["x"], ["i"]),
            node("Relu", ["i"], ["h"]),
            node("Identity", ["h"], ["k"]),
            node("ReduceMax", ["x"], ["m"], keepdims=0),
            node("Greater", ["m", "zero"], ["c"]),
            node(
                "If",
                ["c"],
                ["z"],
                then_branch=_branch("t", [node("Add", ["k", "i"], ["t"])]),
                else_branch=_branch("e", [node("Sub", ["k", "i"], ["e"])]),
            ),
            node("Neg", ["z"], ["y"]),
        ],
        ["y"],
        {"zero": np.float32(0)},
    ),
}
