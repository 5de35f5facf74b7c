"""Small models of many kinds, from which hostile ones are made."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.helper import make_function, make_graph, make_node, make_opsetid

from tests.hostile.model_parts import (
    FLOAT,
    HEAD,
    INT,
    RELU,
    SIDE,
    STEM,
    WEIGHTS,
    info,
    model_of,
    values,
)

SHIPPED = ("digits-gap", "digits-keras", "digits-softmax", "fashion-cnn", "digits-vit")
_ROOT = Path(__file__).parents[2]


def _classifier() -> onnx.ModelProto:
    return model_of([STEM, RELU, *HEAD], WEIGHTS)


def _softmax() -> onnx.ModelProto:
    head = [*HEAD[:2], make_node("Gemm", ["f", "v", "d"], ["z"], transB=1)]
    pool = make_node("MaxPool", ["r0"], ["r"], kernel_shape=[2, 2], strides=[2, 2])
    nodes = [
        STEM, make_node("BatchNormalization", ["c", "b1", "b1", "b1", "b2"], ["n"]),
        make_node("LeakyRelu", ["n"], ["r0"], alpha=0.1), pool, *head,
        make_node("Softmax", ["z"], ["y"], axis=1),
    ]  # fmt: skip
    made = model_of(nodes, {**WEIGHTS, "b1": values(6, seed=5), "b2": np.ones(6, np.float32)})
    for key, value in (
        ("names", "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"),
        ("onnxplain.preprocess", json.dumps({"name": "p", "layout": "NCHW", "size": [12, 12]})),
        ("imgsz", "[12, 12]"),
    ):
        made.metadata_props.add(key=key, value=value)
    return made


def _pixels() -> onnx.ModelProto:
    """Bytes in rows, columns and channels: cast, resized, scaled and turned in the graph."""
    nodes = [
        make_node("Cast", ["p"], ["p1"], to=FLOAT),
        make_node("Transpose", ["p1"], ["p2"], perm=[0, 3, 1, 2]),
        make_node("Resize", ["p2", "", "", "sizes"], ["p3"], mode="linear"),
        make_node("Sub", ["p3", "mean"], ["p4"]),
        make_node("Div", ["p4", "std"], ["x"]),
        STEM, RELU, *HEAD,
    ]  # fmt: skip
    constants = {
        "sizes": np.array([1, 3, SIDE, SIDE]),
        "mean": np.full((1, 3, 1, 1), 127.5, np.float32),
        "std": np.full((1, 3, 1, 1), 64, np.float32),
    }
    given = [info("p", [1, 16, 16, 3], TensorProto.UINT8)]
    return model_of(nodes, {**WEIGHTS, **constants}, inputs=given, outputs=[info("y", [1, 4])])


def _mixer() -> onnx.ModelProto:
    """Tokens, attention, layer normalisation; shapes are computed in the graph."""
    nodes = [
        make_node("Conv", ["x", "patch"], ["c"], strides=[4, 4]),
        make_node("Shape", ["c"], ["s"]),
        make_node("Gather", ["s", "zero"], ["n"]),
        make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        make_node("Concat", ["n1", "rest"], ["to"], axis=0),
        make_node("Reshape", ["c", "to"], ["flat"]),
        make_node("Transpose", ["flat"], ["t"], perm=[0, 2, 1]),
        make_node("LayerNormalization", ["t", "one", "b"], ["ln"], axis=-1),
        make_node("MatMul", ["ln", "q"], ["tq"]),
        make_node("Transpose", ["tq"], ["tk"], perm=[0, 2, 1]),
        make_node("MatMul", ["tq", "tk"], ["a"]),
        make_node("Softmax", ["a"], ["p"], axis=-1),
        make_node("MatMul", ["p", "ln"], ["o"]),
        make_node("Add", ["o", "t"], ["u"]),
        make_node("Erf", ["u"], ["e"]),
        make_node("Mul", ["u", "e"], ["m"]),
        make_node("ReduceMean", ["m"], ["f"], axes=[1], keepdims=0),
        make_node("Gemm", ["f", "v", "d"], ["y"], transB=1),
    ]
    constants = {
        "patch": values(6, 3, 4, 4), "zero": np.array(0), "axes": np.array([0]),
        "rest": np.array([6, 9]), "one": np.ones(6, np.float32), "q": values(6, 6, seed=7),
    }  # fmt: skip
    return model_of(nodes, {**WEIGHTS, **constants})


def _quantised() -> onnx.ModelProto:
    nodes = [
        make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        make_node("DequantizeLinear", ["wq", "ws", "wz"], ["wd"], axis=0),
        make_node("Conv", ["xd", "wd", "b"], ["c"], pads=[1, 1, 1, 1]),
        RELU,
        make_node("QuantizeLinear", ["r", "s", "z"], ["rq"]),
        make_node("DequantizeLinear", ["rq", "s", "z"], ["rd"]),
        make_node("GlobalAveragePool", ["rd"], ["g"]),
        *HEAD[1:],
    ]
    constants = {
        "s": np.array(0.05, np.float32), "z": np.array(20, np.uint8),
        "wq": (values(6, 3, 3, 3) * 40).astype(np.int8), "ws": np.full(6, 0.02, np.float32),
        "wz": np.zeros(6, np.int8),
    }  # fmt: skip
    return model_of(nodes, {**WEIGHTS, **constants})


def _whole_numbers() -> onnx.ModelProto:
    nodes = [
        make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        make_node(
            "QLinearConv", ["xq", "s", "z", "wq", "ws", "wz", "s", "z"], ["cq"], pads=[1, 1, 1, 1]
        ),
        make_node("DequantizeLinear", ["cq", "s", "z"], ["c"]),
        RELU, *HEAD,
    ]  # fmt: skip
    constants = {
        "s": np.array(0.05, np.float32), "z": np.array(20, np.uint8),
        "wq": (values(6, 3, 3, 3) * 40).astype(np.int8), "ws": np.array(0.02, np.float32),
        "wz": np.array(0, np.int8),
    }  # fmt: skip
    return model_of(nodes, {**WEIGHTS, **constants})


def _detector() -> onnx.ModelProto:
    """Boxes and scores of a grid, thinned out in the graph."""
    nodes = [
        make_node("Conv", ["x", "w", "b"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        make_node("Relu", ["c"], ["r"]),
        make_node("Conv", ["r", "wb"], ["h"]),
        make_node("Reshape", ["h", "to"], ["flat"]),
        make_node("Transpose", ["flat"], ["t"], perm=[0, 2, 1]),
        make_node("Split", ["t", "parts"], ["raw", "cls"], axis=2),
        make_node("Sigmoid", ["raw"], ["unit"]),
        make_node("Mul", ["unit", "twelve"], ["boxes"]),
        make_node("Sigmoid", ["cls"], ["sc"]),
        make_node("Transpose", ["sc"], ["scores"], perm=[0, 2, 1]),
        make_node("NonMaxSuppression", ["boxes", "scores", "most", "iou", "least"], ["kept"]),
    ]
    constants = {
        "wb": values(7, 6, 1, 1), "to": np.array([0, 7, -1]), "parts": np.array([4, 3]),
        "twelve": np.array(12, np.float32), "most": np.array([5]),
        "iou": np.array([0.5], np.float32), "least": np.array([0.1], np.float32),
    }  # fmt: skip
    outputs = [
        info("boxes", [1, 36, 4]), info("scores", [1, 3, 36]), info("kept", ["K", 3], INT)
    ]  # fmt: skip
    return model_of(
        nodes,
        {**{k: WEIGHTS[k] for k in "wb"}, **constants},
        inputs=[info("x", [1, 3, SIDE, SIDE])],
        outputs=outputs,
    )


def _functions() -> onnx.ModelProto:
    opsets = [make_opsetid("", 17), make_opsetid("local", 1)]
    inner = make_function(
        "local", "Half", ["a"], ["b"],
        [make_node("Constant", [], ["h"], value_float=0.5), make_node("Mul", ["a", "h"], ["b"])],
        opsets,
    )  # fmt: skip
    outer = make_function(
        "local", "Act", ["a"], ["b"],
        [make_node("Half", ["a"], ["t"], domain="local"), make_node("Relu", ["t"], ["b"])],
        opsets,
    )  # fmt: skip
    nodes = [STEM, make_node("Act", ["c"], ["r"], domain="local"), *HEAD]
    return model_of(nodes, WEIGHTS, functions=[inner, outer], domains=["local"])


def _bodies() -> onnx.ModelProto:
    """A loop of constant length, a branch on a constant and one on the picture."""
    true = TensorProto.BOOL
    body = make_graph(
        [make_node("Identity", ["go"], ["on"]), make_node("Mul", ["v_in", "half"], ["v_out"])],
        "body",
        [info("i", [], INT), info("go", [], true), info("v_in", None)],
        [info("on", [], true), info("v_out", None)],
    )
    there = make_graph([make_node("Relu", ["l"], ["r1"])], "there", [], [info("r1", None)])
    other = make_graph([make_node("Neg", ["l"], ["r2"])], "other", [], [info("r2", None)])
    nodes = [
        STEM,
        make_node("Loop", ["rounds", "yes", "c"], ["l"], body=body),
        make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        make_node("Cast", ["sum"], ["cond"], to=true),
        make_node("If", ["cond"], ["r"], then_branch=there, else_branch=other),
        *HEAD,
    ]
    constants = {
        "rounds": np.array(3), "yes": np.array(True), "half": np.array(0.5, np.float32)
    }  # fmt: skip
    return model_of(nodes, {**WEIGHTS, **constants})


def _scan() -> onnx.ModelProto:
    body = make_graph(
        [make_node("Add", ["s", "e"], ["s1"]), make_node("Tanh", ["s1"], ["o"])],
        "body",
        [info("s", None), info("e", None)],
        [info("s1", None), info("o", None)],
    )
    nodes = [
        STEM, RELU, *HEAD[:2],
        make_node("Gemm", ["f", "v", "d"], ["z"], transB=1),
        make_node("Scan", ["start", "z"], ["end", "y"], body=body, num_scan_inputs=1),
    ]  # fmt: skip
    return model_of(
        nodes,
        {**WEIGHTS, "start": np.zeros(4, np.float32)},
        inputs=[info("x", [1, 3, SIDE, SIDE])],
        outputs=[info("y", [1, 4])],
    )


def _recurrent() -> onnx.ModelProto:
    nodes = [
        STEM, RELU,
        make_node("ReduceMean", ["r"], ["m"], axes=[3], keepdims=0),
        make_node("Transpose", ["m"], ["t"], perm=[2, 0, 1]),
        make_node("LSTM", ["t", "lw", "lr"], ["", "h"], hidden_size=5),
        make_node("Squeeze", ["h", "axes"], ["f"]),
        make_node("Gemm", ["f", "v5", "d"], ["y"], transB=1),
    ]  # fmt: skip
    constants = {
        "lw": values(1, 20, 6), "lr": values(1, 20, 5), "axes": np.array([0]),
        "v5": values(4, 5, seed=3),
    }  # fmt: skip
    return model_of(nodes, {**WEIGHTS, **constants})


def _named_classes() -> onnx.ModelProto:
    """A label and a map of probabilities, as converters of classical models write them."""
    nodes = [
        STEM, RELU, *HEAD[:2],
        make_node("Gemm", ["f", "v", "d"], ["z"], transB=1),
        make_node("Softmax", ["z"], ["p"]),
        make_node("ArgMax", ["p"], ["k"], axis=1, keepdims=0),
        make_node(
            "LabelEncoder", ["k"], ["label"], domain="ai.onnx.ml",
            keys_int64s=[0, 1, 2, 3], values_strings=["a", "b", "c", "d"],
        ),
        make_node(
            "ZipMap", ["p"], ["map"], domain="ai.onnx.ml", classlabels_strings=["a", "b", "c", "d"]
        ),
    ]  # fmt: skip
    kind = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(FLOAT, None))
    )
    outputs = [
        info("label", ["N"], TensorProto.STRING), helper.make_value_info("map", kind)
    ]  # fmt: skip
    made = model_of(nodes, WEIGHTS, outputs=outputs)
    made.opset_import.append(make_opsetid("ai.onnx.ml", 2))
    return made


def _dense() -> onnx.ModelProto:
    """Classes at every place, an embedding beside them, random numbers and a sparse weight."""
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.array([1, 2], np.float32), "sp"),
        numpy_helper.from_array(np.array([0, 3], np.int64), "spi"),
        [6],
    )
    nodes = [
        STEM, RELU,
        make_node("RandomNormalLike", ["r"], ["noise"], scale=0.01, seed=1.0),
        make_node("Add", ["r", "noise"], ["rn"]),
        make_node("ConvTranspose", ["rn", "up"], ["u"], strides=[2, 2], group=2),
        make_node("Resize", ["u", "", "scales"], ["y"], mode="nearest"),
        make_node("GlobalMaxPool", ["r"], ["g"]),
        make_node("Flatten", ["g"], ["f"]),
        make_node("Mul", ["f", "sp"], ["fs"]),
        make_node("LpNormalization", ["fs"], ["embedding"], axis=1, p=2),
    ]  # fmt: skip
    constants = {
        **{k: WEIGHTS[k] for k in "wb"}, "up": values(6, 2, 2, 2),
        "scales": np.array([1, 1, 0.5, 0.5], np.float32),
    }  # fmt: skip
    made = model_of(
        nodes, constants,
        outputs=[info("y", ["N", 4, SIDE, SIDE]), info("embedding", ["N", 6])],
    )  # fmt: skip
    made.graph.sparse_initializer.append(sparse)
    return made


def _constants() -> onnx.ModelProto:
    """Much that is computed from constants before anything else is."""
    nodes = [
        make_node("ConstantOfShape", ["shape"], ["k"], value=helper.make_tensor("", 1, [1], [2.0])),
        make_node("Range", ["zero", "six", "one"], ["i"]),
        make_node("Cast", ["i"], ["fi"], to=FLOAT),
        make_node("Expand", ["fi", "wide"], ["wider"]),
        make_node("Tile", ["wider", "times"], ["tiled"]),
        make_node("Slice", ["tiled", "start", "end"], ["cut"]),
        make_node("Pad", ["cut", "pads"], ["padded"]),
        make_node("ReduceSum", ["padded"], ["sum"], keepdims=0),
        make_node("Einsum", ["k", "k"], ["outer"], equation="i,j->ij"),
        make_node("CumSum", ["outer", "zero"], ["summed"]),
        make_node("ReduceMax", ["summed"], ["max"], keepdims=0),
        make_node("Add", ["sum", "max"], ["bias"]),
        STEM, RELU, *HEAD[:2],
        make_node("Gemm", ["f", "v", "d"], ["z"], transB=1),
        make_node("Add", ["z", "bias"], ["y"]),
    ]  # fmt: skip
    ints = {
        "shape": [3], "zero": 0, "six": 6, "one": 1, "wide": [2, 6], "times": [1, 2],
        "start": [0, 0], "end": [2, 5], "pads": [0, 1, 0, 1],
    }  # fmt: skip
    return model_of(nodes, {**WEIGHTS, **{k: np.array(v) for k, v in ints.items()}})


def _microsoft() -> onnx.ModelProto:
    nodes = [
        STEM, RELU, *HEAD[:2],
        make_node("FusedGemm", ["f", "v", "d"], ["z"], domain="com.microsoft", transB=1,
                  activation="Relu"),
        make_node("Gelu", ["z"], ["y"], domain="com.microsoft"),
    ]  # fmt: skip
    return model_of(nodes, WEIGHTS, domains=["com.microsoft"])


def _external() -> onnx.ModelProto:
    """Its first weight lies in ``w.bin`` beside it."""
    made = _classifier()
    weight = made.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", "648")):
        weight.external_data.add(key=key, value=value)
    return made


EXTERNAL_WEIGHT = WEIGHTS["w"].tobytes()
BUILT: dict[str, Callable[[], onnx.ModelProto]] = {
    "classifier": _classifier, "softmax": _softmax, "pixels": _pixels, "mixer": _mixer,
    "quantised": _quantised, "whole-numbers": _whole_numbers, "detector": _detector,
    "functions": _functions, "bodies": _bodies, "scan": _scan, "recurrent": _recurrent,
    "named-classes": _named_classes, "dense": _dense, "constants": _constants,
    "microsoft": _microsoft, "external": _external,
}  # fmt: skip


@functools.cache
def base_bytes(name: str) -> bytes:
    """The file of a model that is sound."""
    if name in BUILT:
        return BUILT[name]().SerializeToString()
    return (_ROOT / "models" / f"{name}.onnx").read_bytes()


def side_files(name: str) -> dict[str, bytes]:
    """The files beside a shipped model, after its stem."""
    endings = (".labels.json", ".preprocess.json", ".onnxplain.json")
    places = {e: _ROOT / "models" / f"{name}{e}" for e in endings}
    return {e: p.read_bytes() for e, p in places.items() if p.exists()}
