"""Which tensors hold the scores of the explained output, and what stands behind them."""

import graphs
import numpy as np
import pytest
import scipy.special
from graphs import build, value_info
from handmade import model
from onnx import TensorProto
from onnx.helper import make_node as node

from onnxplain.errors import UnknownNameError, UnsupportedModelError
from onnxplain.graph.answers.choose import choose
from onnxplain.graph.head import head_of
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from onnxplain.tasks.classes import Classes
from onnxplain.tasks.find import require_task

X = np.random.default_rng(1).standard_normal((2, 3, 4, 6)).astype(np.float32)
ACTIVATED = {
    "Softmax": lambda z: scipy.special.softmax(z, axis=1),
    "LogSoftmax": lambda z: scipy.special.softmax(z, axis=1),
    "Sigmoid": scipy.special.expit,
}


def network_of(tail, outputs=(("y", ["N", 5]),), constants=None, **options):
    """Network of a linear classifier with logits ``z``, followed by `tail`."""
    declared = [value_info(name, shape, *dtype) for name, shape, *dtype in outputs]
    weight = {"w": graphs.weights(72, 5), **(constants or {})}
    nodes = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["z"]), *tail]
    return Network(prepare(build(nodes, declared, weight)), **options)


def every_tensor(graph, x):
    """Values in the file as it is written, by ONNX Runtime."""
    network = Network(graph)
    return network.ort_as_written.activations(x, list(graph.tensor_names()))


def head(tail, *args, **options):
    return network_of(tail, *args, **options).head


@pytest.mark.parametrize("final", ACTIVATED)
def test_the_logits_are_in_front_of_the_final_activation(final):
    network = network_of([node(final, ["z"], ["y"])])
    found = network.head
    assert (found.output, found.tensors, found.logits) == ("y", ("z",), "z")
    assert [n.op_type for n in found.stripped] == [final]
    assert network.has_logits
    answer, held = network.answer, every_tensor(network.graph, X)
    np.testing.assert_array_equal(answer.logit.read(held), held["z"])
    expected = ACTIVATED[final](held["z"].astype(np.float64))
    assert np.ptp(expected) > 0.1
    # The file computes it in float32: a few roundings of numbers up to one.
    rounding = 4 * np.finfo(np.float32).eps
    np.testing.assert_allclose(answer.probability.read(held), expected, rtol=1e-5, atol=rounding)


def test_without_an_activation_the_output_holds_numbers_that_nothing_makes_probabilities():
    network = network_of([node("Neg", ["z"], ["y"])])
    found = network.head
    assert (found.output, found.logits, found.stripped) == ("y", "y", ())
    assert network.answer.probability is None
    held = every_tensor(network.graph, X)
    np.testing.assert_array_equal(network.answer.raw.read(held), -held["z"])


def quantised(first):
    return [
        node("QuantizeLinear", [first, "k", "o"], ["q"]),
        node("DequantizeLinear", ["q", "k", "o"], ["y"]),
    ]


@pytest.mark.parametrize(
    ("tail", "constants", "operators"),
    [
        ([node("Identity", ["p"], ["a"]), node("Dropout", ["a"], ["y"])], {}, []),
        (
            [
                node("Cast", ["p"], ["a"], to=TensorProto.FLOAT16),
                node("Cast", ["a"], ["y"], to=TensorProto.FLOAT),
            ],
            {},
            ["Cast", "Cast"],
        ),
        ([node("Reshape", ["p", "s"], ["y"])], {"s": np.array([-1, 5])}, ["Reshape"]),
        (
            quantised("p"),
            {"k": np.float32(1 / 256), "o": np.uint8(0)},
            ["QuantizeLinear", "DequantizeLinear"],
        ),
    ],
    ids=["Identity and Dropout", "Cast", "Reshape", "quantised"],
)
def test_what_only_moves_the_scores_is_passed(tail, constants, operators):
    network = network_of([node("Softmax", ["z"], ["p"]), *tail], constants=constants)
    found = network.head
    assert (found.output, found.logits, network.answer.task) == ("y", "z", "classes")
    assert [n.op_type for n in found.stripped] == ["Softmax", *operators]


def test_scores_that_are_squeezed_behind_the_softmax():
    tail = [
        node("Unsqueeze", ["z", "a"], ["u"]),
        node("Softmax", ["u"], ["p"], axis=1),
        node("Squeeze", ["p", "a"], ["y"]),
    ]
    network = network_of(tail, constants={"a": np.array([2])})
    held = every_tensor(network.graph, X)
    np.testing.assert_array_equal(network.answer.logit.read(held), held["z"])
    assert network.answer.task == "classes"
    assert "Softmax" in [n.op_type for n in network.head.stripped]


