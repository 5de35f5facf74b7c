"""Axes of length one of a detector's outputs, and the answer that its boxes become."""

import pytest

from onnxplain.graph.answers.boxes.found import FoundBoxes, box_answer, squeezed
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout
from tests.tasks.answers import answer


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ((1, 100, 6), (100, 6)),
        ((100, 1, 4), (100, 4)),
        ((1, 1, 100, 4), (100, 4)),
        ((1, 6), (1, 6)),  # one candidate is left
        ((1, 1, 6), (1, 6)),
        ((None, 1, 6), (None, 6)),
        ((3, 8, 8), (3, 8, 8)),
    ],
)
def test_two_axes_are_left(one, expected):
    assert squeezed(one) == expected


def test_the_answer_reads_every_tensor_of_the_layout_once():
    boxes, scores = Columns(("b", "s"), batch_axis=None), Columns(("s", "c"))
    found = FoundBoxes(BoxLayout(boxes, BoxCode("xyxy"), scores, 7), "why")
    made = box_answer(answer("boxes"), found)
    assert (made.shape, made.axis, made.boxes) == ((7,), 0, found)
    assert [(p.tensor, p.batch_axis) for p in made.raw.pieces] == [
        ("b", None), ("s", None), ("c", None),
    ]  # fmt: skip
