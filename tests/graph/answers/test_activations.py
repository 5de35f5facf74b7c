"""Final activations as nodes and written out: every reading against NumPy and the file."""

from __future__ import annotations

import numpy as np
import pytest
from head_forms import Z1, Z4, Form, check_form, of, same, soft

FORMS = [
    Form("softmax", Z4 + "out = Softmax<axis=1>(z)", 4, "classes", (4,), same, of("w4")),
    Form(
        "softmax-default-11", Z4 + "out = Softmax(z)", 4, "classes", (4,), same, of("w4"), opset=11
    ),
    Form(
        "softmax-default-13", Z4 + "out = Softmax(z)", 4, "classes", (4,), same, of("w4"), opset=13
    ),
    Form(
        "temperature",
        Z4 + "t = Div(z, two) out = Softmax<axis=1>(t)",
        4,
        "classes",
        (4,),
        same,
        of("w4", 0.5),
    ),
    Form("sigmoids", Z4 + "out = Sigmoid(z)", 4, "labels", (4,), same, of("w4")),
    Form("yes-no", Z1 + "out = Sigmoid(z)", 1, "yes-no", (1,), same, of("w1")),
    Form(
        "hard-sigmoid",
        Z4 + "y = Cast<to=1>(z) h = HardSigmoid(y) out = Cast<to=11>(h)",
        4,
        "labels",
        (4,),
        same,
        lambda out, z: z["w4"].astype(np.float32),
    ),
    Form(
        "log-softmax", Z4 + "out = LogSoftmax<axis=1>(z)", 4, "classes", (4,), soft("w4"), of("w4")
    ),
    Form(
        "minus-log-softmax",
        Z4 + "s = LogSoftmax<axis=1>(z) out = Neg(s)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "log-of-softmax",
        Z4 + "s = Softmax<axis=1>(z) out = Log(s)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "exp-of-log-softmax",
        Z4 + "s = LogSoftmax<axis=1>(z) out = Exp(s)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "softmax-twice",
        Z4 + "s = Softmax<axis=1>(z) out = Softmax<axis=1>(s)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "softmax-of-log-softmax",
        Z4 + "p = LogSoftmax<axis=1>(z) out = Softmax<axis=1>(p)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid",
        Z4 + "n = Neg(z) e = Exp(n) p = Add(one, e) out = Div(one, p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid-reciprocal",
        Z4 + "n = Mul(z, minus) e = Exp(n) p = Add(e, one) out = Reciprocal(p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid-quotient",
        Z4 + "e = Exp(z) p = Add(e, one) out = Div(e, p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid-tanh",
        Z4 + "n = Mul(z, half) e = Tanh(n) p = Mul(e, half) out = Add(half, p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-softmax",
        Z4 + "m = ReduceMax<axes=[1]>(z) d0 = Sub(z, m) e = Exp(d0) q = ReduceSum(e, l1) "
        "out = Div(e, q)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-log-softmax",
        Z4 + "e = Exp(z) q = ReduceSum(e, l1) g = Log(q) out = Sub(z, g)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "log-sum-exp",
        Z4 + "g = ReduceLogSumExp<axes=[1]>(z) out = Sub(z, g)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "written-hard-sigmoid",
        Z4 + "a = Add(z, three) c = Clip(a, zero, six) out = Div(c, six)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "divided-by-the-sum",
        Z4 + "s = Relu(z) a = Add(s, one) t = ReduceSum(a, l1) out = Div(a, t)",
        4,
        "classes",
        (4,),
        same,
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_reading_is_what_the_file_says(form):
    check_form(form)
