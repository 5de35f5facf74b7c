"""Activations behind what moves, joins, cuts and scales: every reading against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from head_forms import Z1, Z4, Form, check_form, columns, joined, made_of, of, same
from heads import opened, pictures, values

PAIRS = {"sh": np.array([-1, 2, 2]), "flat": np.array([-1, 4]), "sh2": np.array([-1, 2])}
FORMS = [
    Form(
        "yes-no-squeezed",
        Z1 + "s = Sigmoid(z) out = Squeeze(s, l1)",
        None,
        "yes-no",
        (1,),
        same,
        of("w1"),
    ),
    Form(
        "yes-no-squeezed-before",
        Z1 + "s = Squeeze(z, l1) out = Sigmoid(s)",
        None,
        "yes-no",
        (1,),
        same,
        of("w1"),
    ),
    Form(
        "one-minus", Z1 + "s = Sigmoid(z) out = Sub(one, s)", 1, "yes-no", (1,), same, of("w1", -1)
    ),
    Form(
        "one-minus-added",
        Z1 + "s = Sigmoid(z) n = Neg(s) out = Add(n, one)",
        1,
        "yes-no",
        (1,),
        same,
        of("w1", -1),
    ),
    Form(
        "no-and-yes",
        Z1 + "s = Sigmoid(z) t = Sub(one, s) out = Concat<axis=1>(t, s)",
        2,
        "classes",
        (2,),
        same,
        lambda out, z: np.concatenate([-z["w1"], z["w1"]], axis=1),
    ),
    Form(
        "yes-and-no",
        Z1 + "s = Sigmoid(z) t = Sub(one, s) out = Concat<axis=1>(s, t)",
        2,
        "classes",
        (2,),
        same,
        lambda out, z: np.concatenate([z["w1"], -z["w1"]], axis=1),
    ),
    Form(
        "joined-sigmoids",
        "a = MatMul(f, w1) b = MatMul(f, v4) s = Sigmoid(a) t = Sigmoid(b) "
        "out = Concat<axis=1>(s, t)",
        5,
        "labels",
        (5,),
        same,
        joined("w1", "v4"),
    ),
    Form(
        "joined-softmaxes",
        "a = MatMul(f, w2) b = MatMul(f, w3) s = Softmax<axis=1>(a) t = Softmax<axis=1>(b) "
        "out = Concat<axis=1>(s, t)",
        5,
        "labels",
        (5,),
        same,
        joined("w2", "w3"),
    ),
    Form(
        "pairs",
        Z4 + "r = Reshape(z, sh) s = Softmax<axis=2>(r) out = Reshape(s, flat)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
        extra=PAIRS,
    ),
    Form(
        "pairs-in-the-batch",
        Z4 + "r = Reshape(z, sh2) s = Softmax<axis=1>(r) out = Reshape(s, flat)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
        extra=PAIRS,
    ),
    Form("clip", Z4 + "s = Sigmoid(z) out = Clip(s, zero, one)", 4, "labels", (4,), same, of("w4")),
    Form(
        "min-max",
        Z4 + "s = Sigmoid(z) t = Max(s, zero) out = Min(one, t)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "background-off",
        Z4 + "s = Softmax<axis=1>(z) out = Slice(s, l1, l4, l1)",
        3,
        "classes",
        (3,),
        same,
        columns("w4", 1, 2, 3),
    ),
    Form(
        "background-off-and-normalised",
        Z4 + "p = Softmax<axis=1>(z) s = Slice(p, l1, l4, l1) t = ReduceSum(s, l1) out = Div(s, t)",
        3,
        "classes",
        (3,),
        same,
    ),
    Form(
        "order-changed",
        Z4 + "s = Sigmoid(z) out = Gather<axis=1>(s, l3120)",
        3,
        "labels",
        (3,),
        same,
        columns("w4", 3, 1, 0),
        extra={"l3120": np.array([3, 1, 0])},
    ),
    Form(
        "second-of-two",
        "z = MatMul(f, w2) s = Softmax<axis=1>(z) out = Slice(s, l1, l2, l1)",
        1,
        "classes",
        (2,),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
        of("w2"),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
    ),
    Form(
        "second-of-two-split",
        "z = MatMul(f, w2) s = Softmax<axis=1>(z) a, out = Split<axis=1>(s, l11)",
        1,
        "classes",
        (2,),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
        of("w2"),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
        extra={"l11": np.array([1, 1])},
    ),
    Form(
        "one-of-four",
        Z4 + "s = Softmax<axis=1>(z) out = Gather<axis=1>(s, l2)",
        1,
        "yes-no",
        (1,),
        same,
    ),
    Form(
        "percent",
        Z4 + "s = Softmax<axis=1>(z) out = Mul(hundred, s)",
        4,
        "classes",
        (4,),
        lambda out, z: out / 100,
        of("w4"),
    ),
    Form(
        "rounded-percent",
        Z4 + "s = Softmax<axis=1>(z) p = Mul(s, hundred) r = Round(p) out = Div(r, hundred)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_reading_is_what_the_file_says(form):
    check_form(form)


@pytest.mark.parametrize(
    "name", ["joined-sigmoids", "background-off", "percent", "yes-and-no", "order-changed"]
)
@pytest.mark.parametrize("which", ["probability", "logit"])
def test_slopes_are_those_of_the_readings(name, which, rng):
    made = made_of(next(form for form in FORMS if form.name == name))
    found = opened(made)
    tensors = values(found.graph, pictures(made))
    reading = getattr(found.only, which)
    weights = rng.normal(size=reading.read(tensors).shape)
    slopes = reading.slopes(tensors, weights)
    step = 1e-6
    for tensor in reading.tensors:
        direction = rng.normal(size=tensors[tensor].shape)
        up, down = (
            (weights * reading.read({**tensors, tensor: tensors[tensor] + s * direction})).sum()
            for s in (step, -step)
        )
        expected = float((slopes[tensor] * direction).sum())
        np.testing.assert_allclose((up - down) / (2 * step), expected, rtol=1e-7, atol=1e-8)
