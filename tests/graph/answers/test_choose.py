"""Which output is explained, and what is said about the others."""

from __future__ import annotations

import numpy as np
import pytest
from heads import VECTOR, model, opened

from onnxplain.errors import UnknownNameError
from onnxplain.graph.answers.choose import choose


def answers(body: str, *outputs: str):
    return opened(model(f"{VECTOR} {body}", outputs)).answers


def test_one_output_is_no_choice():
    chosen, said = choose(answers("out = MatMul(f, w4)", "double[N,4] out"))
    assert (chosen.output, said) == ("out", "")


@pytest.mark.parametrize(
    ("body", "outputs", "wanted"),
    [
        # Features come first and have the more telling name.
        (
            "output_embedding = MatMul(f, w3) z = MatMul(output_embedding, e) "
            "x = Softmax<axis=1>(z)",
            ("double[N,3] output_embedding", "double[N,3] x"),
            "x",
        ),
        (
            "output_score = MatMul(f, w3) z = MatMul(f, w4) x = Softmax<axis=1>(z)",
            ("double[N,3] output_score", "double[N,4] x"),
            "x",
        ),
        (
            "age = MatMul(f, w1) z = MatMul(f, w4) kind = Softmax<axis=1>(z)",
            ("double[N,1] age", "double[N,4] kind"),
            "kind",
        ),
        (
            "aux_logits = MatMul(f, w4) logits = MatMul(f, v4)",
            ("double[N,4] aux_logits", "double[N,4] logits"),
            "logits",
        ),
        (
            "a = MatMul(f, w4) t = MatMul(f, w3) u = Relu(t) b = MatMul(u, e)",
            ("double[N,4] a", "double[N,3] b"),
            "b",
        ),
        (
            "z = MatMul(f, w4) n = ReduceL2<axes=[1]>(z) logit_vector = Div(z, n) "
            "other = MatMul(f, w3)",
            ("double[N,4] logit_vector", "double[N,3] other"),
            "other",
        ),
    ],
)
def test_structure_outranks_names_and_the_choice_is_said(body, outputs, wanted):
    made = model(f"{VECTOR} {body}", outputs, extra={"e": np.eye(3)})
    chosen, said = choose(opened(made).answers)
    assert chosen.output == wanted
    for output in outputs:
        assert repr(output.split()[-1]) in said
    assert "--output" in said


def test_features_in_front_of_scores_are_called_so():
    made = model(
        f"{VECTOR} a = MatMul(f, w3) b = MatMul(a, e)",
        ["double[N,3] a", "double[N,3] b"],
        extra={"e": np.eye(3)},
    )
    tasks = {a.output: a.task for a in opened(made).answers}
    assert tasks == {"a": "embedding", "b": "classes"}


@pytest.mark.parametrize(
    ("body", "outputs", "wanted"),
    [
        (
            "z = MatMul(f, w4) p = Softmax<axis=1>(z) top_scores, ranks = TopK(p, l2)",
            ("double[N,2] top_scores", "int64[N,2] ranks", "double[N,4] p"),
            "p",
        ),
        (
            "z = MatMul(f, w4) p = Softmax<axis=1>(z) label = ArgMax<axis=1>(p)",
            ("int64[N,1] label", "double[N,4] p"),
            "p",
        ),
        (
            "z = MatMul(f, w4) p = Softmax<axis=1>(z)",
            ("double[N,4] z", "double[N,4] p"),
            "p",
        ),
    ],
)
def test_other_forms_of_one_head_are_no_choice(body, outputs, wanted):
    chosen, said = choose(answers(body, *outputs))
    assert (chosen.output, said) == (wanted, "")


def test_a_person_names_the_output():
    found = answers("a = MatMul(f, w4) b = MatMul(f, w3)", "double[N,4] a", "double[N,3] b")
    assert choose(found, "b")[0].output == "b"
    with pytest.raises(UnknownNameError, match="outputs: a, b"):
        choose(found, "c")
