"""Operators of ONNX Runtime's own domain, against ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from onnx.helper import make_node as node

from onnxplain.convert import missing_operators, to_torch
from onnxplain.convert.operators import MICROSOFT
from onnxplain.errors import ConversionError
from onnxplain.graph.view import Graph
from tests.convert.forms import IMAGE, X, f, integer, noise, positive, scalar
from tests.convert.oracle import converted, expected, make_model

_W = noise(4, 3, 3, 3, seed=3)


def zero(value, dtype=np.uint8):
    return np.array(value, dtype)


def quantised(*shape, seed=0, dtype=np.uint8):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(low, high + 1, shape).astype(dtype)


_A = (quantised(2, 3, 4, 4), scalar(0.02), zero(120))
_B = (quantised(2, 3, 4, 4, seed=1), scalar(0.03), zero(90))
_Y = (scalar(0.05), zero(128))

FLOATING = [
    f("FusedConv", IMAGE, _W, noise(4), pads=[1, 1, 1, 1], activation="Relu"),
    f("FusedConv", IMAGE, _W, noise(4), activation="LeakyRelu", activation_params=[0.2]),
    f("FusedConv", IMAGE, _W, activation="Clip", activation_params=[-0.5, 0.6]),
    f("FusedConv", IMAGE, _W, activation="HardSigmoid", activation_params=[0.3, 0.4]),
    f("FusedConv", IMAGE, _W, noise(4), noise(2, 4, 5, 4, seed=5), activation="Relu"),
    f("FusedGemm", noise(2, 3), noise(4, 3), noise(4), transB=1, activation="Sigmoid"),
    f("FusedGemm", noise(2, 3), noise(3, 4), noise(4), activation="LeakyRelu",
      activation_alpha=0.3),
    f("FusedMatMul", noise(2, 4, 3), noise(2, 5, 4), transA=1, transB=1, alpha=0.3),
    f("TransposeMatMul", noise(2, 3, 4), noise(2, 5, 4), transB=1),
    f("Gelu", X),
    f("BiasGelu", X, noise(5)),
    f("FastGelu", X),
    f("FastGelu", X, noise(5)),
    f("QuickGelu", X, alpha=1.5),
    f("SkipLayerNormalization", noise(2, 3, 8), noise(2, 3, 8, seed=1), positive(8), noise(8)),
    f("SkipLayerNormalization", noise(2, 3, 8), noise(2, 3, 8, seed=1), positive(8), noise(8),
      noise(8, seed=2), epsilon=1e-3),
    f("MultiHeadAttention", noise(2, 3, 8), noise(2, 5, 8, seed=1), noise(2, 5, 8, seed=2),
      num_heads=2),
    f("MultiHeadAttention", noise(2, 3, 8), noise(2, 5, 8, seed=1), noise(2, 5, 8, seed=2),
      noise(24), num_heads=2, scale=0.4),
    f("Attention", noise(2, 3, 8), noise(8, 24), noise(24), num_heads=2),
    f("MatMulIntegerToFloat", quantised(2, 3), quantised(3, 4, seed=1), scalar(0.02),
      scalar(0.03), zero(120), zero(90)),
    f("MatMulIntegerToFloat", quantised(2, 3), quantised(3, 4, seed=1), scalar(0.02),
      positive(4), zero(120), None, noise(4)),
    f("DynamicQuantizeMatMul", noise(2, 3), quantised(3, 4, seed=1), scalar(0.03), zero(90),
      noise(4)),
    f("DequantizeLinear", quantised(2, 3), scalar(0.1), zero(9)),
]  # fmt: skip

INTEGER = [
    f("QuantizeLinear", X * 50, scalar(0.7), zero(3)),
    f("QLinearAdd", *_A, *_B, *_Y),
    f("QLinearMul", *_A, *_B, *_Y),
    f("QLinearAveragePool", *_A, *_Y, kernel_shape=[3, 3], pads=[0, 0, 1, 1]),
    f("QLinearGlobalAveragePool", *_A, *_Y, channels_last=0),
    f("QLinearGlobalAveragePool", *_A, *_Y, channels_last=1),
    f("QLinearAveragePool", *_A, *_Y, kernel_shape=[2, 2], channels_last=1),
    f("QLinearConv", quantised(1, 5, 6, 3), scalar(0.02), zero(120),
      quantised(4, 3, 2, 2, dtype=np.int8), positive(4) / 100, np.zeros(4, np.int8), *_Y,
      integer(3, -4, 5, 60, dtype=np.int32), channels_last=1, strides=[2, 1]),
    f("QLinearConv", quantised(1, 3, 5, 6), scalar(0.02), zero(120),
      quantised(4, 3, 2, 2, dtype=np.int8), positive(4) / 100, np.zeros(4, np.int8), *_Y),
    f("QLinearLeakyRelu", *_A, *_Y, alpha=0.2),
    f("QLinearSigmoid", *_A, scalar(0.004), zero(0)),
    f("QLinearSoftmax", quantised(2, 6), scalar(0.02), zero(120), scalar(1 / 256), zero(0),
      axis=-1, opset=13),
    f("QLinearConcat", *_Y, *_A, *_B, axis=1),
    f("QGemm", quantised(2, 3), scalar(0.02), zero(120), quantised(4, 3, dtype=np.int8),
      positive(4), np.zeros(4, np.int8), integer(3, -4, 5, 60, dtype=np.int32), *_Y, transB=1),
]  # fmt: skip


def build(form):
    names = ["" if a is None else f"in{i}" for i, a in enumerate(form.inputs)]
    feeds = {n: a for n, a in zip(names, form.inputs, strict=True) if n}
    # ONNX Runtime wants the scales and zero points of quantised operators to be constants.
    constants = {n: feeds.pop(n) for n in names[1:] if n} if form in INTEGER else {}
    made = node(form.op_type, names, ["y"], domain="com.microsoft", **form.attributes)
    return make_model([made], feeds, ["y"], constants, 17, ["com.microsoft"]), feeds


def cases(forms):
    return [pytest.param(form, id=f"{form.op_type}-{i}") for i, form in enumerate(forms)]


@pytest.mark.parametrize("form", cases(FLOATING))
def test_a_fused_operator_agrees_with_onnx_runtime(form):
    model, feeds = build(form)
    wanted, got = expected(model, feeds)["y"], converted(model, feeds)["y"]
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", cases(INTEGER))
def test_a_quantised_operator_is_within_one_step_of_onnx_runtime(form):
    model, feeds = build(form)
    wanted = expected(model, feeds)["y"].astype(np.float64)
    got = converted(model, feeds)["y"].astype(np.float64)
    assert got.shape == wanted.shape
    assert np.ptp(wanted) > 20
    assert np.abs(got - wanted).max() <= 1
    assert (got == wanted).mean() > 0.95


def test_every_operator_of_the_table_has_a_form():
    covered = {op for ops in MICROSOFT.values() for op in ops}
    assert covered == {form.op_type for form in FLOATING + INTEGER}


def test_the_sum_of_a_skip_connection_is_an_output():
    inputs = [noise(2, 3, 8), noise(2, 3, 8, seed=1), positive(8), noise(8)]
    feeds = {f"in{i}": a for i, a in enumerate(inputs)}
    skip = node("SkipLayerNormalization", list(feeds), ["y", "", "", "total"],
                domain="com.microsoft")  # fmt: skip
    model = make_model([skip], feeds, ["y", "total"], domains=["com.microsoft"])
    wanted, got = expected(model, feeds), converted(model, feeds)
    for name in ("y", "total"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("op_type", "inputs", "attributes", "reason"),
    [
        ("Attention", 4, {"num_heads": 2}, "mask, cache or causal order"),
        ("MultiHeadAttention", 5, {"num_heads": 2}, "mask, cache or packed operands"),
        ("QLinearSoftmax", 5, {"opset": 11}, "opset before 13"),
        ("FusedConv", 2, {"activation": "Unheard"}, "activation 'Unheard'"),
    ],
)
def test_a_form_that_is_not_covered_is_refused_by_name(op_type, inputs, attributes, reason):
    made = node(op_type, ["x"] * inputs, ["y"], domain="com.microsoft", **attributes)
    model = make_model([made], {"x": X}, ["y"], domains=["com.microsoft"])
    with pytest.raises(ConversionError, match=f"{op_type} .*{reason}"):
        to_torch(Graph(model))


def optimised(model, path, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return onnx.load(path)


def test_a_file_that_onnx_runtime_optimised_agrees(tmp_path):
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        node("LeakyRelu", ["c"], ["r"], alpha=0.2),
        node("GlobalAveragePool", ["r"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "v", "d"], ["l"]),
        node("Relu", ["l"], ["y"]),
    ]
    constants = {"w": _W, "b": noise(4), "v": noise(4, 6), "d": noise(6)}
    model = make_model(nodes, {"x": IMAGE}, ["y"], constants)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [2, 6]))
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    fused = optimised(model, tmp_path / "optimised.onnx", level)
    assert {"FusedConv", "FusedGemm"} <= {n.op_type for n in fused.graph.node}
    assert missing_operators(Graph(fused)) == []
    wanted, got = expected(model, {"x": IMAGE})["y"], converted(fused, {"x": IMAGE})["y"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
