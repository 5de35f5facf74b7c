"""Ranks, labels and decisions: selecting again from what stands in front gives the output."""

import numpy as np
import pytest
from heads import VECTOR, file_says, model, pictures, values

from onnxplain.graph.answers.front import Front, front_of
from tests.graph.answers.shaped import traced

Z = f"{VECTOR} z = MatMul(f, w4) "
# Body, type of the output, the tensor in front, and what makes the output of its values.
SELECTED = {
    "ArgMax": (Z + "out = ArgMax<axis=1, keepdims=0>(z)", "int64[N] out", "z",
               lambda z: z.argmax(1)),
    "ArgMax of a Softmax": (
        Z + "s = Softmax<axis=1>(z) out = ArgMax<axis=1, keepdims=0>(s)", "int64[N] out", "s",
        lambda s: s.argmax(1),
    ),
    "ArgMin": (Z + "out = ArgMin<axis=1, keepdims=0>(z)", "int64[N] out", "z",
               lambda z: z.argmin(1)),
    "ranks": (Z + "v, out = TopK(z, l2)", "int64[N,2] out", "z",
              lambda z: np.argsort(-z, axis=1)[:, :2]),
    "a decision": (Z + "b = Greater(z, half) out = Cast<to=7>(b)", "int64[N,4] out", "z",
                   lambda z: (z > 0.5).astype(np.int64)),
    "a decision below": (Z + "b = Less(z, half) out = Cast<to=7>(b)", "int64[N,4] out", "z",
                         lambda z: (z < 0.5).astype(np.int64)),
}  # fmt: skip


def opened(body, output):
    made = model(body, [output])
    return made, traced(made)


@pytest.mark.parametrize("name", SELECTED)
def test_what_it_is_selected_from(name):
    body, output, tensor, select = SELECTED[name]
    made, found = opened(body, output)
    front = front_of(found.tracer, "out")
    assert (front.tensor, front.selected) == (tensor, True)
    picture = pictures(made)
    held = values(found.tracer.graph, picture)
    np.testing.assert_allclose(file_says(made, picture)[0], select(held[tensor]), rtol=1e-12)
    assert front.sign == (-1 if "Min" in name or "below" in name else 1)
    assert front.limit == (0.5 if "decision" in name else None)
    if "decision" not in name:
        assert front.axis == 1
    assert front.notes


def test_a_selection_from_a_selection():
    made, found = opened(
        Z + "n = Neg(z) v, i = TopK(n, l2) out = ArgMin<axis=1, keepdims=0>(v)", "int64[N] out"
    )
    front = front_of(found.tracer, "out")
    held = values(found.tracer.graph, pictures(made))
    # The least of the two best of -z counts as no: from z on, signs have turned twice.
    assert front.tensor in ("n", "z")
    assert front.selected
    assert held[front.tensor].shape == (3, 4)
    assert len(front.notes) >= 2


@pytest.mark.parametrize("tail", ["out = Identity(z)", "out = Softmax<axis=1>(z)"])
def test_what_is_not_selected_is_its_own_front(tail):
    _, found = opened(Z + tail, "double[N,4] out")
    assert front_of(found.tracer, "out") == Front("out")


def test_a_choice_beside_numbers_is_no_choice():
    body = Z + "b = ReduceMax<axes=[1]>(z) out = Concat<axis=1>(b, z)"
    _, found = opened(body, "double[N,5] out")
    assert not front_of(found.tracer, "out").selected


def test_a_quantised_output_is_what_is_quantised():
    made = model(
        Z + "y = Cast<to=1>(z) s = Sigmoid(y) out = QuantizeLinear(s, step, nil)",
        ["uint8[N,4] out"],
        extra={"step": np.array(1 / 256, np.float32), "nil": np.array(0, np.uint8)},
    )
    front = front_of(traced(made).tracer, "out")
    assert (front.tensor, front.selected) == ("s", False)
    assert front.notes == ("QuantizeLinear 'out'",)
