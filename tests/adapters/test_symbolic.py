"""Derivatives in ONNX Runtime are those of PyTorch in float64, and of known functions."""

import nets
import numpy as np
import onnx
import onnx.parser
import pytest

from onnxplain.adapters import symbolic
from onnxplain.adapters.base import Signal
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.symbolic import SymbolicAdapter
from onnxplain.adapters.torch import TorchAdapter
from onnxplain.errors import ConversionError, UsageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from onnxplain.symbolic.rules import RULES

BODY = """
    {
      a = Mul(image, image)
      flat = Flatten(a)
      y = MatMul(flat, weights)
    }
"""


def parsed(body=BODY, batch="N", weights="float[27,2] weights"):
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[{batch},3,3,3] image) => (float[{batch},2] y) <{weights} = {{{
        ", ".join(str(k % 7 - 3) for k in range(54))
    }}}> {body}"""
    return onnx.parser.parse_model(text)


def engines(proto, **options):
    graph = prepare(proto)
    image = find_image_input(graph)
    output = graph.outputs[0].name

    def opened(given):
        return OrtAdapter(given, image, output, device="cpu")

    double = TorchAdapter(graph, image, output, device="cpu", double=True)
    return SymbolicAdapter(graph, image, opened, **options), double


def input_of(count=3):
    return np.random.default_rng(0).standard_normal((count, 3, 3, 3)).astype(np.float32)


@pytest.mark.parametrize("batch", ["N", "1", "2"])
def test_slopes_of_a_known_function(batch):
    engine, _ = engines(parsed(batch=batch))
    x, rows = input_of(), np.eye(2)[[0, 1, 1]]
    found = engine.pull_back(x, [Signal("y", rows), Signal("y", -rows)], ["image", "a"])
    weights = np.array([k % 7 - 3 for k in range(54)], float).reshape(27, 2)
    expected = (rows @ weights.T).reshape(x.shape)
    np.testing.assert_allclose(found.gradients[0]["a"], expected, atol=1e-12)
    np.testing.assert_allclose(found.gradients[1]["image"], -2 * x * expected, rtol=1e-6)
    np.testing.assert_allclose(found.values["a"], x * x, rtol=1e-6)


def test_what_a_signal_does_not_reach_has_no_slope():
    body = BODY.replace("flat =", "beside = Relu(image)\n      flat =")
    body = body.replace("y = MatMul(flat, weights)", "z = MatMul(flat, weights)\n"
                        "      s = ReduceSum(beside)\n      y = Add(z, s)")  # fmt: skip
    engine, _ = engines(parsed(body))
    found = engine.pull_back(input_of(), [Signal("z", np.ones((3, 2)))], ["beside", "a"])
    assert not found.gradients[0]["beside"].any()
    assert found.gradients[0]["a"].any()


def test_a_tensor_at_which_a_slope_starts_has_that_slope():
    engine, _ = engines(parsed())
    seed = np.random.default_rng(1).random((3, 2)).astype(np.float32)
    found = engine.pull_back(input_of(), [Signal("y", seed)], ["y"])
    np.testing.assert_array_equal(found.gradients[0]["y"], seed)


@pytest.mark.parametrize("name", sorted(nets.NETS))
def test_networks_have_the_slopes_of_pytorch(name):
    proto = nets.exported(name).proto
    engine, double = engines(proto)
    x = nets.images(name, 2).astype(np.float32)
    graph = prepare(proto)
    output, image = graph.outputs[0].name, graph.inputs[0].name
    seed = [Signal(output, np.eye(nets.CLASSES)[[0, 1]])]
    ours, exact = (e.pull_back(x, seed, [image]).gradients[0][image] for e in (engine, double))
    assert np.abs(exact).max() > 0
    # A rectifier that rounding switches moves single places: all of them together count.
    assert np.corrcoef(ours.ravel(), exact.ravel())[0, 1] > 0.9999


def test_an_operator_without_a_rule_is_named(monkeypatch):
    monkeypatch.delitem(RULES, "Mul")
    engine, _ = engines(parsed())
    with pytest.raises(ConversionError, match="Mul"):
        engine.pull_back(input_of(), [Signal("y", np.ones((3, 2)))], ["image"])


def test_other_signals_than_derivatives_are_refused():
    engine, _ = engines(parsed())
    with pytest.raises(UsageError, match="plain derivatives"):
        engine.pull_back(input_of(), [Signal("y", np.ones((3, 2)))], ["image"], rectify="guided")


def test_a_derivative_of_another_shape_is_refused(monkeypatch):
    engine, _ = engines(parsed())
    right = RULES["Mul"]

    def turned(back):
        return [s and back("Transpose", back("Reshape", s, [-1, 27]), perm=[1, 0])
                for s in right(back)]  # fmt: skip

    monkeypatch.setitem(RULES, "Mul", turned)
    with pytest.raises(ConversionError, match=r"have shape .* of shape"):
        engine.pull_back(input_of(2), [Signal("y", np.ones((2, 2)))], ["image"])


def test_facts_are_measured_once_for_derivatives_and_relevance(monkeypatch):
    engine, _ = engines(parsed())
    measured = []
    real = symbolic.measure_facts
    monkeypatch.setattr(symbolic, "measure_facts", lambda *a: measured.append(a[-1]) or real(*a))
    seed = [Signal("y", np.eye(2)[[0, 1, 1]])]
    engine.relevance(input_of(), seed, composite("epsilon"), ["image"])
    engine.pull_back(input_of(), seed, ["image"])
    assert len(measured) == 1
    engine.pull_back(input_of(), seed, ["a"])
    assert len(measured) == 2
