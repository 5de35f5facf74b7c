"""What a detector's numbers mean where the graph leaves it open: two runs settle it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.network.settled_boxes import settled
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout, Elements
from onnxplain.targets.reading import Piece, Reading

HEIGHT, WIDTH, COUNT = 40, 80, 60
NO_LOGITS = Elements((), np.full((1, 1), -1), np.zeros((1, 1), np.int64))
BOXES, SCORES, ONE = (Columns((t,), axis=0) for t in ("boxes", "scores", "one"))


def sides(rng, count=COUNT):
    """Left, top, right and bottom of boxes along rows of a grid, in pixels."""
    x = np.tile(np.linspace(8, 72, 10), -(-count // 10))[:count]
    y = np.repeat(np.linspace(5, 35, -(-count // 10)), 10)[:count]
    half = rng.uniform(1, 4, (2, count))
    return np.stack([x - half[0], y - half[1], x + half[0], y + half[1]])


def network(**tensors):
    """Stands for a network that writes these tensors, (n, P), for each of two pictures."""

    class Engine:
        def together(self):
            return self

        def activations(self, x, names):
            if isinstance(tensors.get("fails"), Exception):
                raise tensors["fails"]
            return {n: tensors[n][int(x)][None] for n in names}

    return SimpleNamespace(
        ort=Engine(), random_input=lambda: 0, example=lambda: 1,
        image=SimpleNamespace(size=(HEIGHT, WIDTH)),
    )  # fmt: skip


def answer(layout=None, **known):
    layout = layout or BoxLayout(BOXES, BoxCode("xyxy"), SCORES, 3, logits=NO_LOGITS)
    raw = Reading((Piece("boxes"),))
    boxes = FoundBoxes(layout, "by its shape", **known)
    return Answer("out", "boxes", raw, None, None, (3,), 0, (), "", "doubtful", boxes=boxes)


def written(make, seed=0):
    rng = np.random.default_rng(seed)
    return [make(rng) for _ in range(2)]


def probable(rng, count=3):
    return rng.uniform(0, 1, (count, COUNT))


FORMS = {
    "xyxy": lambda s: s,
    "yxyx": lambda s: s[[1, 0, 3, 2]],
    "cxcywh": lambda s: np.stack([(s[0] + s[2]) / 2, (s[1] + s[3]) / 2, s[2] - s[0], s[3] - s[1]]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shares", [False, True])
def test_form_and_unit_are_found_so_that_sides_come_out(form, shares):
    pixels = written(sides)
    unit = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])[:, None] if shares else 1.0
    boxes = [FORMS[form](s / unit) for s in pixels]
    found = settled(network(boxes=boxes, scores=written(probable)), answer())
    layout = found.boxes.layout
    assert layout.code.form == form
    assert layout.code.unit == ((WIDTH, HEIGHT) if shares else (1, 1))
    for raw, wanted in zip(boxes, pixels, strict=True):
        np.testing.assert_allclose(layout.sides({"boxes": raw[None]})[0], wanted, rtol=1e-12)
    assert found.doubt == ""
    assert "by its shape" in found.evidence
    assert ("shares of the picture" in found.evidence) == shares


def test_what_is_known_is_not_asked():
    """Numbers that look like shares, or like other corners, stay what they are said to be."""
    boxes = [s / 100 for s in written(sides)]
    known = answer(form_known=True, unit_known=True, scores_known=True)
    found = settled(network(boxes=boxes, scores=written(probable)), known)
    assert found.boxes.layout.code == known.boxes.layout.code
    assert found.evidence == "by its shape"


def test_offsets_from_anchors_cannot_be_read():
    offsets = written(lambda rng: rng.normal(size=(4, COUNT)))
    found = settled(network(boxes=offsets, scores=written(probable)), answer())
    assert found.boxes is None
    assert "neither corners nor centres with sizes" in found.doubt


def test_nothing_found_is_taken_for_pixels():
    empty = [np.zeros((4, 0))] * 2
    found = settled(network(boxes=empty, scores=[np.zeros((3, 0))] * 2), answer())
    assert found.boxes.layout.code == BoxCode("xyxy")
    assert "finds nothing in the test pictures" in found.doubt


def scored(scores, count, names):
    layout = BoxLayout(BOXES, BoxCode("xyxy"), SCORES, count, logits=NO_LOGITS)
    return settled(network(boxes=written(sides), scores=scores), answer(layout, names=names))


def test_numbers_beyond_one_are_logits_where_names_say_of_what():
    logits = written(lambda rng: rng.normal(0, 3, (3, COUNT)))
    found = scored(logits, 3, 3)
    assert found.boxes.layout.scores.squash == "sigmoid"
    got = found.boxes.layout.class_scores({"scores": logits[0][None]})[0]
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-logits[0])), rtol=1e-12)
    nobody = scored(logits, 3, 0)
    assert nobody.boxes is None
    assert "whether they are logits of a Softmax, with a background, or of Sigmoids" in nobody.doubt


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("activated", [True, False])
def test_a_score_more_than_names_is_the_background(place, activated):
    def make(rng):
        logits = rng.normal(0, 1, (4, COUNT))
        logits[place] += 6
        return softmax(logits, axis=0) if activated else logits

    scores = written(make)
    found = scored(scores, 4, 3)
    layout = found.boxes.layout
    assert (layout.background, layout.count, found.shape) == (place, 3, (3,))
    wanted = scores[1] if activated else softmax(scores[1], axis=0)
    got = layout.class_scores({"scores": scores[1][None]})[0]
    np.testing.assert_allclose(got, np.delete(wanted, place, axis=0), rtol=1e-12)


def test_a_background_in_the_middle_is_none():
    def make(rng):
        return softmax(rng.normal(0, 1, (4, COUNT)) + np.array([[0], [6], [0], [0]]), axis=0)

    found = scored(written(make), 4, 3)
    assert found.boxes is None
    assert "nothing says which of them is the background" in found.doubt


def test_scores_between_zero_and_one_stay():
    layout = scored(written(probable), 3, 0).boxes.layout
    assert (layout.scores, layout.background, layout.count) == (SCORES, None, 3)


@pytest.mark.parametrize(("values", "sound"), [
    (lambda rng: rng.integers(0, 3, (1, COUNT)).astype(float), True),
    (lambda rng: np.full((1, COUNT), -1.0), True),
    (lambda rng: rng.uniform(0, 3, (1, COUNT)), False),
    (lambda rng: np.full((1, COUNT), -2.0), False),
])  # fmt: skip
def test_labels_are_whole_numbers(values, sound):
    layout = BoxLayout(BOXES, BoxCode("xyxy"), SCORES, 3, labels=ONE, logits=NO_LOGITS)
    single = written(lambda rng: probable(rng, 1))
    made = network(boxes=written(sides), scores=single, one=written(values))
    found = settled(made, answer(layout))
    assert (found.boxes is not None) == sound
    assert sound or "what is taken for labels, in 'one', are not whole numbers" in found.doubt


@pytest.mark.parametrize("part", ["scores beside labels", "objectness"])
def test_single_scores_are_from_zero_to_one(part):
    layout = BoxLayout(BOXES, BoxCode("xyxy"), SCORES, 3, objectness=ONE, logits=NO_LOGITS)
    tensors = {"boxes": written(sides), "scores": written(probable)}
    if part == "objectness":
        wrong = {"one": [np.full((1, COUNT), 1.5)] * 2}
    else:
        layout = replace(layout, objectness=None, labels=ONE)
        wrong = {"one": [np.zeros((1, COUNT))] * 2, "scores": [np.full((1, COUNT), 1.5)] * 2}
    found = settled(network(**{**tensors, **wrong}), answer(layout))
    assert found.boxes is None
    assert "reaches from 1.5 to 1.5, not from 0 to 1" in found.doubt


@pytest.mark.parametrize("reason", ["run", "nan"])
def test_a_model_that_cannot_be_tried_keeps_its_doubt(reason):
    boxes = [np.full((4, COUNT), np.nan)] * 2 if reason == "nan" else written(sides)
    failing = {"fails": UnsupportedModelError("it does not run")} if reason == "run" else {}
    found = settled(network(boxes=boxes, scores=written(probable), **failing), answer())
    assert found.boxes is None
    assert ("it does not run" if reason == "run" else "holds NaN") in found.doubt
