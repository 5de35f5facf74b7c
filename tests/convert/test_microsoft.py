"""Operators of ONNX Runtime's own domain, against ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from integer_sums import skip_if_sums_overflow
from onnx import helper
from onnx.helper import make_node as node

from onnxplain.convert import missing_operators, to_torch
from onnxplain.convert.operators import MICROSOFT
from onnxplain.errors import ConversionError
from onnxplain.graph.view import Graph
from tests.convert.forms import IMAGE, X, noise, positive
from tests.convert.forms_microsoft import FLOATING, INTEGER, W
from tests.convert.oracle import converted, expected, make_model


def build(form):
    names = ["" if a is None else f"in{i}" for i, a in enumerate(form.inputs)]
    feeds = {n: a for n, a in zip(names, form.inputs, strict=True) if n}
    # ONNX Runtime wants the scales and zero points of quantised operators to be constants.
    fixed = range(1, len(names)) if form in INTEGER else form.constants
    constants = {names[i]: feeds.pop(names[i]) for i in fixed if names[i]}
    outputs = ["y", *(f"y{i}" for i in range(1, form.outputs))]
    made = node(form.op_type, names, outputs, domain="com.microsoft", **form.attributes)
    return make_model([made], feeds, outputs, constants, 17, ["com.microsoft"]), feeds


def cases(forms):
    return [pytest.param(form, id=f"{form.op_type}-{i}") for i, form in enumerate(forms)]


@pytest.mark.parametrize("form", cases(FLOATING))
def test_a_fused_operator_agrees_with_onnx_runtime(form):
    model, feeds = build(form)
    skip_if_sums_overflow(model, feeds)
    wanted, got = expected(model, feeds), converted(model, feeds)
    for name, array in wanted.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_allclose(got[name], array, rtol=1e-4, atol=form.atol, err_msg=name)


@pytest.mark.parametrize("form", cases(INTEGER))
def test_a_quantised_operator_is_within_one_step_of_onnx_runtime(form):
    model, feeds = build(form)
    skip_if_sums_overflow(model, feeds)
    wanted = expected(model, feeds)["y"].astype(np.float64)
    got = converted(model, feeds)["y"].astype(np.float64)
    assert got.shape == wanted.shape
    assert np.ptp(wanted) > 20
    assert np.abs(got - wanted).max() <= 1
    assert (got == wanted).mean() > 0.95


def test_every_operator_of_the_table_has_a_form():
    covered = {op for ops in MICROSOFT.values() for op in ops}
    assert covered == {form.op_type for form in FLOATING + INTEGER}


@pytest.mark.parametrize("op_type", ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"])
@pytest.mark.parametrize("unused", [("", ""), ("mean", "deviation")])
def test_the_sum_of_a_skip_connection_is_an_output(op_type, unused):
    inputs = [noise(2, 3, 8), noise(2, 3, 8, seed=1), positive(8), noise(8)]
    feeds = {f"in{i}": a for i, a in enumerate(inputs)}
    skip = node(op_type, list(feeds), ["y", *unused, "total"], domain="com.microsoft")
    model = make_model([skip], feeds, ["y", "total"], domains=["com.microsoft"])
    wanted, got = expected(model, feeds), converted(model, feeds)
    for name in ("y", "total"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("op_type", "inputs", "attributes", "reason"),
    [
        ("Attention", 7, {"num_heads": 2}, "shared buffers or rotary positions"),
        ("Attention", 2, {"num_heads": 2, "do_rotary": 1}, "shared buffers or rotary positions"),
        (
            "GroupQueryAttention",
            7,
            {"num_heads": 2, "kv_num_heads": 2, "smooth_softmax": 1},
            "smooth",
        ),
        ("MultiHeadAttention", 1, {"num_heads": 2}, "packed operands"),
        ("MatMulNBits", 5, {"K": 16, "N": 1, "block_size": 16}, "permuted groups"),
        ("FusedConv", 2, {"activation": "Unheard"}, "activation 'Unheard'"),
    ],
)
def test_a_form_that_is_not_covered_is_refused_by_name(op_type, inputs, attributes, reason):
    made = node(op_type, ["x"] * inputs, ["y"], domain="com.microsoft", **attributes)
    model = make_model([made], {"x": X}, ["y"], domains=["com.microsoft"])
    with pytest.raises(ConversionError, match=f"{op_type} .*{reason}"):
        to_torch(Graph(model))


@pytest.mark.parametrize("op_type", ["QLinearSoftmax", "QLinearSigmoid"])
def test_an_infinite_scale_is_refused(op_type):
    # As the quantiser leaves it behind a mask of -inf: the values stand for no number.
    attributes = {"opset": 13, "axis": -1} if op_type == "QLinearSoftmax" else {}
    x, names = np.array([[0, 3, 200]], np.uint8), ["x", "a", "b", "c", "d"]
    made = node(op_type, names, ["y"], domain="com.microsoft", **attributes)
    for scale in (0.05, np.inf):
        constants = {"a": scale, "b": 3, "c": 1 / 256, "d": 0}
        typed = {n: (np.uint8 if n in "bd" else np.float32)(v) for n, v in constants.items()}
        model = make_model([made], {"x": x}, ["y"], typed, domains=["com.microsoft"])
        if scale < 1:
            wanted = expected(model, {"x": x})["y"]
            assert np.abs(converted(model, {"x": x})["y"] - wanted.astype(float)).max() <= 1
        else:
            with pytest.raises(ConversionError, match=f"{op_type}.*not finite"):
                converted(model, {"x": x})


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
    constants = {"w": W, "b": noise(4), "v": noise(4, 6), "d": noise(6)}
    model = make_model(nodes, {"x": IMAGE}, ["y"], constants)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [2, 6]))
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    fused = optimised(model, tmp_path / "optimised.onnx", level)
    assert {"FusedConv", "FusedGemm"} <= {n.op_type for n in fused.graph.node}
    assert missing_operators(Graph(fused)) == []
    wanted, got = expected(model, {"x": IMAGE})["y"], converted(fused, {"x": IMAGE})["y"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
