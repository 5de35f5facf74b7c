"""Averages, products and sums of probabilities: every reading against NumPy and the file."""

from __future__ import annotations

import numpy as np
import pytest
from head_forms import Z4, Form, check_form, same

FORMS = [
    Form(
        "average",
        Z4 + "y = MatMul(f, v4) s = Sigmoid(z) t = Sigmoid(y) u = Add(s, t) out = Div(u, two)",
        4,
        "labels",
        (4,),
        same,
    ),
    Form(
        "mean-of-softmaxes",
        Z4 + "y = MatMul(f, v4) a = Softmax<axis=1>(z) b = Softmax<axis=1>(y) "
        "s = Cast<to=1>(a) t = Cast<to=1>(b) out = Mean(s, t)",
        4,
        "classes",
        (4,),
        same,
        dtype="float",
    ),
    Form(
        "sum-of-softmaxes",
        Z4 + "y = MatMul(f, v4) s = Softmax<axis=1>(z) t = Softmax<axis=1>(y) out = Sum(s, t)",
        4,
        "classes",
        (4,),
        lambda out, z: out / 2,
    ),
    Form(
        "stacked-crops",
        Z4 + "y = MatMul(f, v4) s = Softmax<axis=1>(z) t = Softmax<axis=1>(y) "
        "a = Unsqueeze(s, l0) b = Unsqueeze(t, l0) c = Concat<axis=0>(a, b) "
        "out = ReduceMean<axes=[0], keepdims=0>(c)",
        4,
        "classes",
        (4,),
        same,
    ),
    Form(
        "product",
        Z4 + "y = MatMul(f, v1) s = Softmax<axis=1>(z) t = Sigmoid(y) out = Mul(s, t)",
        4,
        "labels",
        (4,),
        same,
    ),
    Form(
        "weighted-average",
        Z4 + "y = MatMul(f, v4) p = Softmax<axis=1>(z) q = Softmax<axis=1>(y) r = Mul(p, most) "
        "s = Mul(q, rest) out = Add(r, s)",
        4,
        "classes",
        (4,),
        same,
        extra={"most": np.array(0.7), "rest": np.array(0.3)},
    ),
    Form(
        "noisy-or",
        Z4 + "s = Sigmoid(z) n = Sub(one, s) q = ReduceProd<axes=[1]>(n) out = Sub(one, q)",
        1,
        "yes-no",
        (1,),
        same,
    ),
    Form("sum-of-sigmoids", Z4 + "s = Sigmoid(z) out = ReduceSum(s, l1)", 1, "values", (1,)),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_reading_is_what_the_file_says(form):
    check_form(form)
