"""Small ONNX graphs built by hand, and one classifier in many forms."""

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
