"""What a tensor answers: its readings are the probabilities and logits that NumPy computes."""

import numpy as np
import pytest
from heads import MAPS, VECTOR, model, pictures, values
from scipy.special import expit, log_softmax, softmax

from onnxplain.graph.answers.front import front_of
from onnxplain.graph.answers.interpret import Interpreter
from onnxplain.graph.answers.tensor_reader import TensorReader
from tests.graph.answers.shaped import traced

# Scores of up to 1 in float64, through an activation and a product.
BOUND = 16 * np.finfo(np.float64).eps
Z = f"{VECTOR} z = MatMul(f, w4) "
ONE = f"{VECTOR} z = MatMul(f, w1) "
PLACES = f"{MAPS} y = MatMul(h, m5) z = Transpose<perm=[0,3,1,2]>(y) "

EXTRA = {
    "tenth": np.array(0.1), "rest": np.array(0.6),
    "lines": np.array([0, 5, 36]), "maps": np.array([0, 5, 6, 6]),
}  # fmt: skip


def read(body, output, metadata=None):
    """The answer of `out`, and all tensors for three pictures."""
    made = model(body, [f"{output} out"], extra=EXTRA)
    found = traced(made)
    reader = Interpreter(found.tracer.graph, found.tracer.shapes, found.image, metadata or {})
    front = front_of(found.tracer, "out")
    answer = TensorReader(found.tracer, found.batches, metadata or {}, reader.view, front).answer()
    return answer, values(found.tracer.graph, pictures(made))


@pytest.mark.parametrize(
    ("tail", "task", "probability"),
    [
        ("out = Softmax<axis=1>(z)", "classes", lambda z: softmax(z, axis=1)),
        ("out = LogSoftmax<axis=1>(z)", "classes", lambda z: softmax(z, axis=1)),
        ("out = Sigmoid(z)", "labels", expit),
        ("s = Sigmoid(z) out = Mul(s, hundred)", "labels", expit),
        # A share is spread over all classes: what the file says is a probability itself.
        (
            "s = Softmax<axis=1>(z) t = Mul(s, rest) out = Add(t, tenth)", "classes",
            lambda z: 0.6 * softmax(z, axis=1) + 0.1,
        ),
    ],
)  # fmt: skip
def test_probabilities_and_logits_of_several_numbers(tail, task, probability):
    answer, held = read(Z + tail, "double[N,4]")
    assert (answer.task, answer.shape, answer.axis) == (task, (4,), 0)
    wanted = probability(held["z"])
    np.testing.assert_allclose(answer.probability.read(held), wanted, rtol=0, atol=BOUND)
    np.testing.assert_array_equal(answer.logit.read(held), held["z"])
    np.testing.assert_array_equal(answer.raw.read(held), held["out"])


def test_one_minus_each_of_several_classes_names_no_best_class():
    answer, held = read(Z + "s = Softmax<axis=1>(z) out = Sub(one, s)", "double[N,4]")
    assert (answer.task, answer.logit) == ("labels", None)
    wanted = 1 - softmax(held["z"], axis=1)
    np.testing.assert_allclose(answer.probability.read(held), wanted, rtol=0, atol=BOUND)


def test_a_sigmoid_of_one_number_says_yes_or_no():
    answer, held = read(ONE + "out = Sigmoid(z)", "double[N,1]")
    assert (answer.task, answer.shape) == ("yes-no", (1,))
    np.testing.assert_allclose(answer.probability.read(held), expit(held["z"]), atol=BOUND)
    assert answer.doubt == ""


def test_one_column_of_a_softmax_says_yes_or_no_without_a_logit():
    answer, held = read(Z + "s = Softmax<axis=1>(z) out = Gather<axis=1>(s, l1)", "double[N,1]")
    assert (answer.task, answer.logit) == ("yes-no", None)
    wanted = softmax(held["z"], axis=1)[:, 1:2]
    np.testing.assert_allclose(answer.probability.read(held), wanted, atol=BOUND)
    assert "over 4 classes" in answer.evidence


def test_a_number_and_one_minus_it_are_two_classes():
    body = ONE + "s = Sigmoid(z) t = Sub(one, s) out = Concat<axis=1>(t, s)"
    answer, held = read(body, "double[N,2]")
    assert answer.task == "classes"
    logits = np.concatenate([-held["z"], held["z"]], axis=1)
    np.testing.assert_array_equal(answer.logit.read(held), logits)


def test_a_softmax_of_maps_runs_over_classes():
    answer, held = read(PLACES + "out = Softmax<axis=1>(z)", "double[N,5,6,6]")
    assert (answer.task, answer.shape, answer.axis) == ("classes", (5, 6, 6), 0)
    wanted = softmax(held["z"], axis=1)
    np.testing.assert_allclose(answer.probability.read(held), wanted, atol=BOUND)


