"""Logits of candidates: activated again, they are the scores."""

import numpy as np
import pytest
from heads import VECTOR, values
from scipy.special import expit, softmax
from seen_boxes import seen

from onnxplain.graph.answers.boxes.elements import logits_of
from onnxplain.graph.budget import Budget, within
from onnxplain.targets.boxes.columns import Columns

# Scores of up to 1, activated twice in float64.
BOUND = 8 * np.finfo(np.float64).eps
RNG = np.random.default_rng(5)
SIZES = {
    "wb": RNG.normal(size=(108, 40)) / 10, "sb": np.array([-1, 4, 10]),
    "wz": RNG.normal(size=(108, 30)) / 10, "sz": np.array([-1, 3, 10]),
    "wy": RNG.normal(size=(108, 15)) / 10, "sy": np.array([-1, 3, 5]), "order": np.array([2, 0, 1]),
}  # fmt: skip
Z = f"{VECTOR} m = MatMul(f, wz) z = Reshape(m, sz) "
ZY = f"{Z} n = MatMul(f, wy) y = Reshape(n, sy) "
B = "c = MatMul(f, wb) b = Reshape(c, sb) "


def read(body, columns, shape):
    """Logits by the elements found, NaN where there is none, and the scores of the layout."""
    made = seen(body, [f"double[N,{shape}] out"], side=6, **SIZES)
    picture = np.random.default_rng(0).normal(size=(1, 3, 6, 6)).astype(np.float32)
    held = values(made.tracer.graph, picture)
    scores = columns.read(held)[0]
    found = logits_of(made.tracer, columns)
    if found is None:
        return None, scores, ()
    elements = [[found.at(k, p) for p in range(scores.shape[1])] for k in range(len(scores))]
    logits = [
        [np.nan if e is None else held[e.tensor][0].ravel()[e.position] for e in row]
        for row in elements
    ]
    return np.array(logits), scores, found.tensors


@pytest.mark.parametrize(
    ("body", "columns", "shape", "activation"),
    [
        (f"{Z} out = Sigmoid(z)", Columns(("out",), 0), "3,10", expit),
        (
            f"{Z} {B} s = Sigmoid(z) out = Concat<axis=1>(b, s)",
            Columns(("out",), 0, 4, 7), "7,10", expit,
        ),
        (
            f"{Z} {B} s = Sigmoid(z) j = Concat<axis=1>(b, s) out = Transpose<perm=[0,2,1]>(j)",
            Columns(("out",), -1, 4, 7), "10,7", expit,
        ),
        (
            f"{Z} s = Sigmoid(z) out = Gather<axis=1>(s, order)",
            Columns(("out",), 0), "3,10", expit,
        ),
        (f"{Z} out = Softmax<axis=1>(z)", Columns(("out",), 0), "3,10",
         lambda z: softmax(z, axis=0)),
        (
            f"{ZY} s = Sigmoid(z) t = Sigmoid(y) out = Concat<axis=2>(s, t)",
            Columns(("out",), 0), "3,15", expit,
        ),
        (f"{ZY} s = Sigmoid(z) t = Sigmoid(y) out = Concat<axis=2>(s, t)",
         Columns(("s", "t"), 0), "3,15", expit),
        (f"{Z} out = Identity(z)", Columns(("out",), 0, squash="sigmoid"), "3,10", expit),
        (f"{Z} out = Identity(z)", Columns(("out",), 0, squash="softmax"), "3,10",
         lambda z: softmax(z, axis=0)),
    ],
)  # fmt: skip
def test_activated_again_they_are_the_scores(body, columns, shape, activation):
    logits, scores, _ = read(body, columns, shape)
    np.testing.assert_allclose(activation(logits), scores, rtol=0, atol=BOUND)


def test_they_stand_in_front_of_what_only_joins_scales():
    body = f"{ZY} j = Concat<axis=2>(z, y) out = Sigmoid(j)"
    logits, scores, tensors = read(body, Columns(("out",), 0), "3,15")
    np.testing.assert_allclose(expit(logits), scores, rtol=0, atol=BOUND)
    assert "j" not in tensors
    assert len(tensors) == 2


def test_those_of_other_numbers_are_left_open():
    body = f"{ZY} s = Sigmoid(z) t = Tanh(y) out = Concat<axis=2>(s, t)"
    logits, scores, _ = read(body, Columns(("out",), 0), "3,15")
    np.testing.assert_allclose(expit(logits[:, :10]), scores[:, :10], rtol=0, atol=BOUND)
    assert np.isnan(logits[:, 10:]).all()


@pytest.mark.parametrize(
    "tail",
    [
        "out = Identity(z)",
        "s = Sigmoid(z) out = Mul(s, half)",
        # No element holds the logit itself: it has the other sign.
        "s = Sigmoid(z) out = Sub(one, s)",
        "n = Neg(z) out = Sigmoid(n)",
    ],
)
def test_scores_that_cannot_be_followed_have_none(tail):
    assert read(f"{Z} {tail}", Columns(("out",), 0), "3,10")[0] is None


def test_neither_unknown_tensors_nor_inputs_on_another_axis_are_followed():
    made = seen(f"{Z} out = Sigmoid(z)", ["double[N,3,10] out"], side=6, **SIZES)
    assert logits_of(made.tracer, Columns(("out",), 0)) is not None
    assert logits_of(made.tracer, Columns(("nowhere",), 0)) is None
    assert logits_of(made.tracer, Columns(("out",), 0, batch_axis=1)) is None


def test_scores_beyond_the_budget_are_not_followed():
    made = seen(f"{Z} out = Sigmoid(z)", ["double[N,3,10] out"], side=6, **SIZES)
    with within(Budget(tensor_bytes=239)):  # of 30 numbers of 8 bytes
        assert logits_of(made.tracer, Columns(("out",), 0)) is None
    with within(Budget(tensor_bytes=240)):
        assert logits_of(made.tracer, Columns(("out",), 0)) is not None
