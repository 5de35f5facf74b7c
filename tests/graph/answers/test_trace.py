"""Parts of a tensor: put together again from their anchors, they are what the graph computes."""

import numpy as np
import pytest
from heads import MAPS, VECTOR, model, pictures, values
from scipy.special import expit, softmax

from onnxplain.graph.answers.trace import Tracer
from tests.graph.answers.shaped import traced
from tests.graph.written import graph

Z = f"{VECTOR} z = MatMul(f, w4) "
TWO = f"{VECTOR} z = MatMul(f, w4) a = Softmax<axis=1>(z) y = MatMul(f, v4) b = Sigmoid(y) "
# Body, and the kinds of the parts of `out`.
FOLLOWED = {
    "raw": (Z + "out = Identity(z)", ["raw"]),
    "scaled and shifted": (Z + "s = Mul(z, two) out = Add(s, half)", ["raw"]),
    "softmax": (Z + "out = Softmax<axis=1>(z)", ["softmax"]),
    "moved softmax": (
        Z + "s = Softmax<axis=1>(z) r = Gather<axis=1>(s, l3120) out = Unsqueeze(r, l2)",
        ["softmax"],
    ),
    "percent": (Z + "s = Sigmoid(z) out = Mul(s, hundred)", ["sigmoid"]),
    "one minus it": (Z + "s = Sigmoid(z) out = Sub(one, s)", ["sigmoid"]),
    "joined": (TWO + "out = Concat<axis=1>(a, b)", ["softmax", "sigmoid"]),
    "joined and cut": (
        TWO + "c = Concat<axis=1>(a, b) out = Slice(c, l3, l5, l1)", ["softmax", "sigmoid"],
    ),
    "joined and turned": (
        TWO + "c = Concat<axis=1>(a, b) out = Transpose<perm=[1,0]>(c)", ["softmax", "sigmoid"],
    ),
    "a logarithm": (Z + "s = Softmax<axis=1>(z) out = Log(s)", ["log-softmax"]),
    "there and back": (Z + "s = LogSoftmax<axis=1>(z) out = Exp(s)", ["softmax"]),
    "tanh": (Z + "out = Tanh(z)", ["tanh"]),
    "maps": (
        f"{MAPS} z = MatMul(h, m5) s = Softmax<axis=3>(z) "
        "t = Transpose<perm=[0,3,1,2]>(s) out = Reshape(t, flat)",
        ["softmax"],
    ),
    "part of a sum": (Z + "s = Sigmoid(z) g = Gather<axis=1>(s, l23) out = Mul(g, half)",
                      ["sigmoid"]),
    "a constant beside": (Z + "out = Concat<axis=0>(z, beside)", ["raw", "constant"]),
    "not followed": (Z + "s = Sigmoid(z) out = CumSum(s, axis)", ["raw"]),
}  # fmt: skip
EXTRA = {
    "flat": np.array([0, 5, 36]),
    "l5": np.array([6]),
    "axis": np.array(1),
    "beside": np.arange(4.0)[None],
}
# What p is of its logit; for other kinds the anchor holds it.
ACTIVATIONS = {
    "softmax": lambda z, part: softmax(z, axis=part.axes),
    "log-softmax": lambda z, part: np.log(softmax(z, axis=part.axes)),
    "sigmoid": lambda z, part: expit(z),
    "tanh": lambda z, part: np.tanh(z),
}


def opened(body):
    made = model(body, ["double out"], extra=EXTRA, batch=1)
    found = traced(made).tracer
    held = values(found.graph, pictures(made))
    held.update({n: found.graph.constant(n) for n in found.graph.constant_names})
    return found, held


def chosen(values_, flat):
    flattened = np.ravel(values_)
    return flattened if flat is None else flattened[flat]


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_parts_put_together_are_the_tensor(name):
    body, kinds = FOLLOWED[name]
    tracer, held = opened(body)
    parts = tracer.parts("out")
    assert [p.kind for p in parts] == kinds
    whole = held["out"].ravel()
    filled = np.full(whole.shape, np.nan)
    for part in parts:
        p = held[part.anchor.tensor]
        if part.kind in ACTIVATIONS and part.logit is not None and "softmax" not in part.kind:
            p = ACTIVATIONS[part.kind](chosen(held[part.logit.tensor], part.logit.flat)
                                       * part.logit.scale, part)  # fmt: skip
        elif "softmax" in part.kind:
            # The logits of a whole group stand at the anchor's shape.
            logits = held[part.logit.tensor].reshape(p.shape) * part.logit.scale
            p = chosen(ACTIVATIONS[part.kind](logits, part), part.anchor.flat)
        else:
            p = chosen(p, part.anchor.flat)
        slots = slice(None) if part.slots is None else part.slots
        assert np.isnan(filled[slots]).all()  # no element belongs to two parts
        filled[slots] = part.scale * p + part.offset
    np.testing.assert_allclose(filled, whole, rtol=1e-12, atol=1e-14)


def test_what_was_followed_is_noted_from_the_output_on():
    tracer, _ = opened(Z + "s = Softmax<axis=1>(z) g = Gather<axis=1>(s, l23) out = Mul(g, half)")
    (part,) = tracer.parts("out")
    assert [n.split()[0] for n in part.notes][-1] == "Gather"
    assert part.evidence == "a Softmax"


def test_the_scores_in_front_of_two_activations():
    tracer, _ = opened(Z + "s = LogSoftmax<axis=1>(z) out = Softmax<axis=1>(s)")
    (part,) = tracer.parts("out")
    assert part.logit.tensor == "z"
    assert any("in front of" in note for note in part.notes)


def test_ranks_and_their_activation():
    tracer, _ = opened(Z + "v, i = TopK(z, l2) out = Softmax<axis=1>(v)")
    (part,) = tracer.parts("out")
    assert (part.kind, part.anchor.tensor) == ("select", "z")
    assert any("of ranks" in note for note in part.notes)


def test_each_tensor_is_worked_out_once():
    tracer, _ = opened(Z + "out = Softmax<axis=1>(z)")
    assert tracer.parts("out") is tracer.parts("out")


@pytest.mark.parametrize(("length", "kind"), [(20, "softmax"), (500, "raw")])
def test_a_long_chain_is_no_head(length, kind):
    steps = " ".join(f"t{k + 1} = Neg(t{k})" for k in range(length))
    tracer, _ = opened(Z + f"t0 = Softmax<axis=1>(z) {steps} out = Identity(t{length})")
    (part,) = tracer.parts("out")
    assert part.kind == kind


def test_tensors_of_no_elements_have_no_shape():
    made = graph("y = Relu(x)", c=np.ones((2, 3), np.float32))
    tracer = Tracer(made, {"x": (1, 3, 4, 6), "y": (1, 0)})
    assert tracer.shapes == {"x": (1, 3, 4, 6), "c": (2, 3)}
    assert tracer.parts("x")[0].kind == "raw"
    assert tracer.parts("c")[0].kind == "constant"