def test_a_softmax_over_places_makes_no_classes():
    body = PLACES + "r = Reshape(z, lines) s = Softmax<axis=2>(r) out = Reshape(s, maps)"
    answer, held = read(body, "double[N,5,6,6]")
    assert (answer.task, answer.probability) == ("values", None)
    assert "each map sums to one" in answer.evidence
    np.testing.assert_allclose(held["out"].sum(axis=(2, 3)), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("body", "task", "doubt"),
    [
        (Z + "out = Identity(z)", "classes", "logits of one class out of several"),
        (ONE + "out = Identity(z)", "values", "logit of a yes/no answer"),
        (Z + "out = Tanh(z)", "values", "scores of classes or an embedding"),
        (Z + "out = Relu(z)", "values", "scores of classes or an embedding"),
        (ONE + "out = Relu(z)", "values", ""),
        (ONE + "out = Tanh(z)", "values", "logit of a yes/no answer"),
        (Z + "s = Sigmoid(z) out = Mul(s, six)", "values", "labels that counts to 6"),
        (Z + "n = ReduceL2<axes=[1]>(z) out = Div(z, n)", "embedding", ""),
    ],
)
def test_what_nothing_makes_a_probability(body, task, doubt):
    width = 1 if body.startswith(ONE) else 4
    answer, held = read(body, f"double[N,{width}]")
    assert (answer.task, answer.probability) == (task, None)
    assert doubt in answer.doubt
    assert bool(doubt) == bool(answer.doubt)
    np.testing.assert_array_equal(answer.raw.read(held), held["out"])


def test_a_multiplied_sigmoid_is_a_probability_once_declared():
    answer, held = read(Z + "s = Sigmoid(z) out = Mul(s, six)", "double[N,4]")
    np.testing.assert_allclose(answer.declarable.read(held), expit(held["z"]), atol=BOUND)


def test_numbers_of_several_kinds():
    body = Z + "s = Sigmoid(z) out = Concat<axis=1>(z, s)"
    answer, _ = read(body, "double[N,8]")
    assert (answer.task, answer.probability, answer.logit) == ("values", None, None)
    assert "different things" in answer.doubt


def test_a_softmax_over_one_number_answers_nothing():
    answer, _ = read(ONE + "out = Softmax<axis=1>(z)", "double[N,1]")
    assert (answer.task, answer.probability) == ("unknown", None)
    assert "always 1" in answer.evidence


def test_two_names_make_a_number_a_yes_or_no():
    metadata = {"names": "['no', 'yes']"}
    answer, held = read(ONE + "out = Identity(z)", "double[N,1]", metadata)
    assert answer.task == "yes-no"
    np.testing.assert_allclose(answer.probability.read(held), expit(held["out"]), atol=BOUND)
    assert "taken as a logit" in answer.doubt


@pytest.mark.parametrize(("name", "task"), [("image_embedding", "embedding"), ("out", "classes")])
def test_a_name_tells_features(name, task):
    made = model(Z + f"{name} = Identity(z)", [f"double[N,4] {name}"])
    found = traced(made)
    reader = Interpreter(found.tracer.graph, found.tracer.shapes, found.image, {})
    front = front_of(found.tracer, name)
    answer = TensorReader(found.tracer, found.batches, {}, reader.view, front).answer()
    assert answer.task == task


@pytest.mark.parametrize(
    ("tail", "output", "sign"),
    [
        ("out = ArgMax<axis=1, keepdims=0>(z)", "int64[N]", 1),
        ("out = ArgMin<axis=1, keepdims=0>(z)", "int64[N]", -1),
    ],
)
def test_what_is_chosen_from_has_the_winner_as_its_largest(tail, output, sign):
    answer, held = read(Z + tail, output)
    assert answer.task == "classes"
    np.testing.assert_array_equal(answer.logit.read(held), sign * held["z"])
    np.testing.assert_array_equal(answer.raw.read(held).argmax(axis=1), held["out"])
    assert "nothing says that a Softmax" in answer.doubt


@pytest.mark.parametrize(
    ("body", "task"),
    [
        (Z + "b = Greater(z, half) out = Cast<to=7>(b)", "labels"),
        (ONE + "b = Greater(z, zero) out = Cast<to=7>(b)", "yes-no"),
        (ONE + "b = Greater(z, half) out = Cast<to=7>(b)", "values"),
    ],
)
def test_numbers_that_are_compared_with_a_limit(body, task):
    answer, held = read(body, f"int64[N,{1 if body.startswith(ONE) else 4}]")
    assert (answer.task, answer.probability) == (task, None)
    np.testing.assert_array_equal(answer.raw.read(held), held["z"])
    assert "compared with" in answer.evidence
    assert answer.doubt


def test_a_logarithm_is_taken_back():
    answer, held = read(Z + "s = Softmax<axis=1>(z) out = Log(s)", "double[N,4]")
    np.testing.assert_allclose(held["out"], log_softmax(held["z"], axis=1), rtol=1e-12)
    np.testing.assert_allclose(
        answer.probability.read(held), softmax(held["z"], axis=1), atol=BOUND
    )
