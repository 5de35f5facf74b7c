"""Small ONNX graphs built by hand: legal but awkward ones, and one classifier in many forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.helper import make_node as node

SIDE = 12
CLASSES = 4
_WIDTH = 6


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    """Random weights of the size that keeps the variance of a ReLU network."""
    fan_in = int(np.prod(shape[1:])) or 1
    values = np.random.default_rng(seed).standard_normal(shape) * np.sqrt(2 / fan_in)
    return values.astype(np.float32)


def value_info(name: str, shape: Sequence[int | str | None], dtype: type | str = np.float32):
    """Declare an input or output."""
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
    )


def build(
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[str | onnx.ValueInfoProto],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    inputs: Sequence[onnx.ValueInfoProto] | None = None,
    opset: int = 17,
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    """Make a checked model; the input is ``x`` of shape [N, 3, 4, 6] if none is given."""
    declared = [value_info("x", ["N", 3, 4, 6])] if inputs is None else inputs
    graph = helper.make_graph(
        list(nodes),
        "test",
        list(declared),
        [helper.make_empty_tensor_value_info(o) if isinstance(o, str) else o for o in outputs],
        [numpy_helper.from_array(a, n) for n, a in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(d, 1) for d in dict.fromkeys(f.domain for f in functions)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=list(functions))
    inferred = onnx.shape_inference.infer_shapes(model)
    for output, known in zip(model.graph.output, inferred.graph.output, strict=True):
        output.CopyFrom(known)  # the checker wants the element types
    onnx.checker.check_model(model)
    return model


def classifier(
    *,
    layout: str = "NCHW",
    batch: int | str = "N",
    final: str | None = None,
    extra: bool = False,
    classes: int = CLASSES,
    channels: int = 3,
    dtype: type = np.float32,
    before: Sequence[onnx.NodeProto] = (),
    constants: Mapping[str, np.ndarray] | None = None,
) -> onnx.ModelProto:
    """Two convolutions, global average pooling, one linear layer; always the same weights.

    Parameters
    ----------
    layout : {"NCHW", "NHWC"}
        Of the input ``image``; a Transpose follows for NHWC.
    batch : int or str
        Fixed or free.
    final : str, optional
        Operator that turns ``logits`` into ``scores``; without it, ``scores`` are logits.
    extra : bool
        Further outputs, in front of the scores: an embedding, a map and a label.
    dtype : type
        Element type of the input; a Cast follows unless it is float32.
    before : sequence of NodeProto
        Nodes that make ``ready`` out of ``floating``, with their `constants`.
    """
    shape = [batch, channels, SIDE, SIDE] if layout == "NCHW" else [batch, SIDE, SIDE, channels]
    stem = "image"
    nodes = []
    if dtype is not np.float32:
        nodes.append(node("Cast", [stem], ["floating"], to=TensorProto.FLOAT))
        stem = "floating"
    if before:
        nodes += [*before]
        stem = "ready"
    if layout == "NHWC":
        nodes.append(node("Transpose", [stem], ["first"], perm=[0, 3, 1, 2]))
        stem = "first"
    logits = "logits" if final else "scores"
    nodes += [
        node("Conv", [stem, "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2", "b2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", ["c2"], ["maps"]),
        node("GlobalAveragePool", ["maps"], ["pooled"]),
        node("Flatten", ["pooled"], ["embedding"]),
        node("Gemm", ["embedding", "w3", "b3"], [logits], transB=1),
    ]
    if final:
        nodes.append(node(final, ["logits"], ["scores"]))
    outputs = [value_info("scores", [batch, classes])]
    if extra:
        nodes.append(node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0))
        outputs = [
            value_info("label", [batch], np.int64),
            value_info("embedding", [batch, 2 * _WIDTH]),
            value_info("maps", [batch, 2 * _WIDTH, SIDE // 2, SIDE // 2]),
            *outputs,
        ]
    own = {
        "w1": weights(_WIDTH, channels, 3, 3, seed=1),
        "b1": 0.1 * weights(_WIDTH, seed=2),
        "w2": weights(2 * _WIDTH, _WIDTH, 3, 3, seed=3),
        "b2": 0.1 * weights(2 * _WIDTH, seed=4),
        "w3": 3 * weights(classes, 2 * _WIDTH, seed=5),
        "b3": 0.1 * weights(classes, seed=6),
    }
    return build(
        nodes, outputs, {**own, **(constants or {})}, inputs=[value_info("image", shape, dtype)]
    )


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
