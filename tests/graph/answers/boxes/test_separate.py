"""Boxes, scores and labels as outputs of their own, read from numbers written by hand."""

import numpy as np
import pytest
from heads import model

from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.graph.answers.boxes.separate import separate, unlike_boxes
from tests.graph.answers.shaped import outputs_of_shapes, traced

SIDES = [[0.0, 1, 10, 21], [5, 5, 8, 9], [2, 3, 4, 5]]


def of_shapes(shapes, names=0, **activations):
    return separate(traced(outputs_of_shapes(shapes, (64, 64), activations)).seen(names))


@pytest.mark.parametrize(
    ("boxes", "scores", "labels"),
    [
        ((3, 4), (3,), (3,)),
        ((1, 3, 4), (1, 3), (3,)),
        ((3, 4), (3, 1), (1, 3)),
    ],
)
def test_scores_and_labels_beside_boxes(boxes, scores, labels):
    found = of_shapes({"labels": labels, "scores": scores, "boxes": boxes})
    values = {
        "boxes": np.reshape(SIDES, (1, *boxes)),
        "scores": np.reshape([0.5, 0.9, 0.4], (1, *scores)),
        "labels": np.reshape([2.0, 0, 1], (1, *labels)),
    }
    chosen = found.layout.detect(values)
    np.testing.assert_array_equal(chosen.sides, [SIDES[1], SIDES[0], SIDES[2]])
    np.testing.assert_array_equal(chosen.scores, [0.9, 0.5, 0.4])
    assert chosen.labels.tolist() == [0, 2, 1]
    assert found.form_known
    assert found.scores_known
    assert found.layout.suppression.overlap is None


def test_tensorflow_writes_rows_before_columns():
    shapes = {"detection_boxes": (3, 4), "detection_classes": (3,), "detection_scores": (3,)}
    found = of_shapes(shapes)
    values = {
        "detection_boxes": np.array(SIDES)[None][..., [1, 0, 3, 2]],
        "detection_scores": np.array([[0.9, 0.8, 0.7]]),
        "detection_classes": np.array([[1.0, 1, 2]]),
    }
    np.testing.assert_array_equal(found.layout.detect(values).sides, SIDES)


def labelled(tail, outputs):
    rng = np.random.default_rng(0)
    body = (
        "p = ReduceMean<axes=[2,3], keepdims=0>(image) b = MatMul(p, wb) x = Reshape(b, sb) "
        f"s = MatMul(p, ws) z = Reshape(s, ss) {tail}"
    )
    extra = {
        "wb": rng.normal(size=(3, 12)).astype(np.float32), "sb": np.array([-1, 3, 4]),
        "ws": rng.normal(size=(3, 15)).astype(np.float32), "ss": np.array([-1, 3, 5]),
        "wk": rng.normal(size=(3, 3)).astype(np.float32),
    }  # fmt: skip
    return separate(traced(model(body, outputs, extra=extra)).seen())


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        ("q = ReduceMax<axes=[2], keepdims=0>(z) k = ArgMax<axis=2, keepdims=0>(z)", "int64"),
        (
            "q = ReduceMax<axes=[2], keepdims=0>(z) a = ArgMax<axis=2, keepdims=0>(z) "
            "k = Cast<to=1>(a)",
            "float",
        ),
        ("q = MatMul(p, wk) c = Neg(q) k = Cast<to=7>(c)", "int64"),
    ],
)
def test_labels_are_whole_numbers_or_an_argmax_whatever_their_name(tail, kind):
    outputs = [f"{kind}[N,3] k", "float[N,3] q", "float[N,3,4] o"]
    found = labelled(f"{tail} o = Identity(x)", outputs)
    assert found.layout.labels.tensors == ("k",)
    assert found.layout.scores.tensors == ("q",)
    assert found.layout.boxes.tensors == ("o",)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("activation", "names", "known"),
    [("Sigmoid", 21, True), ("Sigmoid", 20, False), ("Neg", 21, False)],
)
def test_scores_of_each_class_beside_boxes(turned, activation, names, known):
    """That none of them is a background is known where the file names as many classes."""
    shape = (21, 3) if turned else (3, 21)
    found = of_shapes({"confidence": shape, "loc": (3, 4)}, names, confidence=activation)
    scores = np.arange(63.0).reshape(3, 21)
    values = {"loc": np.array([SIDES]), "confidence": (scores.T if turned else scores)[None]}
    np.testing.assert_array_equal(found.layout.class_scores(values)[0], scores.T)
    np.testing.assert_array_equal(found.layout.sides(values)[0].T, SIDES)
    assert found.layout.count == 21
    assert not found.form_known
    assert found.scores_known == known


@pytest.mark.parametrize(("names", "background"), [(5, 5), (6, None), (0, None)])
def test_detr_has_centres_and_a_background_behind_the_names(names, background):
    found = of_shapes({"logits": (3, 6), "pred_boxes": (3, 4)}, names)
    logits = np.random.default_rng(0).normal(size=(1, 3, 6))
    values = {"pred_boxes": np.array([[[5.0, 11, 10, 20]] * 3]), "logits": logits}
    np.testing.assert_array_equal(found.layout.sides(values)[0, :, 0], SIDES[0])
    assert found.form_known
    assert found.layout.background == background
    wanted = logits[0].T
    if background is not None:
        wanted = (np.exp(wanted) / np.exp(wanted).sum(axis=0))[:-1]
    np.testing.assert_allclose(found.layout.class_scores(values)[0], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("shapes", "activations", "boxes"),
    [
        # Four scores of each candidate are told from boxes by names, or by activations.
        ({"scores": (3, 4), "boxes": (3, 4)}, {}, "boxes"),
        ({"a": (3, 4), "b": (3, 4)}, {"a": "Softmax"}, "b"),
        ({"a": (3, 4), "box": (3, 4)}, {"box": "Sigmoid"}, "box"),
    ],
)
def test_four_scores_are_not_a_box(shapes, activations, boxes):
    made = traced(outputs_of_shapes(shapes, (64, 64), activations)).seen()
    found = separate(made)
    assert isinstance(found, FoundBoxes)
    assert found.layout.boxes.tensors == (boxes,)
    ranks = {o.name: unlike_boxes(made, o) for o in made.outputs}
    assert min(ranks, key=ranks.__getitem__) == boxes


@pytest.mark.parametrize(
    "shapes",
    [
        {"boxes": (3, 4)},
        {"boxes": (3, 4), "scores": (7,)},
        {"boxes": (3, 4), "scores": (7, 8)},
        {"boxes": (3, 5), "scores": (3,), "labels": (3,)},
    ],
)
def test_outputs_that_do_not_belong_together(shapes):
    assert of_shapes(shapes) is None
