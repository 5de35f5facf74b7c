"""Model files of a few nodes, written as text."""

import numpy as np
import onnx

LINEAR = "f = Flatten(x) y = MatMul(f, w)"
NAN = "a = Abs(x) b = Neg(a) c = Log(b) f = Flatten(c) y = MatMul(f, w)"
UNCONVERTIBLE = (
    "s = SequenceConstruct(x) i = Constant<value_int: int = 0>() z = SequenceAt(s, i) "
    "f = Flatten(z) y = MatMul(f, w)"
)
# 16 values never fit into rows of 5.
NEVER_RUNS = (
    "s = Constant<value_ints: ints = [-1, 5]>() r = Reshape(x, s) t = Flatten(x) "
    "m = ReduceMax<keepdims: int = 0>(r) g = MatMul(t, w) y = Add(g, m)"
)
WITHOUT_RULE = "z = Sin(x) f = Flatten(z) y = MatMul(f, w)"


def model_of(body, image="float[N,1,4,4] x", outputs="float[N,3] y"):
    """Model with 16 x 3 weights ``w``; the body is in ONNX's own textual syntax."""
    weights = np.random.default_rng(0).normal(size=48).round(3)
    numbers = ", ".join(map(str, weights))
    return onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : 17]> g ({image}) => ({outputs}) '
        f"<float[16,3] w = {{{numbers}}}> {{ {body} }}"
    )


def write_model(path, body=LINEAR, **changes):
    """Write such a model and return its path."""
    path.write_bytes(model_of(body, **changes).SerializeToString())
    return path
