"""Which output is explained, and what is left of the graph then."""

import pytest
from graphs import classifier
from heads import VECTOR, model
from wrapped_outputs import NAMES, maps, tensor, wrapped_classifier, zip_map

from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.graph.answers.outputs import Outputs, class_keys, find_outputs
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from tests.graph.answers.shaped import outputs_of_shapes

Z = f"{VECTOR} z = MatMul(f, w4) "


def find(made, output=None, metadata=None, **options):
    graph = prepare(made)
    found = find_outputs(graph, output, lambda: find_image_input(graph), metadata or {}, **options)
    return graph, found


def left(graph):
    return [o.name for o in graph.outputs]


def test_one_output_needs_no_look_at_the_picture():
    graph = prepare(model(f"{Z} out = Softmax<axis=1>(z)", ["double[N,4] out"]))

    def image():
        raise AssertionError("there is no choice")

    assert find_outputs(graph, None, image, {}) == Outputs("out")


def test_of_several_outputs_the_scores_are_explained():
    graph, found = find(classifier(final="Softmax", extra=True))
    assert found.explained == "scores"
    assert [a.output for a in found.answers] == ["label", "embedding", "maps", "scores"]
    assert left(found.cut(graph)) == ["embedding", "maps", "scores"]
    assert found.boxes is None


def test_a_choice_is_said():
    _, found = find(
        model(
            f"{Z} p = Softmax<axis=1>(z) age = MatMul(f, w1)", ["double[N,1] age", "double[N,4] p"]
        )
    )
    assert found.explained == "p"
    assert "'age'" in found.sentence
    assert "--output" in found.sentence


@pytest.mark.parametrize(
    ("name", "kept"), [("embedding", ["embedding", "maps"]), ("maps", ["maps"])]
)
def test_a_person_names_another(name, kept):
    """What it is computed from stays in the graph, so that it may still be an output."""
    graph, found = find(classifier(final="Softmax", extra=True), name)
    assert (found.explained, found.sentence) == (name, "")
    assert left(found.cut(graph)) == kept


def test_a_name_that_is_none_is_refused():
    with pytest.raises(UnknownNameError, match="outputs: label, embedding, maps, scores"):
        find(classifier(extra=True), "nonsense")
    with pytest.raises(UsageError, match="holds no scores: it is bool"):
        find(model(f"{Z} out = Greater(z, half) p = Sigmoid(z)",
                   ["bool[N,4] out", "double[N,4] p"]), "out")  # fmt: skip


def test_outputs_without_scores_are_refused():
    body = f"{Z} a = Cast<to=7>(z) y = MatMul(f, v4) b = Cast<to=7>(y)"
    with pytest.raises(UnsupportedModelError, match=r"whole numbers.*outputs: a int64.*, b int64"):
        find(model(body, ["int64[N,4] a", "int64[N,4] b"]))


def detector():
    shapes = {"scores": (30, 5), "boxes": (30, 4)}
    return outputs_of_shapes(shapes, (64, 64), {"scores": "Sigmoid"})


@pytest.mark.parametrize("output", [None, "boxes", "scores"])
def test_a_detector_is_explained_with_all_tensors_of_its_boxes(output):
    graph, found = find(detector(), output)
    assert found.explained == "boxes"
    assert found.boxes.raw.tensors == ("boxes", "scores")
    assert sorted(left(found.cut(graph))) == ["boxes", "scores"]


def test_where_boxes_are_not_wanted_an_output_is_read_alone():
    graph, found = find(detector(), "scores", boxes=False)
    assert (found.explained, found.boxes) == ("scores", None)
    assert left(found.cut(graph)) == ["scores"]


LAYOUT = {
    "boxes": {"tensor": "b", "axis": 0, "form": "xyxy", "unit": "pixels"},
    "scores": {"tensor": "s", "axis": 0},
}


def test_a_declared_layout_is_taken_without_a_guess():
    made = outputs_of_shapes({"s": (5, 30), "b": (4, 30), "c": (7,)}, (64, 64), {"s": "Sigmoid"})
    graph, found = find(made, layout=LAYOUT)
    layout = found.boxes.boxes.layout
    assert found.explained == "b"
    assert sorted(left(found.cut(graph))) == ["b", "s"]
    assert (layout.count, layout.code.form) == (5, "xyxy")
    # Class 3 of candidate 8, in front of the Sigmoid.
    element = layout.logits.at(3, 8)
    assert element.tensor in ("z_s", "m_s")
    assert element.position == 3 * 30 + 8


def test_a_declared_layout_of_unknown_tensors_is_refused():
    with pytest.raises(UsageError, match="'b'"):
        find(outputs_of_shapes({"s": (5, 30), "c": (7,)}, (64, 64)), layout=LAYOUT)


def test_a_map_names_the_classes_of_its_scores():
    other = [f"other {n}" for n in NAMES]
    one = [zip_map("s", "m")]
    graph, found = find(wrapped_classifier(one, [("m", maps()), tensor("z")]))
    assert class_keys(graph, found) == tuple(NAMES)
    graph, found = find(wrapped_classifier(one, [tensor("z")]))
    assert class_keys(graph, found) == ()
    # Two maps that name the same scores differently tell nothing.
    two = [*one, zip_map("s", "n", tuple(other))]
    graph, found = find(wrapped_classifier(two, [("m", maps()), ("n", maps()), tensor("z")]))
    assert class_keys(graph, Outputs("z", found.answers)) == ()


def test_outputs_that_nothing_is_known_of_have_no_names():
    graph, _ = find(wrapped_classifier([zip_map("s", "m")], [("m", maps()), tensor("z")]))
    assert class_keys(graph, Outputs("z")) == ()
    assert class_keys(graph, Outputs("m")) == tuple(NAMES)


def test_of_boxes_keeps_what_else_is_known():
    _, found = find(detector())
    moved = Outputs("x", found.answers, "why").of_boxes(found.boxes)
    assert (moved.explained, moved.sentence, moved.boxes) == ("boxes", "why", found.boxes)
    assert moved.answers is found.answers
