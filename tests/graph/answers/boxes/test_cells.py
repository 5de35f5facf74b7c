"""Cells of scales, and in which order their candidates stand."""

import numpy as np
import pytest

from onnxplain.graph.answers.boxes.cells import USUAL_ANCHORS, Cells, cells_of, scales_of, stride_of


def test_strides_round_up_to_whole_cells():
    assert cells_of((65, 64), 32) == (3, 2)
    assert stride_of((65, 64), (9, 8)) == 8
    assert stride_of((64, 64), (8, 4)) is None


def test_one_candidate_stands_in_the_middle_or_at_the_corner_of_its_cell():
    cells = scales_of((32, 64), (16, 32))
    assert [cells.count(k) for k in range(2)] == [8, 2]
    middles = cells.code("ltrb")
    assert middles.points[:, :5].T.tolist() == [[8, 8], [24, 8], [40, 8], [56, 8], [8, 24]]
    assert middles.strides.tolist() == [16] * 8 + [32] * 2
    assert cells.code("yolox").points[:, 1].tolist() == [16, 0]
    assert set(cells.code("ltrb", in_pixels=True).strides) == {1.0}


@pytest.mark.parametrize("innermost", [False, True])
def test_anchors_follow_their_cells_or_cells_their_anchors(innermost):
    cells = Cells(((1, 2),), (16,), (((3, 4), (5, 6)),), innermost)
    code = cells.code("yolov5")
    found = [(*p, *a) for p, a in zip(code.points.T.tolist(), code.anchors.T.tolist(), strict=True)]
    near, far = (0, 0), (16, 0)
    small, large = (3, 4), (5, 6)
    pairs = [(near, small), (far, small), (near, large), (far, large)]
    if innermost:
        pairs = [pairs[0], pairs[2], pairs[1], pairs[3]]
    assert found == [(*p, *a) for p, a in pairs]
    np.testing.assert_array_equal(code.strides, 16)


def test_usual_anchors_grow_from_scale_to_scale():
    for anchors in USUAL_ANCHORS.values():
        areas = [w * h for scale in anchors for w, h in scale]
        assert areas == sorted(areas)
