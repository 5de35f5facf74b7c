"""Maps, sequences and optional values give way to the tensors that they hold."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.helper import make_node as node

from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.graph.scores_only import cut_to_scores
from onnxplain.graph.unwrap import unwrap
from tests.engines import find_head, keys_of, outputs_of
from tests.wrapped_outputs import (
    FLOATS,
    IMAGE,
    NAMES,
    label,
    label_of,
    maps,
    optional,
    sequence,
    tensor,
    wrapped_classifier,
    zip_map,
)

X = np.random.default_rng(0).uniform(-1, 1, (2, 3, 8, 8)).astype(np.float32)
WHOLE_NUMBERS = helper.make_tensor_type_proto(TensorProto.INT64, None)
CAST = [
    node("Cast", ["s"], ["d"], to=TensorProto.DOUBLE),
    node("Cast", ["d"], ["e"], to=TensorProto.FLOAT),
]


def run(model, name):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run([name], {IMAGE: X})[0]


def scores(model, output=None):
    """What the prepared graph gives for an output of the file."""
    whole = prepare(model)
    explained = outputs_of(whole, output).explained
    return run(cut_to_scores(whole, explained).model, explained)


def test_a_model_of_tensors_is_the_same_object():
    model = wrapped_classifier([], [tensor("s")])
    assert unwrap(model) == (model, {})
    assert unwrap(model)[0] is model


@pytest.mark.parametrize("keys", [tuple(NAMES), (10, 20, 30), (0, 1, 2)])
@pytest.mark.parametrize("opset", [8, 13, 17])
def test_a_map_is_the_tensor_in_front_of_it(keys, opset):
    kind = TensorProto.STRING if isinstance(keys[0], str) else TensorProto.INT64
    model = wrapped_classifier([zip_map("s", "y", keys)], [("y", maps(kind))], opset=opset, ml=1)
    rows = [[row[key] for key in keys] for row in run(model, "y")]
    np.testing.assert_array_equal(scores(model), np.array(rows, np.float32))
    graph = prepare(model)
    head = find_head(graph)
    assert (head.output, head.logits, head.kind) == ("y", "z", "softmax")
    assert keys_of(graph) == tuple(map(str, keys))
    assert find_head(graph, "s").output == "y"


def test_a_map_behind_casts():
    model = wrapped_classifier([*CAST, zip_map("e", "y")], [("y", maps())])
    assert find_head(prepare(model)).logits == "z"
    rows = [list(row.values()) for row in run(model, "y")]
    np.testing.assert_array_equal(scores(model), np.array(rows, np.float32))


def test_two_maps_are_told_apart_by_name():
    tail = [node("Sigmoid", ["z"], ["t"]), zip_map("s", "a"), zip_map("t", "b", ["x", "y", "q"])]
    graph = prepare(wrapped_classifier(tail, [("a", maps()), ("b", maps())]))
    assert find_head(graph).output == "a"
    assert find_head(graph).others == ("b",)
    assert (find_head(graph, "b").kind, keys_of(graph, "b")) == ("sigmoid", ("x", "y", "q"))


@pytest.mark.parametrize("output", [None, "s", "y", "z"])
def test_a_map_names_the_classes_of_the_same_scores(output):
    outputs = [label(), tensor("s"), ("y", maps()), tensor("z")]
    graph = prepare(wrapped_classifier([*label_of("s"), zip_map("s", "y")], outputs))
    assert keys_of(graph, output) == tuple(NAMES)
    head = find_head(graph, output)
    assert head.logits == "z"
    assert set(head.others) == {"label", "s", "y", "z"} - {head.output}


def test_maps_that_disagree_name_nothing_but_their_own():
    tail = [zip_map("s", "a"), zip_map("s", "b", list("xyz"))]
    graph = prepare(wrapped_classifier(tail, [("a", maps()), ("b", maps()), tensor("z")]))
    assert keys_of(graph, "z") == ()
    assert keys_of(graph, "b") == tuple("xyz")


def test_a_map_of_other_scores_names_nothing():
    tail = [node("Neg", ["f"], ["other"]), zip_map("other", "y", list("abcdef"))]
    graph = prepare(wrapped_classifier(tail, [tensor("s"), ("y", maps())]))
    assert keys_of(graph, "s") == ()


ONE = {
    "sequence": ([node("SequenceConstruct", ["s"], ["y"])], sequence()),
    "optional": ([node("Optional", ["s"], ["y"])], optional()),
    "optional sequence": (
        [node("SequenceConstruct", ["s"], ["q"]), node("Optional", ["q"], ["y"])],
        optional(sequence()),
    ),
    "inserted": (
        [node("SequenceEmpty", [], ["e"]), node("SequenceInsert", ["e", "s"], ["y"])],
        sequence(),
    ),
    "handed on": (
        [node("SequenceConstruct", ["s"], ["q"]), node("Identity", ["q"], ["y"])],
        sequence(),
    ),
}


@pytest.mark.parametrize("name", ONE)
def test_what_holds_one_tensor_is_that_tensor(name):
    tail, kind = ONE[name]
    model = wrapped_classifier(tail, [("y", kind)])
    held = run(model, "y")
    np.testing.assert_array_equal(scores(model), held[0] if isinstance(held, list) else held)
    assert find_head(prepare(model)).logits == "z"


SEVERAL = {
    "sequence": ([node("SequenceConstruct", ["z", "s"], ["y"])], sequence(), ["z", "s"]),
    "inserted": (
        [
            node("SequenceConstruct", ["z"], ["q"]),
            node("SequenceInsert", ["q", "f"], ["u"]),
            node("Optional", ["u"], ["y"]),
        ],
        optional(sequence()),
        ["z", "f"],
    ),
    "split": ([node("SplitToSequence", ["s"], ["y"], axis=0)], sequence(), ["s"]),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_of_several_tensors_one_has_to_be_named(name):
    tail, kind, held = SEVERAL[name]
    model = wrapped_classifier(tail, [("y", kind)])
    graph = prepare(model)
    listed = ", ".join(map(repr, held))
    with pytest.raises(
        UnsupportedModelError, match=rf"'y' is not a tensor but .*float32.*{listed}"
    ):
        find_head(graph)
    with pytest.raises(UsageError, match=rf"'y' is not a tensor but .*--output: {listed}"):
        find_head(graph, "y")
    for k, tensor_name in enumerate(held):
        expected = run(model, "y")
        expected = np.concatenate(expected) if name == "split" else expected[k]
        np.testing.assert_array_equal(scores(model, tensor_name), expected)
    assert find_head(graph, held[0]).others == ("y",)


def test_tensors_beside_are_taken_before_those_in_a_sequence():
    tail = [node("SequenceConstruct", ["s", "f"], ["y"])]
    graph = prepare(wrapped_classifier(tail, [("y", sequence()), tensor("z")]))
    assert find_head(graph).output == "z"
    assert find_head(graph).others == ("y",)


@pytest.mark.parametrize(
    ("tail", "kind", "said"),
    [
        (
            [node("ArgMax", ["z"], ["a"]), node("SequenceConstruct", ["a"], ["y"])],
            sequence(WHOLE_NUMBERS),
            r"sequence\(int64\)",
        ),
        ([node("SequenceEmpty", [], ["y"])], sequence(), r"sequence\(float32\)"),
        ([node("Optional", [], ["y"], type=FLOATS)], optional(), r"optional\(float32\)"),
    ],
    ids=["whole numbers", "empty", "absent"],
)
def test_what_holds_no_scores_is_refused_by_name_and_type(tail, kind, said):
    graph = prepare(wrapped_classifier(tail, [("y", kind)]))
    for output, error in ((None, UnsupportedModelError), ("y", UsageError)):
        with pytest.raises(error, match=rf"'y' is not a tensor but {said} \(it holds no scores\)"):
            find_head(graph, output)


def test_names_of_classes_are_no_scores():
    graph = prepare(wrapped_classifier(label_of("s"), [label(), tensor("s")]))
    with pytest.raises(UsageError, match="'label' holds no scores: it is string"):
        find_head(graph, "label")


def test_an_unknown_name_offers_wrapped_outputs_as_well():
    tail = [node("SequenceConstruct", ["s", "f"], ["y"])]
    graph = prepare(wrapped_classifier(tail, [("y", sequence()), tensor("z")]))
    with pytest.raises(UnknownNameError, match=r"outputs: .*y"):
        find_head(graph, "nothing")


def test_a_type_that_only_an_annotation_names():
    model = wrapped_classifier([zip_map("s", "y")], [tensor("s")])
    model.graph.value_info.append(helper.make_value_info("y", maps()))
    assert find_head(prepare(model)).output == "s"


def test_a_long_chain_of_insertions():
    tail = [node("SequenceEmpty", [], ["q0"])]
    tail += [node("SequenceInsert", [f"q{k}", "s"], [f"q{k + 1}"]) for k in range(1500)]
    graph = prepare(wrapped_classifier([*tail, node("Identity", ["q1500"], ["y"])],
                                       [("y", sequence())]))  # fmt: skip
    assert graph.wrapped["y"].tensors == ("s",)
