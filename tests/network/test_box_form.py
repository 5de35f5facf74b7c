"""Corners, centres or sizes: told by the cells of candidates, or by the edge of the picture."""

import numpy as np
import pytest

from onnxplain.graph.answers.boxes.cells import scales_of
from onnxplain.network.box_form import form_of, is_valid
from onnxplain.targets.boxes.codes import PLAIN

SIZE = (64, 64)


def written(form, left, top, right, bottom):
    middle = (left + right) / 2, (top + bottom) / 2
    wide, high = right - left, bottom - top
    return np.array({
        "xyxy": (left, top, right, bottom),
        "yxyx": (top, left, bottom, right),
        "cxcywh": (*middle, wide, high),
        "xywh": (left, top, wide, high),
    }[form])  # fmt: skip


def on_cells(rng, each, large):
    points = scales_of(SIZE, (8, 16, 32)).code("ltrb")
    order = np.repeat(np.arange(84), each)
    away = points.strides[order] * rng.uniform(0.5, large, (4, 84 * each))
    x, y = points.points[:, order]
    return x - away[0], y - away[1], x + away[2], y + away[3]


@pytest.mark.parametrize("each", [1, 3])
@pytest.mark.parametrize("large", [3.0, 30.0])
@pytest.mark.parametrize("form", ["xyxy", "yxyx", "cxcywh"])
def test_candidates_of_cells(rng, form, large, each):
    raw = [written(form, *on_cells(rng, each, large)) for _ in range(2)]
    assert form_of(raw, SIZE, PLAIN).form == form


def anywhere(rng, count=400):
    x, y = rng.uniform(0, 64, (2, count, 2)).transpose(0, 2, 1)
    (left, right), (top, bottom) = np.sort(x, axis=0), np.sort(y, axis=0)
    return left, top, right, bottom


@pytest.mark.parametrize("form", ["xyxy", "cxcywh"])
def test_candidates_without_cells_stay_in_the_picture(rng, form):
    raw = [written(form, *anywhere(rng)) for _ in range(2)]
    found = form_of(raw, SIZE, PLAIN)
    assert (found.form, found.other) == (form, None)


def test_what_fits_corners_with_sizes_better_is_said(rng):
    raw = [written("xywh", *anywhere(rng)) for _ in range(2)]
    assert form_of(raw, SIZE, PLAIN).other == "xywh"


def test_large_boxes_alone_leave_a_doubt(rng):
    raw = [np.array([[32.0, 31, 33], [32, 33, 31], [40, 41, 42], [41, 40, 43]])]
    found = form_of(raw, SIZE, PLAIN)
    assert found.other is not None


def test_offsets_are_no_boxes(rng):
    assert form_of([rng.normal(size=(4, 84))], SIZE, PLAIN) is None
    assert not is_valid("cxcywh", rng.normal(size=(4, 84)))
