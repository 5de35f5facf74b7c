"""Ranks, labels and thresholds at the end: every reading against NumPy and the file."""

from __future__ import annotations

import numpy as np
import pytest
from head_forms import Z1, Z4, Form, check_form, of, soft
from scipy.special import expit

FORMS = [
    Form(
        "top-k",
        Z4 + "s = Softmax<axis=1>(z) out, ranks = TopK(s, l2)",
        2,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
        soft("w4"),
    ),
    Form(
        "best-score",
        Z4 + "s = Softmax<axis=1>(z) out = ReduceMax<axes=[1]>(s)",
        1,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
        soft("w4"),
    ),
    Form(
        "label",
        Z4 + "s = Softmax<axis=1>(z) a = ArgMax<axis=1>(s) out = Cast<to=11>(a)",
        1,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
        soft("w4"),
    ),
    Form(
        "label-of-logits",
        Z4 + "a = ArgMax<axis=1>(z) out = Cast<to=11>(a)",
        1,
        "classes",
        (4,),
        None,
        of("w4"),
        of("w4"),
    ),
    Form(
        "smallest-wins",
        Z4 + "a = ArgMin<axis=1>(z) out = Cast<to=11>(a)",
        1,
        "classes",
        (4,),
        None,
        of("w4", -1),
        of("w4", -1),
    ),
    Form(
        "threshold",
        Z1 + "s = Sigmoid(z) g = Greater(s, half) out = Cast<to=11>(g)",
        1,
        "yes-no",
        (1,),
        lambda out, z: expit(z["w1"]),
        of("w1"),
        lambda out, z: expit(z["w1"]),
    ),
    Form(
        "below-threshold-zero",
        Z4 + "s = Sigmoid(z) g = Less(s, half) out = Where(g, zero, s)",
        4,
        "labels",
        (4,),
        lambda out, z: expit(z["w4"]),
        of("w4"),
        lambda out, z: expit(z["w4"]),
    ),
    Form(
        "marks-of-the-label",
        Z4 + "i = ArgMax<axis=1, keepdims=0>(z) h = OneHot(i, four, marks) out = Cast<to=11>(h)",
        4,
        "classes",
        (4,),
        None,
        of("w4"),
        of("w4"),
        extra={"four": np.array(4), "marks": np.array([0, 1], np.float32)},
    ),
    Form(
        "marks-of-the-largest",
        Z4 + "m = ReduceMax<axes=[1]>(z) e = Equal(z, m) out = Cast<to=11>(e)",
        4,
        "classes",
        (4,),
        None,
        of("w4"),
        of("w4"),
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_reading_is_what_the_file_says(form):
    check_form(form)