@pytest.mark.parametrize(
    ("mixing", "task"),
    [
        # Each is between zero and one, but they are no longer shares of one whole.
        ([node("Mul", ["p", "p"], ["y"])], "values"),
        ([node("MatMul", ["p", "v"], ["y"])], "classes"),
    ],
    ids=["Mul", "MatMul"],
)
def test_a_softmax_in_the_middle_is_not_the_head(mixing, task):
    network = network_of(
        [node("Softmax", ["z"], ["p"]), *mixing], constants={"v": graphs.weights(5, 5)}
    )
    assert (network.head.logits, network.head.stripped) == ("y", ())
    assert network.answer.task == task
    assert network.answer.probability is None
    assert "--scores" in network.answer.doubt
    assert network.answer.logit is None or network.answer.logit.tensors == ("y",)


def test_negated_probabilities_are_followed_to_the_probabilities():
    tail = [
        node("Softmax", ["z"], ["p"]),
        node("Neg", ["p"], ["a"]),
        node("Identity", ["a"], ["y"]),
    ]
    network = network_of(tail)
    held = every_tensor(network.graph, X)
    np.testing.assert_array_equal(network.answer.probability.read(held), held["p"])
    np.testing.assert_array_equal(network.answer.logit.read(held), held["z"])
    assert [n.op_type for n in network.head.stripped] == ["Softmax", "Neg"]


@pytest.mark.parametrize("domain", ["", "com.microsoft."])
def test_a_quantised_output_is_followed_to_the_logits(domain):
    """Before opset 21, numbers of 16 bits are quantised by operators of Microsoft's domain."""
    proto = model(
        f"f = Flatten(image) z = MatMul(f, w) p = Softmax<axis = 1>(z) "
        f"q = {domain}QuantizeLinear(p, k, o) scores = {domain}DequantizeLinear(q, k, o)",
        {"w": graphs.weights(108, 5), "k": np.float32(1 / 256), "o": np.uint8(0)},
    )
    network = Network(prepare(proto))
    assert (network.head.logits, network.answer.task) == ("z", "classes")
    x = np.random.default_rng(1).standard_normal((2, 3, 6, 6)).astype(np.float32)
    held = every_tensor(network.graph, x)
    np.testing.assert_array_equal(network.answer.probability.read(held), held["scores"])


def test_integers_of_an_operator_are_no_shifted_numbers():
    """The zero point of a DequantizeLinear says what its integers mean."""
    tail = [
        node("QuantizeLinear", ["z", "k", "o"], ["q"]),
        node("MatMulInteger", ["q", "v", "o"], ["n"]),
        node("DequantizeLinear", ["n", "k", "five"], ["y"]),
    ]
    constants = {
        "k": np.float32(0.1), "o": np.uint8(7), "five": np.int32(5),
        "v": np.eye(5, dtype=np.uint8),
    }  # fmt: skip
    network = network_of(tail, constants=constants)
    assert (network.answer.task, network.answer.shape) == ("classes", (5,))
    held = every_tensor(network.graph, X)
    np.testing.assert_array_equal(network.answer.raw.read(held), held["y"])


def test_the_logits_may_be_an_output_as_well():
    found = head([node("Softmax", ["z"], ["probs"])], [("z", ["N", 5]), ("probs", ["N", 5])])
    assert (found.output, found.logits, found.others) == ("probs", "z", ("z",))


def test_a_label_an_embedding_and_a_map_are_passed_over():
    network = Network(prepare(graphs.classifier(final="Softmax", extra=True)))
    assert (network.head.output, network.head.logits) == ("scores", "logits")
    assert sorted(network.head.others) == ["embedding", "label", "maps"]


def test_an_output_whose_numbers_go_on_has_no_stripped_branches():
    """Nodes that hang on the logits, but not in front of the explained output, are no head."""
    network = Network(prepare(graphs.classifier(final="Softmax", extra=True)))
    assert [n.op_type for n in network.head.stripped] == ["Softmax"]


def test_among_equals_the_first_is_taken():
    tail = [
        node("MatMul", ["f", "v"], ["c"]),
        node("Neg", ["c"], ["a"]),
        node("Neg", ["z"], ["b"]),
    ]
    constants = {"v": graphs.weights(72, 5, seed=1)}
    assert head(tail, [("b", ["N", 5]), ("a", ["N", 5])], constants).output == "b"
    assert head(tail, [("a", ["N", 5]), ("b", ["N", 5])], constants).output == "a"


@pytest.mark.parametrize(("output", "logits"), [("a", "a"), ("b", "z")])
def test_an_output_that_is_named_is_taken(output, logits):
    tail = [node("Neg", ["z"], ["a"]), node("Sigmoid", ["z"], ["b"])]
    found = head(tail, [("b", ["N", 5]), ("a", ["N", 5])], output=output)
    assert (found.output, found.logits) == (output, logits)


