"""Hits, misses and false positives of boxes that are placed by hand."""

import numpy as np
import pytest

from onnxplain.evaluate.boxes.judge import judge
from onnxplain.evaluate.boxes.truth import Objects
from onnxplain.targets.boxes.layout import Detections

SQUARE, FAR = (0, 0, 10, 10), (40, 40, 50, 50)
# Overlaps the square by 80 / 120, 50 / 150 and 10 / 190.
NEAR, HALF, EDGE = (2, 0, 12, 10), (5, 0, 15, 10), (9, 0, 19, 10)
BOTH = frozenset({0, 1})


def boxes(*rows):
    sides = np.array([r[0] for r in rows], float).reshape(-1, 4)
    scores = np.array([0.9 - 0.1 * k for k in range(len(rows))])
    labels = np.array([r[1] for r in rows], np.int64)
    return Detections(sides, scores, labels, np.arange(len(rows)))


def objects(*rows):
    return Objects(
        np.array([r[0] for r in rows], float).reshape(-1, 4),
        np.array([r[1] for r in rows], np.int64),
        tuple(r[2] if len(r) > 2 else "" for r in rows),
    )


def said(found, truth, classes=BOTH):
    return [(j.verdict, j.label, j.cause, j.other) for j in judge(found, truth, classes)]


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ([(NEAR, 0)], [(SQUARE, 0)], [("hit", 0, "", None)]),
        # Of one object, the stronger box alone is right.
        (
            [(NEAR, 0), (SQUARE, 0)],
            [(SQUARE, 0)],
            [("hit", 0, "", None), ("false positive", 0, "second box", None)],
        ),
        (
            [(NEAR, 1)],
            [(SQUARE, 0)],
            [("false positive", 1, "other class", 0), ("miss", 0, "other class", 1)],
        ),
        (
            [(HALF, 0)],
            [(SQUARE, 0)],
            [("false positive", 0, "place", None), ("miss", 0, "place", None)],
        ),
        (
            [(EDGE, 0), (FAR, 1)],
            [(SQUARE, 0)],
            [
                ("false positive", 0, "nothing", None),
                ("false positive", 1, "nothing", None),
                ("miss", 0, "nothing", None),
            ],
        ),
        ([], [(SQUARE, 1)], [("miss", 1, "nothing", None)]),
        ([], [], []),
        # Each box takes the object that it overlaps most.
        ([(NEAR, 0), (SQUARE, 0)], [(SQUARE, 0), (NEAR, 0)], [("hit", 0, "", None)] * 2),
    ],
)
def test_verdicts(found, truth, expected):
    assert said(boxes(*found), objects(*truth)) == expected


def test_numbers_of_a_hit():
    (one,) = judge(boxes((NEAR, 0)), objects((FAR, 0, "crowd"), (SQUARE, 0)), BOTH)
    assert one.sides == NEAR
    assert one.score == pytest.approx(0.9)
    assert one.overlap == pytest.approx(80 / 120)
    assert (one.detection, one.truth) == (0, 1)


@pytest.mark.parametrize("aside", ["crowd", "difficult"])
def test_objects_aside_count_neither_way(aside):
    truth = objects((SQUARE, 0, aside))
    assert said(boxes((SQUARE, 0), (NEAR, 0)), truth) == []
    assert said(boxes(), truth) == []
    # Of another class, or beside it, a box is wrong all the same.
    assert said(boxes((SQUARE, 1), (FAR, 0)), truth) == [
        ("false positive", 1, "nothing", None),
        ("false positive", 0, "nothing", None),
    ]


def test_a_small_box_in_a_crowd_is_not_judged_and_in_a_difficult_object_is_wrong():
    small = boxes(((1, 1, 3, 3), 0))
    assert said(small, objects((SQUARE, 0, "crowd"))) == []
    assert said(small, objects((SQUARE, 0, "difficult"))) == [
        ("false positive", 0, "nothing", None)
    ]


def test_classes_that_nobody_annotated_are_not_judged():
    found = boxes((FAR, 1), (SQUARE, 0))
    assert said(found, objects((SQUARE, 0)), frozenset({0})) == [("hit", 0, "", None)]
