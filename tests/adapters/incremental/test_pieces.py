"""Pieces of tensors: what crops hold of the changed cells, and how they are indexed."""

import numpy as np
import pytest
from adapters.incremental.exact import WINDOWS, case

from onnxplain.adapters.incremental.pieces import Axis, pieces_of
from onnxplain.adapters.incremental.plan import Side
from onnxplain.graph.windows import Crops

CHANGED = np.array([[2, 5], [4, 6], [0, 9], [7, 9]])


def axis_of(origin, length):
    crops = Crops(np.array(origin), np.array(length))
    return Axis.of(Side(crops, CHANGED[:, 0], CHANGED[:, 1]), (CHANGED[:, 0], CHANGED[:, 1]))


def test_changed_cells_are_pasted_where_crops_hold_them():
    """One by one, for crops that hold all, a part, and none of them."""
    made = axis_of([1, 5, 3, 0], [5, 4, 4, 6])
    whole = np.arange(12)
    for k, (begin, end) in enumerate(CHANGED):
        changed = whole.copy()
        changed[begin:end] = 100 + np.arange(end - begin)
        crop = whole[made.cropped[k]].copy()
        crop[made.changed[k]] = changed[begin:end][made.shown[k]]
        np.testing.assert_array_equal(crop, changed[made.cropped[k]])
    assert not made.whole


@pytest.mark.parametrize(("length", "whole"), [(3, True), (2, False)])
def test_whether_every_crop_holds_all_changed_cells(length, whole):
    assert axis_of([2, 4, 0, 6], [length, 2, 9, 3]).whole is whole


def test_every_tensor_is_changed_where_windows_reach_it():
    made = case(names=("scores", "d"))
    plan = made.planner.along(made.cuts[:3])
    pieces, changed = pieces_of(plan, made.positions, "image")
    assert [set(p.inputs) for p in pieces] == [set(p.section.inputs) for p in plan.parts]
    rows, columns = changed["image"]
    for (row, column), window in zip(made.positions.places, WINDOWS, strict=True):
        assert [rows[row], columns[column]] == [slice(*window[:2]), slice(*window[2:])]
    target = plan.parts[-1].section.targets[0]
    assert changed[target][0] == [
        slice(a, b) for a, b in zip(plan.parts[-1].rows.begin, plan.parts[-1].rows.end, strict=True)
    ]