def test_an_unknown_output_offers_those_there_are():
    with pytest.raises(UnknownNameError, match="outputs: y"):
        head([node("Neg", ["z"], ["y"])], output="logits")


@pytest.mark.parametrize("shape", [["N", 5, 1, 1], ["N", 1, 1, 5]])
def test_axes_of_length_one_do_not_matter(shape):
    constants = {"s": np.array([-1, *shape[1:]])}
    network = network_of([node("Reshape", ["z", "s"], ["y"])], [("y", shape)], constants)
    assert (network.head.output, network.answer.shape, network.answer.places) == ("y", (5,), ())


@pytest.mark.parametrize("shape", [["N", 3, 4, 6], ["N", "K", "H", "W"]])
def test_a_dense_output_is_taken_where_there_is_no_other(shape):
    dense = ("y", shape)
    assert head([node("Relu", ["x"], ["y"])], [dense]).output == "y"
    tail = [node("Relu", ["x"], ["y"]), node("Neg", ["z"], ["a"])]
    assert head(tail, [dense, ("a", ["N", 5])]).output == "a"


def test_a_reshape_behind_a_dense_softmax_moves_the_places():
    """Classes of the output are those of the Softmax, place by place."""
    tail = [node("Softmax", ["x"], ["p"], axis=1), node("Reshape", ["p", "s"], ["y"])]
    network = network_of(tail, [("y", ["N", 3, 24])], {"s": np.array([0, 3, 24])})
    answer, held = network.answer, every_tensor(network.graph, X)
    assert (network.head.logits, answer.shape, answer.axis) == ("x", (3, 24), 0)
    np.testing.assert_array_equal(answer.logit.read(held), X.reshape(2, 3, 24))
    plain = head([node("Softmax", ["x"], ["y"], axis=1)], [("y", ["N", 3, 4, 6])])
    assert (plain.logits, [n.op_type for n in plain.stripped]) == ("x", ["Softmax"])


def test_no_output_with_scores():
    tail = [
        node("ReduceSum", ["z", "one"], ["r"], keepdims=0),
        node("Cast", ["r"], ["y"], to=TensorProto.INT64),
    ]
    network = network_of(tail, [("y", ["N"], np.int64)], {"one": np.array([1])})
    with pytest.raises(UnsupportedModelError, match="--output"):
        require_task(network.answer)


def test_a_number_without_a_batch_is_the_value_of_one_input():
    network = network_of([node("ReduceSum", ["z"], ["y"], keepdims=0)], [("y", [])])
    held = every_tensor(network.graph, X[:1])
    assert (network.answer.task, network.answer.shape) == ("values", (1,))
    assert network.answer.raw.read(held) == np.float64(held["y"])


def test_a_label_alone_leads_to_the_scores_it_is_chosen_from():
    tail = [node("ArgMax", ["z"], ["y"], axis=1, keepdims=0)]
    network = network_of(tail, [("y", ["N"], np.int64)])
    assert (network.head.output, network.head.logits) == ("y", "z")
    held = every_tensor(network.graph, X)
    np.testing.assert_array_equal(network.answer.raw.read(held).argmax(axis=1), held["y"])


@pytest.mark.parametrize(
    ("final", "classes", "kind", "read"),
    [
        (None, 5, "logit", ("scores", "none")),
        (None, 5, "probability", ("scores", "softmax")),
        (None, 1, "probability", ("scores", "sigmoid")),
        ("Softmax", 5, "logit", ("logits", "none")),
        ("Softmax", 5, "probability", ("scores", "none")),
        ("LogSoftmax", 5, "logit", ("logits", "none")),
        ("LogSoftmax", 5, "probability", ("scores", "exp")),
        ("Sigmoid", 5, "logit", ("logits", "none")),
        ("Sigmoid", 1, "probability", ("scores", "none")),
    ],
)
def test_where_a_score_is_read_and_how(final, classes, kind, read):
    declared = {} if final else {"scores": "logits"}
    declared |= {"task": "yes-no"} if not final and classes == 1 else {}
    network = Network(prepare(graphs.classifier(final=final, classes=classes)), **declared)
    reading = Classes(network.answer, (), network.shapes).readings[kind]
    assert (*reading.tensors, reading.activation) == read


def test_the_head_of_any_answer():
    network = Network(prepare(graphs.classifier(final="Softmax", extra=True)))
    by_name = {a.output: head_of(a, network.graph).logits for a in network.answers}
    assert by_name["scores"] == by_name["label"] == "logits"
    assert by_name["maps"] == "maps"
    assert head_of(choose(network.answers)[0], network.graph) == network.head
