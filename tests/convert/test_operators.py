"""The coverage table, and how missing operators are reported."""

import importlib
import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch
from onnx import helper
from onnx.helper import make_node as node

from onnxplain.convert import missing_operators, to_torch
from onnxplain.convert.aliases import ALIASES
from onnxplain.convert.light_import import import_onnx2torch
from onnxplain.convert.operators import MICROSOFT, OURS, STOCK
from onnxplain.errors import ConversionError
from onnxplain.graph.view import Graph
from tests.convert.oracle import assert_agrees, converted, expected, make_model

X = np.zeros((1, 2), np.float32)


@pytest.mark.parametrize("target", [*OURS, *MICROSOFT])
def test_every_target_is_a_documented_converter(target):
    file, function = target.split(".")
    converter = getattr(importlib.import_module(f"onnxplain.convert.{file}"), function)
    wanted = ["node", "bodies"] if file == "control_flow" else ["node"]
    assert list(inspect.signature(converter).parameters) == wanted
    assert converter.__doc__


def test_no_version_is_covered_twice():
    ours = [(op, v) for covered in OURS.values() for op, vs in covered.items() for v in vs]
    stock = [(op, v) for op, vs in STOCK.items() for v in vs]
    everything = ours + stock + list(ALIASES)
    assert len(everything) == len(set(everything))


def test_every_stock_version_is_registered_in_onnx2torch():
    import_onnx2torch()
    from onnx2torch.node_converters.registry import _CONVERTER_REGISTRY

    registered = {(k.operation_type, k.version) for k in _CONVERTER_REGISTRY if not k.domain}
    wanted = {(op, v) for op, vs in STOCK.items() for v in vs}
    wanted |= {(op, v) for (op, _), v in ALIASES.items()}
    assert wanted - registered == set()


@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose", "Gemm", "MatMul"])
def test_linear_operators_are_called_with_all_their_operands(op_type):
    assert any(op_type in covered for covered in OURS.values())
    assert op_type not in STOCK


def test_missing_operators_needs_no_torch():
    code = (
        "import sys, onnx\n"
        "from onnxplain.convert import missing_operators\n"
        "from onnxplain.graph.view import Graph\n"
        "assert missing_operators(Graph(onnx.ModelProto())) == []\n"
        "print(sorted({'torch', 'onnx2torch'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def refused(nodes, domains=(), opset=17):
    return Graph(make_model(nodes, {"x": X}, [nodes[-1].output[0]], opset=opset, domains=domains))


def test_a_graph_that_converts_misses_nothing():
    assert missing_operators(refused([node("Relu", ["x"], ["y"])])) == []


def test_all_missing_operators_are_named_at_once():
    nodes = [
        node("RandomNormalLike", ["x"], ["a"]),
        node("Multinomial", ["a"], ["b"]),
        node("RandomNormalLike", ["b"], ["c"]),
        node("NGramRepeatBlock", ["c", "c"], ["d"], domain="com.microsoft"),
    ]
    graph = refused(nodes, ["com.microsoft"])
    assert missing_operators(graph) == [
        "Multinomial-7",
        "RandomNormalLike-1",
        "com.microsoft::NGramRepeatBlock-1",
    ]
    with pytest.raises(ConversionError) as info:
        to_torch(graph)
    message = str(info.value)
    assert "\n" not in message
    assert "Multinomial-7 (1 node, first: tensor 'b')" in message
    assert "RandomNormalLike-1 (2 nodes, first: tensor 'a')" in message
    assert "com.microsoft::NGramRepeatBlock-1 (1 node, first: tensor 'd')" in message
    assert "occlusion, cam" in message


def test_an_opset_below_seven_is_refused_by_name():
    assert missing_operators(refused([node("Add", ["x", "x"], ["y"])], opset=6)) == ["Add-6"]


@pytest.mark.parametrize(
    ("op_type", "domain", "advice"),
    [
        ("TreeEnsembleClassifier", "ai.onnx.ml", "trees have no gradient"),
        ("Conv", "com.microsoft.nchwc", "use the one before that"),
    ],
)
def test_refusals_come_with_advice(op_type, domain, advice):
    graph = refused([node(op_type, ["x"], ["y"], domain=domain)], [domain] if domain else [])
    with pytest.raises(ConversionError, match=advice):
        to_torch(graph)


def test_all_unsupported_forms_are_named_at_once():
    nodes = [
        node("BatchNormalization", ["x"] * 5, ["a", "m", "v"], training_mode=1),
        node("Cast", ["a"], ["b"], to=helper.TensorProto.FLOAT8E4M3FN),
        node("RNN", ["b", "b", "b"], ["c"], activations=["Unheard"], hidden_size=1),
    ]
    with pytest.raises(ConversionError) as info:
        to_torch(refused(nodes))
    for part in ("training mode", "element type FLOAT8E4M3FN", "activation 'Unheard'", "occlusion"):
        assert part in str(info.value)


def test_a_uint64_beyond_int64_is_refused_rather_than_compared_wrongly():
    large = np.array([2**63 + 1], np.uint64)
    graph = Graph(make_model([node("Max", ["x", "x"], ["y"])], {"x": large}, ["y"]))
    with pytest.raises(ConversionError, match=r"Max \(tensor 'y'\).*2\*\*63"):
        to_torch(graph).run({"x": torch.from_numpy(large)}, ["y"])


def test_a_real_signal_without_a_last_axis_has_a_spectrum():
    x = np.random.default_rng(0).standard_normal((2, 64)).astype(np.float32)
    constants = {"step": np.array(8), "window": np.hanning(16).astype(np.float32)}
    model = make_model([node("STFT", ["x", "step", "window"], ["y"])], {"x": x}, ["y"], constants)
    assert_agrees(model, {"x": x})


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_a_mask_that_was_quantised_with_an_infinite_scale_is_stored_as_onnx_runtime_stores_it(
    dtype,
):
    x = np.array([0, -np.inf, np.inf, np.nan, 3], np.float32)
    constants = {"scale": np.array(np.inf, np.float32), "zero": np.array(0, dtype)}
    quantise = node("QuantizeLinear", ["x", "scale", "zero"], ["y"])
    model = make_model([quantise], {"x": x}, ["y"], constants)
    np.testing.assert_array_equal(
        converted(model, {"x": x})["y"], expected(model, {"x": x})["y"].astype(np.float32)
    )


def test_a_table_of_four_bit_constants_is_looked_up():
    stored = helper.make_tensor("q", helper.TensorProto.UINT4, [4, 16], list(range(16)) * 4)
    scales = np.linspace(0.1, 0.4, 4, dtype=np.float32).reshape(4, 1)
    index = np.array([[3, 0]])
    look = node("GatherBlockQuantized", ["q", "i", "s"], ["y"], block_size=16,
                domain="com.microsoft")  # fmt: skip
    model = make_model([look], {"i": index}, ["y"], {"s": scales}, 21, ["com.microsoft"])
    model.graph.initializer.append(stored)
    np.testing.assert_allclose(
        converted(model, {"i": index})["y"], expected(model, {"i": index})["y"], rtol=1e-6
    )
