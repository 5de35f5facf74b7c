"""Fused and integer operators, written out: ONNX Runtime computes the same as before."""

import numpy as np
import pytest
from integer_sums import skip_if_sums_overflow
from onnx.helper import make_node as node

from onnxplain.graph.expand import expand
from onnxplain.graph.expand.expand import _MICROSOFT, _STANDARD
from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import Graph
from tests.convert.forms import X, f, integer, noise, positive, scalar
from tests.convert.forms_microsoft import FLOATING, INTEGER, quantised, zero
from tests.convert.oracle import expected, make_model


def build(form, domain="com.microsoft", opset=17):
    names = ["" if a is None else f"in{i}" for i, a in enumerate(form.inputs)]
    constants = {n: a for n, a in zip(names[1:], form.inputs[1:], strict=True) if n}
    feeds = {"in0": form.inputs[0]}
    if form.op_type == "QLinearConcat":
        feeds = {n: constants.pop(n) for n in ("in2", "in5")}
        constants["in0"] = form.inputs[0]
    made = node(form.op_type, names, ["y"], domain=domain, **form.attributes)
    domains = [domain] if domain else []
    return make_model([made], feeds, ["y"], constants, opset, domains), feeds


def stays(form):
    """Two signals have a rule of their own; pooling does not say how many axes there are.

    Masks, caches and causal order are not written out, nor keys with their heads apart.
    """
    pooled = "Pool" in form.op_type
    if form.attributes.get("transA") or (pooled and form.attributes.get("channels_last")):
        return True
    if form.attributes.get("opset", 13) < 13:
        return True
    plain = {"Attention": 3, "MultiHeadAttention": 4}.get(form.op_type)
    if plain is None:
        return form.op_type not in _MICROSOFT
    special = form.outputs > 1 or form.attributes.get("unidirectional")
    apart = form.inputs[1].ndim == 4 or form.inputs[1].shape[-1] != form.inputs[2].shape[-1]
    return special or len(form.inputs) > plain or (apart and plain == 4)


FLOAT_FORMS = [form for form in FLOATING if not stays(form)] + [
    f("FusedMatMul", noise(2, 4, 3), noise(5, 3), transB=1, alpha=0.3)
]
INTEGER_FORMS = [form for form in INTEGER if not stays(form)]
STAYING = [
    form for form in FLOATING
    if form.op_type in ("Attention", "MultiHeadAttention")
    and (form.outputs > 1 or form.attributes.get("unidirectional")
         or any(a is not None for a in form.inputs[4:]))
]  # fmt: skip
STANDARD_FORMS = [
    f("QLinearConv", quantised(1, 3, 5, 6), scalar(0.02), zero(120),
      quantised(4, 3, 2, 2, dtype=np.int8), positive(4) / 100, np.zeros(4, np.int8), scalar(0.05),
      zero(128), integer(3, -4, 5, 60, dtype=np.int32), pads=[1, 0, 0, 1]),
    f("QLinearMatMul", quantised(2, 3), scalar(0.02), zero(120), quantised(3, 4, seed=1),
      scalar(0.03), zero(90), scalar(0.05), zero(128)),
]  # fmt: skip


def cases(forms):
    return [pytest.param(form, id=f"{form.op_type}-{i}") for i, form in enumerate(forms)]


def written_out(model):
    graph = Graph(model)
    result = expand(graph)
    assert result is not graph
    assert not [n for n in result.nodes if n.operator in BEFORE]
    return result.model


BEFORE = {f"com.microsoft::{op}" for op in _MICROSOFT} | (set(_STANDARD) - {"Attention"})


@pytest.mark.parametrize("form", cases(FLOAT_FORMS))
def test_a_fused_operator(form):
    model, feeds = build(form)
    wanted, got = expected(model, feeds)["y"], expected(written_out(model), feeds)["y"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    assert np.ptp(wanted) > 0.1


@pytest.mark.parametrize("form", cases(STAYING))
def test_attention_with_a_mask_a_cache_or_an_order_stays(form):
    graph = Graph(build(form)[0])
    assert expand(graph) is graph


@pytest.mark.parametrize("form", cases(INTEGER_FORMS + STANDARD_FORMS))
def test_an_integer_operator_is_within_one_step(form):
    model, feeds = build(form, "" if form in STANDARD_FORMS else "com.microsoft")
    skip_if_sums_overflow(model, feeds)
    wanted = expected(model, feeds)["y"].astype(float)
    got = expected(written_out(model), feeds)["y"].astype(float)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1
    assert np.ptp(wanted) > 20


def test_every_operator_of_the_tables_has_a_form():
    tested = {form.op_type for form in FLOAT_FORMS + INTEGER_FORMS}
    assert tested >= set(_MICROSOFT)
    assert set(_STANDARD) == {"Attention", "QLinearConv", "QLinearMatMul", *DYNAMIC}


DYNAMIC = {
    "MatMulInteger": (noise(2, 3), quantised(3, 4, dtype=np.uint8), scalar(0.03)),
    "ConvInteger": (noise(1, 3, 5, 5), quantised(4, 3, 2, 2, dtype=np.uint8), scalar(0.03)),
}


def dynamic(op_type):
    """An integer product in the form that the dynamic quantiser writes."""
    x, weight, scale = DYNAMIC[op_type]
    nodes = [
        node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        node(op_type, ["q", "w", "z", "wz"], ["sums"]),
        node("Cast", ["sums"], ["floats"], to=1),
        node("Mul", ["s", "ws"], ["factor"]),
        node("Mul", ["floats", "factor"], ["y"]),
    ]
    constants = {"w": weight, "wz": zero(90), "ws": scale}
    return nodes, {"x": x}, constants


@pytest.mark.parametrize("op_type", list(DYNAMIC))
def test_a_dynamically_quantised_product(op_type):
    nodes, feeds, constants = dynamic(op_type)
    model = make_model(nodes, feeds, ["y"], constants)
    result = expand(Graph(model))
    assert {n.op_type for n in result.nodes} >= {op_type.removesuffix("Integer")}
    assert op_type not in {n.op_type for n in result.nodes}
    wanted, got = expected(model, feeds)["y"], expected(result.model, feeds)["y"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_a_graph_of_standard_operators_is_left_alone():
    graph = prepare(make_model([node("Relu", ["x"], ["y"])], {"x": X}, ["y"]))
    assert expand(graph) is graph
