"""What an output answers, and which outputs answer nothing."""

import numpy as np
import pytest
from heads import MAPS, VECTOR, model, pictures, values
from scipy.special import expit, softmax

from onnxplain.graph.answers.interpret import Interpreter
from tests.graph.answers.shaped import traced

BOUND = 16 * np.finfo(np.float64).eps
Z = f"{VECTOR} z = MatMul(f, w4) "
PAIR = f"{VECTOR} z = MatMul(f, w2) s = Softmax<axis=1>(z) "
EXTRA = {
    "fixed": np.array([[1.0, 2, 3]]), "whole": np.array([[1, 2, 3]]), "rows": np.array([6, 6]),
    "first": np.array(0), "second": np.array(1), "all": np.array([12]),
}  # fmt: skip


def reader(body, *outputs, batch="N"):
    made = model(body, outputs, extra=EXTRA, batch=batch)
    found = traced(made)
    graph = found.tracer.graph
    return Interpreter(graph, found.tracer.shapes, found.image, {}), graph, pictures(made)


@pytest.mark.parametrize(
    ("tail", "followed"),
    [
        ("", ()),
        ("v, out = TopK(s, l2)", ("TopK",)),
        ("out = ArgMax<axis=1, keepdims=0>(s)", ("ArgMax",)),
    ],
)
def test_ranks_and_labels_answer_with_the_scores_in_front(tail, followed):
    name, kind = ("out", "int64") if tail else ("s", "double")
    shape = {"": "N,4", "v": "N,2", "o": "N"}[tail[:1]]
    read, graph, picture = reader(f"{Z} s = Softmax<axis=1>(z) {tail}", f"{kind}[{shape}] {name}")
    answer = read.answer(name)
    held = values(graph, picture)
    assert (answer.output, answer.task) == (name, "classes")
    wanted = softmax(held["z"], axis=1)
    np.testing.assert_allclose(answer.probability.read(held), wanted, rtol=0, atol=BOUND)
    np.testing.assert_array_equal(answer.logit.read(held), held["z"])
    assert tuple(note.split()[0] for note in answer.followed) == followed


@pytest.mark.parametrize("which", ["first", "second"])
def test_one_column_of_two_answers_with_both(which):
    read, graph, picture = reader(f"{PAIR} out = Gather<axis=1>(s, {which})", "double[N] out")
    answer = read.answer("out")
    held = values(graph, picture)
    assert (answer.output, answer.task, answer.shape) == ("out", "classes", (2,))
    np.testing.assert_allclose(
        answer.probability.read(held), softmax(held["z"], axis=1), atol=BOUND
    )
    column = answer.probability.read(held)[:, int(EXTRA[which])]
    np.testing.assert_allclose(column, held["out"], atol=BOUND)
    assert "one of two classes (the other is 1 - p)" in answer.followed


def test_one_column_of_several_answers_alone():
    read, _, _ = reader(
        f"{Z} s = Softmax<axis=1>(z) out = Gather<axis=1>(s, first)", "double[N] out"
    )
    answer = read.answer("out")
    assert (answer.task, answer.shape) == ("yes-no", (1,))


@pytest.mark.parametrize(
    ("body", "output", "said"),
    [
        (f"{VECTOR} out = Identity(fixed)", "double[1,3] out", "nothing of the picture"),
        (f"{Z} out = Cast<to=7>(z)", "int64[N,4] out", "whole numbers without scores"),
        (f"{Z} out = NonZero(z)", "int64[2,M] out", "a shape that depends on values"),
    ],
)
def test_what_answers_nothing(body, output, said):
    read, _, _ = reader(body, output)
    answer = read.answer("out")
    assert (answer.task, answer.probability, answer.logit) == ("unknown", None, None)
    assert said in answer.evidence
    assert "--output" in answer.doubt


def test_inputs_that_share_an_axis_with_numbers_are_not_taken_apart():
    read, _, _ = reader(
        f"{VECTOR} z = MatMul(f, w3) out = Reshape(z, all)", "double[12] out", batch=4
    )
    answer = read.answer("out")
    assert answer.task == "unknown"
    assert "a batch of 4 inputs shares an axis" in answer.evidence


def test_an_opaque_answer_reads_the_output_as_it_is():
    read, graph, picture = reader(
        f"{MAPS} y = MatMul(h, m5) out = Transpose<perm=[0,3,1,2]>(y)", "double[N,5,6,6] out"
    )
    answer = read.opaque("out", "boxes", "because", "or not")
    assert (answer.task, answer.evidence, answer.doubt) == ("boxes", "because", "or not")
    assert (answer.shape, answer.axis) == ((5, 6, 6), 0)
    held = values(graph, picture)
    np.testing.assert_array_equal(answer.raw.read(held), held["out"])


def test_the_view_has_the_axis_that_is_named():
    read, _, _ = reader(
        f"{MAPS} y = MatMul(h, m5) out = Transpose<perm=[0,3,1,2]>(y)", "double[N,5,6,6] out"
    )
    found = [read.view("out", axis) for axis in (None, 1, 3)]
    assert [(v.shape, v.axis) for v in found] == [((5, 6, 6), 0), ((5, 6, 6), 0), ((5, 6, 6), 2)]
    assert all(v.batch_axis == 0 for v in found)
    assert read.view("nowhere") is None


def test_sigmoids_beside_raw_numbers_are_answered_by_output():
    read, graph, picture = reader(
        f"{Z} p = Sigmoid(z) raw = MatMul(f, v4)", "double[N,4] p", "double[N,4] raw"
    )
    held = values(graph, picture)
    labels, raw = read.answer("p"), read.answer("raw")
    assert (labels.task, raw.task) == ("labels", "classes")
    np.testing.assert_allclose(labels.probability.read(held), expit(held["z"]), atol=BOUND)
    assert raw.probability is None
    np.testing.assert_array_equal(raw.logit.read(held), held["raw"])
