"""Heads that count from cells: with the Sigmoid that the file has, or the one it leaves out."""

import numpy as np
import pytest
from seen_boxes import MAPS, seen

from onnxplain.graph.answers.boxes.cells import Cells
from onnxplain.graph.answers.boxes.from_cells import distributed, like_yolox
from onnxplain.targets.boxes.columns import Columns

CELLS = Cells(((8, 8),), (8,))
ROWS = Columns(("out",), 0)


def split(boxes, scores, last="out = Concat<axis=1>(b, c)"):
    body = f"{MAPS} x, y = Split<axis=1>(m, sizes) b = {boxes}(x) c = {scores}(y) {last}"
    return seen(body, ["float[N,8,8,8] out"], sizes=np.array([4, 4]))


@pytest.mark.parametrize(("scores", "squash"), [("Sigmoid", "none"), ("Identity", "sigmoid")])
def test_a_sigmoid_is_done_once(scores, squash):
    found = like_yolox(split("Identity", scores), CELLS, ROWS, 8)
    layout = found.layout
    assert (layout.scores.squash, layout.objectness.squash, layout.count) == (squash, squash, 3)
    assert (layout.scores.first, layout.objectness.first, layout.code.form) == (5, 4, "yolox")
    assert "of YOLOX" in found.doubt
    steps = distributed(split("Identity", scores), CELLS, ROWS.cut(0, 4), ROWS.cut(4, 8), 4)
    assert (steps.layout.scores.squash, steps.layout.code.form, steps.doubt) == (squash, "dfl", "")


def test_numbers_that_something_was_made_of_are_not_those_of_yolox():
    assert like_yolox(split("Relu", "Sigmoid"), CELLS, ROWS, 8) is None


def test_scores_of_which_some_alone_have_a_sigmoid_are_refused():
    mixed = split("Identity", "Sigmoid")
    assert "others have none" in distributed(mixed, CELLS, ROWS.cut(0, 4), ROWS.cut(2, 8), 6)
    assert like_yolox(split("Sigmoid", "Identity"), CELLS, ROWS, 8) is None
