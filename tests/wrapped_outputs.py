"""Classifiers whose outputs are maps, sequences and optional values."""

import numpy as np
import onnx
from graphs import value_info, weights
from onnx import TensorProto, helper
from onnx.helper import make_node as node

NAMES = ["cat", "dog", "newt"]
FLOATS = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
IMAGE = "image"


def sequence(inner=FLOATS):
    return helper.make_sequence_type_proto(inner)


def optional(inner=FLOATS):
    return helper.make_optional_type_proto(inner)


def maps(key=TensorProto.STRING):
    number = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    return sequence(helper.make_map_type_proto(key, number))


def zip_map(source, result, names=tuple(NAMES)):
    kind = "classlabels_strings" if isinstance(names[0], str) else "classlabels_int64s"
    return node("ZipMap", [source], [result], domain="ai.onnx.ml", **{kind: list(names)})


def label_of(scores, result="label"):
    """Name of the class with the highest score, as converters of classical models write it."""
    return [
        node("ArgMax", [scores], ["index"], axis=1, keepdims=0),
        node("ArrayFeatureExtractor", ["names", "index"], [result], domain="ai.onnx.ml"),
    ]


def wrapped_classifier(tail, outputs, *, opset=17, ml=3, inputs=()):
    """Convolution, mean and linear layer to the logits ``z``, ``s`` by Softmax, then `tail`.

    `outputs` are names with a type that is not a tensor, or ready declarations.
    """
    nodes = [
        node("Conv", [IMAGE, "w1"], ["c"], pads=[1] * 4),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("MatMul", ["f", "w2"], ["z"]),
        node("Softmax", ["z"], ["s"], axis=1),
        *tail,
    ]
    declared = [helper.make_value_info(*o) if isinstance(o, tuple) else o for o in outputs]
    constants = {
        "w1": weights(6, 3, 3, 3, seed=1),
        "w2": 4 * weights(6, 3, seed=2),
        "names": np.array(NAMES, object),
    }
    graph = helper.make_graph(
        nodes,
        "wrapped",
        [value_info(IMAGE, ["N", 3, 8, 8]), *inputs],
        declared,
        [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    domains = {"": opset, "ai.onnx.ml": ml, "acme": 1}
    opsets = [helper.make_opsetid(*d) for d in domains.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    return model


def tensor(name, columns=3, dtype=np.float32):
    return value_info(name, ["N", columns], dtype)


def label():
    return helper.make_tensor_value_info("label", TensorProto.STRING, ["N", "M"])
