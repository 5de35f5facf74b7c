"""The view of one input, with its classes on one axis."""

import pytest

from onnxplain.graph.answers.class_axis import one_view


@pytest.mark.parametrize(
    ("full", "batch_axis", "axis", "one", "at"),
    [
        ((1, 10), 0, 1, (10,), 0),
        ((1, 10), 0, None, (10,), 0),  # a single long axis needs no name
        ((1, 10, 1, 1), 0, 1, (10,), 0),
        ((1, 1), 0, 1, (1,), 0),
        ((1, 5, 8, 9), 0, 1, (5, 8, 9), 0),
        ((1, 8, 9, 5), 0, 3, (8, 9, 5), 2),
        ((8, 9, 1, 5), 2, 3, (8, 9, 5), 2),
        ((8, 9, 5), None, 2, (8, 9, 5), 2),
        ((1, 1, 8, 9), 0, -1, (1, 8, 9), 0),  # one number at each place
        ((1, 8, 9), 0, -1, (1, 8, 9), 0),
        ((1, 8, 9, 1), 0, -1, (8, 9, 1), 2),
    ],
)
def test_where_the_classes_stand(full, batch_axis, axis, one, at):
    view = one_view("y", full, batch_axis, axis)
    assert (view.tensor, view.full, view.batch_axis) == ("y", full, batch_axis)
    assert (view.shape, view.axis) == (one, at)
