"""Pieces of tensors: what crops hold of the changed cells, and how they are indexed."""

import numpy as np
import pytest
from adapters.incremental.exact import WINDOWS, case

from onnxplain.adapters.incremental import pieces
from onnxplain.adapters.incremental.pieces import Layout, _pasted_along
from onnxplain.adapters.incremental.plan import Side
from onnxplain.graph.windows import Crops

CHANGED = np.array([[2, 5], [4, 6], [0, 9], [7, 9]])


def axis_of(origin, length):
    crops = Crops(np.array(origin), np.array(length), np.array(origin))
    side = Side(crops, CHANGED[:, 0], CHANGED[:, 1])
    return _pasted_along(side, 0, CHANGED[:, 0], CHANGED[:, 1])


def test_changed_cells_are_pasted_where_crops_hold_them():
    """One by one, for crops that hold all, a part, and none of them."""
    cropped, changed_in_crop, shown = (
        [slice(a, b) for a, b in zip(*cells, strict=True)]
        for cells in axis_of([1, 5, 3, 0], [5, 4, 4, 6])
    )
    whole = np.arange(12)
    for k, (begin, end) in enumerate(CHANGED):
        changed = whole.copy()
        changed[begin:end] = 100 + np.arange(end - begin)
        crop = whole[cropped[k]].copy()
        crop[changed_in_crop[k]] = changed[begin:end][shown[k]]
        np.testing.assert_array_equal(crop, changed[cropped[k]])


@pytest.fixture
def laid_out():
    made = case(names=("scores", "d"))
    return made, Layout.of(made.planner.along(made.cuts[:3]), made.positions, made.sections)


def test_every_tensor_is_changed_where_windows_reach_it(laid_out):
    made, layout = laid_out
    assert [set(p.inputs) for p in layout.pieces] == [
        set(p.section.inputs) for p in layout.plan.parts
    ]
    for k, (top, bottom, left, right) in enumerate(WINDOWS):
        image = (slice(None), slice(top, bottom), slice(left, right))
        assert layout.changed["image"].of([k])[k] == image
        part = layout.plan.parts[-1]
        row, column = made.positions.places[k]
        reached = (
            slice(None),
            *(
                slice(side.begin[n], side.end[n])
                for side, n in ((part.rows, row), (part.columns, column))
            ),
        )
        assert layout.changed[part.section.targets[0]].of([k])[k] == reached


def test_indices_of_many_windows_are_made_when_they_are_asked_for(laid_out, monkeypatch):
    made, few = laid_out
    monkeypatch.setattr(pieces, "_KEPT", 2)
    many = Layout.of(few.plan, made.positions, made.sections)
    assert few.changed.keys() == many.changed.keys()
    for name, places in many.changed.items():
        every = few.changed[name].of([])
        assert len(every) == len(WINDOWS)
        assert places.of([3, 1]) == {k: every[k] for k in (3, 1)}


def test_no_index_is_made_for_what_every_crop_holds(laid_out):
    _, layout = laid_out
    for pieces_, part in zip(layout.pieces, layout.plan.parts, strict=True):
        for name, pasted in pieces_.inputs.items():
            changed, held = (p.of([]) for p in (layout.changed[name], pasted.changed))
            lost = [_lengths(a) != _lengths(b) for a, b in zip(changed, held, strict=True)]
            assert (pasted.shown is None) == (not any(lost)), (name, part.section.stop)


def _lengths(index):
    return [s.stop - s.start for s in index[1:]]
