"""Numbers that nothing makes probabilities: every reading against NumPy and the file."""

from __future__ import annotations

import numpy as np
import pytest
from head_forms import Z1, Z4, Form, check_form, of

FORMS = [
    Form("logits", "out = MatMul(f, w4)", 4, "classes", (4,), None, of("w4")),
    Form("one-logit", "out = MatMul(f, w1)", 1, "values", (1,), None, of("w1")),
    Form("age", Z1 + "r = Relu(z) out = Mul(r, forty)", 1, "values", (1,)),
    Form("scaled-sigmoid", Z1 + "s = Sigmoid(z) out = Mul(s, forty)", 1, "values", (1,)),
    Form("standardised", Z1 + "s = Mul(z, six) out = Add(s, forty)", 1, "values", (1,)),
    Form("angle", Z1 + "s = Tanh(z) out = Mul(s, forty)", 1, "values", (1,)),
    Form(
        "unit",
        Z4 + "n = ReduceL2<axes=[1]>(z) c = Clip(n, tiny) e = Expand(c, sh14) out = Div(z, e)",
        4,
        "embedding",
        (4,),
        extra={"tiny": np.array(1e-12), "sh14": np.array([1, 4])},
    ),
    Form(
        "unit-max",
        Z4 + "n = ReduceL2<axes=[1]>(z) c = Max(n, tiny) out = Div(z, c)",
        4,
        "embedding",
        (4,),
        extra={"tiny": np.array(1e-12)},
    ),
    Form(
        "unit-written",
        Z4 + "q = Mul(z, z) n = ReduceSum(q, l1) a = Add(n, tiny) r = Sqrt(a) i = Reciprocal(r) "
        "out = Mul(z, i)",
        4,
        "embedding",
        (4,),
        extra={"tiny": np.array(1e-12)},
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_reading_is_what_the_file_says(form):
    check_form(form)
