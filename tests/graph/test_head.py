"""Which output holds the class scores, and which tensor the logits."""

import graphs
import numpy as np
import pytest
from graphs import build, value_info
from onnx import TensorProto
from onnx.helper import make_node as node

from onnxplain.errors import UnknownNameError, UnsupportedModelError
from onnxplain.graph.head import find_head
from onnxplain.graph.prepare import prepare


def head_of(tail, outputs=(("y", ["N", 5]),), constants=None, output=None):
    """Head of a linear classifier with logits ``z``, followed by `tail`."""
    declared = [value_info(name, shape, *dtype) for name, shape, *dtype in outputs]
    weight = {"w": graphs.weights(72, 5), **(constants or {})}
    nodes = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["z"]), *tail]
    return find_head(prepare(build(nodes, declared, weight)), output)


@pytest.mark.parametrize(
    ("final", "kind"),
    [("Softmax", "softmax"), ("LogSoftmax", "log-softmax"), ("Sigmoid", "sigmoid")],
)
def test_the_logits_are_in_front_of_the_final_activation(final, kind):
    head = head_of([node(final, ["z"], ["y"])])
    assert (head.output, head.logits, head.kind) == ("y", "z", kind)
    assert [n.op_type for n in head.stripped] == [final]


def test_without_an_activation_the_output_holds_logits():
    head = head_of([node("Neg", ["z"], ["y"])])
    assert (head.output, head.logits, head.kind, head.stripped) == ("y", "y", "logits", ())


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
            [
                node("QuantizeLinear", ["p", "k", "o"], ["q"]),
                node("DequantizeLinear", ["q", "k", "o"], ["y"]),
            ],
            {"k": np.float32(1 / 256), "o": np.uint8(0)},
            ["QuantizeLinear", "DequantizeLinear"],
        ),
    ],
    ids=["Identity and Dropout", "Cast", "Reshape", "quantised"],
)
def test_what_only_moves_the_scores_is_passed(tail, constants, operators):
    head = head_of([node("Softmax", ["z"], ["p"]), *tail], constants=constants)
    assert (head.output, head.logits, head.kind) == ("y", "z", "softmax")
    assert [n.op_type for n in head.stripped] == ["Softmax", *operators]


def test_scores_that_are_squeezed_behind_the_softmax():
    tail = [
        node("Unsqueeze", ["z", "a"], ["u"]),
        node("Softmax", ["u"], ["p"], axis=1),
        node("Squeeze", ["p", "a"], ["y"]),
    ]
    head = head_of(tail, constants={"a": np.array([2])})
    assert (head.logits, head.kind) == ("u", "softmax")


@pytest.mark.parametrize(
    "mixing",
    [
        [node("Mul", ["p", "p"], ["y"])],
        [node("Neg", ["p"], ["a"]), node("Identity", ["a"], ["y"])],
        [node("MatMul", ["p", "v"], ["y"])],
    ],
    ids=["Mul", "Neg", "MatMul"],
)
def test_a_softmax_in_the_middle_is_not_the_head(mixing):
    head = head_of([node("Softmax", ["z"], ["p"]), *mixing], constants={"v": graphs.weights(5, 5)})
    assert (head.logits, head.kind) == ("y", "logits")


def test_the_logits_may_be_an_output_as_well():
    head = head_of([node("Softmax", ["z"], ["probs"])], [("z", ["N", 5]), ("probs", ["N", 5])])
    assert (head.output, head.logits, head.others) == ("probs", "z", ("z",))


def test_an_output_of_another_type_or_rank_is_passed_over():
    head = find_head(prepare(graphs.classifier(final="Softmax", extra=True)))
    assert (head.output, head.logits) == ("scores", "logits")
    assert head.others == ("label", "embedding", "maps")


def test_among_equals_the_first_is_taken():
    tail = [node("Neg", ["z"], ["a"]), node("Abs", ["z"], ["b"])]
    head = head_of(tail, [("b", ["N", 5]), ("a", ["N", 5])])
    assert head.output == "b"


@pytest.mark.parametrize("output", ["a", "b"])
def test_an_output_that_is_named_is_taken(output):
    tail = [node("Neg", ["z"], ["a"]), node("Sigmoid", ["z"], ["b"])]
    head = head_of(tail, [("b", ["N", 5]), ("a", ["N", 5])], output=output)
    assert head.output == output
    assert head.kind == {"a": "logits", "b": "sigmoid"}[output]


def test_an_unknown_output_offers_those_there_are():
    with pytest.raises(UnknownNameError, match="outputs: y"):
        head_of([node("Neg", ["z"], ["y"])], output="logits")


@pytest.mark.parametrize(
    ("shape", "tail", "constants"),
    [
        (["N", 5, 1, 1], "Reshape", {"s": np.array([-1, 5, 1, 1])}),
        (["N", 1, 1, 5], "Reshape", {"s": np.array([-1, 1, 1, 5])}),
    ],
)
def test_axes_of_length_one_do_not_matter(shape, tail, constants):
    head = head_of([node(tail, ["z", "s"], ["y"])], [("y", shape)], constants)
    assert head.output == "y"


@pytest.mark.parametrize("shape", [["N", 3, 4, 6], ["N", "K", "H", "W"], ["N", 24, 3]])
def test_a_dense_output_is_taken_where_there_is_no_other(shape):
    dense = ("y", shape)
    assert head_of([node("Relu", ["x"], ["y"])], [dense]).output == "y"
    scores = ("a", ["N", 5])
    tail = [node("Relu", ["x"], ["y"]), node("Neg", ["z"], ["a"])]
    assert head_of(tail, [dense, scores]).output == "a"


def test_a_reshape_behind_a_dense_softmax_moves_the_classes():
    tail = [node("Softmax", ["x"], ["p"], axis=1), node("Reshape", ["p", "s"], ["y"])]
    head = head_of(tail, [("y", ["N", 3, 24])], {"s": np.array([0, 3, 24])})
    assert (head.logits, head.kind) == ("y", "logits")
    head = head_of([node("Softmax", ["x"], ["y"], axis=1)], [("y", ["N", 3, 4, 6])])
    assert (head.logits, head.kind) == ("x", "softmax")


@pytest.mark.parametrize(
    ("outputs", "tail", "said"),
    [
        (
            [("y", ["N"], np.int64)],
            [node("ArgMax", ["z"], ["y"], axis=1, keepdims=0)],
            r"y \['N'\]",
        ),
        ([("y", [])], [node("ReduceSum", ["z"], ["y"], keepdims=0)], r"y \[\]"),
    ],
    ids=["label only", "scalar"],
)
def test_no_output_with_class_scores(outputs, tail, said):
    with pytest.raises(UnsupportedModelError, match=said) as caught:
        head_of(tail, outputs)
    assert "--output" in str(caught.value)


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
    head = find_head(prepare(graphs.classifier(final=final, classes=classes)))
    assert head.read(kind, classes) == read
