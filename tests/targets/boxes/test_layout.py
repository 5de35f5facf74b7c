"""Boxes, scores and labels read from hand-written tensors."""

import numpy as np
import pytest

from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout, Element, Elements, Suppression

# Four candidates as rows: corners, objectness, and the scores of two classes.
ROWS = np.array(
    [
        [0, 0, 10, 10, 0.5, 0.8, 0.2],
        [0, 0, 10, 8, 1.0, 0.75, 0.0],  # overlaps the first by 0.8
        [0, 0, 10, 10, 1.0, 0.25, 0.5],  # the same place, the other class
        [20, 0, 30, 10, 0.25, 0.5, 0.5],
    ]
)
VALUES = {"out": ROWS[None]}


def layout(**more):
    columns = {
        "boxes": Columns(("out",), first=0, stop=4),
        "objectness": Columns(("out",), first=4, stop=5),
        "scores": Columns(("out",), first=5, stop=7),
    }
    return BoxLayout(code=BoxCode("xyxy"), count=2, **{**columns, **more})


def test_scores_are_multiplied_by_objectness():
    expected = (ROWS[:, 5:] * ROWS[:, 4:5]).T
    assert np.array_equal(layout().class_scores(VALUES)[0], expected)
    assert np.array_equal(layout().score_of(VALUES, 1)[0], expected[1])
    assert np.array_equal(layout().sides(VALUES)[0], ROWS[:, :4].T)


def test_likeness_is_overlap_times_cosine_times_objectness():
    sides, scores = np.array([0.0, 0, 10, 10]), np.array([0.6, 0.8])
    overlap = np.array([1, 0.8, 1, 0])
    cosine = np.array(
        [(0.6 * 0.8 + 0.8 * 0.2) / np.hypot(0.8, 0.2), 0.6, (0.15 + 0.4) / np.hypot(0.25, 0.5), 1]
    )
    found = layout().likeness(VALUES, sides, 0, scores)
    np.testing.assert_allclose(found[0], overlap * cosine * ROWS[:, 4], rtol=1e-15)
    # Without an objectness, the factor is left out.
    found = layout(objectness=None).likeness(VALUES, sides, 0, scores)
    np.testing.assert_allclose(found[0], overlap * cosine, rtol=1e-15)
    # A candidate without any score is like nothing.
    empty = {"out": ROWS[None] * [1, 1, 1, 1, 1, 0, 0]}
    assert not layout().likeness(empty, sides, 0, scores).any()


def test_scores_of_a_box_are_those_of_its_candidate_or_of_its_class_alone():
    plain = {"objectness": None, "scores": Columns(("out",), first=4, stop=7)}
    assert np.array_equal(layout().scores_at(VALUES, 2), ROWS[2, 5:])
    # The background is one of the scores: a candidate that is nothing is like no object.
    assert np.array_equal(layout(**plain, background=1).scores_at(VALUES, 2), ROWS[2, 4:])
    assert layout(**plain, background=1).one_hot(VALUES, 1).tolist() == [0, 0, 1]
    assert layout().one_hot(VALUES, 1).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("overlap", "most", "rows"),
    [
        (0.7, 300, [1, 2]),  # the first overlaps the stronger second by 0.8
        (0.85, 300, [1, 2, 0]),
        (None, 300, [1, 2, 0]),  # the file has suppressed already
        (None, 2, [1, 2]),
        (0.7, 1, [1]),
    ],
)
def test_boxes_come_strongest_first(overlap, most, rows):
    found = layout(suppression=Suppression(0.2, overlap, most)).detect(VALUES)
    assert found.rows.tolist() == rows
    assert found.scores.tolist() == [{0: 0.4, 1: 0.75, 2: 0.5}[r] for r in rows]
    assert found.labels.tolist() == [{0: 0, 1: 0, 2: 1}[r] for r in rows]
    assert np.array_equal(found.sides, ROWS[rows, :4])


def test_a_background_score_is_no_class():
    plain = {"objectness": None, "scores": Columns(("out",), first=4, stop=7)}
    with_background = layout(**plain, background=1)
    assert np.array_equal(with_background.class_scores(VALUES)[0], ROWS[:, [4, 6]].T)
    # Rows of `scores`: class 0 is row 0, class 1 stands behind the background.
    assert [with_background.score_row(k) for k in (0, 1)] == [0, 2]
    assert [layout().score_row(k) for k in (0, 1)] == [0, 1]


def test_labels_of_the_file_decide():
    values = {"out": ROWS[None], "label": np.array([[1.0, 0.0, 1.0, -1.0]])}
    named = layout(
        objectness=None,
        scores=Columns(("out",), first=5, stop=6),
        labels=Columns(("label",), alone=True),
        suppression=Suppression(0.1, None),
    )
    assert named.score_of(values, 1).tolist() == [[0.8, 0, 0.25, 0]]
    assert named.score_row(1) == 0
    found = named.detect(values)  # label -1 fills up a fixed number of rows
    assert (found.rows.tolist(), found.labels.tolist()) == ([0, 1, 2], [1, 0, 1])
    assert named.tensors == ("out", "label")


def test_the_element_of_a_logit():
    which, flat = np.array([[0, 1], [-1, 0]]), np.array([[3, 5], [0, 7]])
    elements = Elements(("a", "b"), which, flat)
    assert elements.at(0, 1) == Element("b", 5)
    assert elements.at(1, 1) == Element("a", 7)
    assert elements.at(1, 0) is None
