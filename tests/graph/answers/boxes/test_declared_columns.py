"""Which numbers of which outputs a person means."""

import pytest

from onnxplain.errors import UsageError
from onnxplain.graph.answers.boxes.cells import scales_of
from onnxplain.graph.answers.boxes.declared_columns import declared_columns
from onnxplain.graph.answers.output_shapes import OutputShape

ANCHORS = (((3, 4), (5, 6)), ((7, 8), (9, 10)))
CELLS = scales_of((64, 64), (16, 32), ANCHORS)


def outputs(*shapes):
    return [OutputShape(f"o{k}", shape, 0, True) for k, shape in enumerate(shapes)]


@pytest.mark.parametrize(
    ("shapes", "axis", "groups", "innermost"),
    [
        (((14, 4, 4), (14, 2, 2)), 0, 2, False),
        (((4, 4, 14), (2, 2, 14)), 2, 2, False),
        (((2, 4, 4, 7), (2, 2, 2, 7)), 3, 1, False),
        (((2, 7, 4, 4), (2, 7, 2, 2)), 1, 1, False),
        (((4, 4, 2, 7), (2, 2, 2, 7)), -1, 1, True),
        (((40, 7),), 1, 1, False),
    ],
)
def test_the_order_of_candidates_follows_from_the_shapes(shapes, axis, groups, innermost):
    own = outputs(*shapes)
    given = {"tensor": [o.name for o in own], "axis": axis, "columns": [4, None]}
    columns, cells = declared_columns("scores", given, own, CELLS)
    assert (columns.groups, cells.innermost) == (groups, innermost)
    assert (columns.first, columns.stop) == (4, 7)


def test_a_number_of_each_candidate_may_have_no_axis():
    columns, _ = declared_columns("scores", {"tensor": "o0", "axis": None}, outputs((20,)), None)
    assert columns.alone


@pytest.mark.parametrize(
    ("given", "shapes", "cells", "said"),
    [
        ({"tensor": "x"}, ((20,),), None, "no output 'x'; outputs: o0"),
        ({"tensor": []}, ((20,),), None, "no output"),
        ({"tensor": "o0", "axis": 2}, ((20, 6),), None, "has no axis 2"),
        ({"tensor": "o0", "columns": [4, 7]}, ((20, 6),), None, "has length 6"),
        ({"tensor": "o0", "axis": None}, ((20, 4),), None, "write 'axis' as an integer"),
        ({"tensor": ["o0", "o1"], "axis": 0}, ((14, 4, 4), (14, 4, 4)), CELLS, "32 \\+ 8 cand"),
        ({"tensor": "o0"}, ((39, 7),), CELLS, "have 39 places"),
    ],
)
def test_what_is_wrong_is_said(given, shapes, cells, said):
    part = "boxes" if given.get("axis", 0) is None else "scores"
    with pytest.raises(UsageError, match=said) as error:
        declared_columns(part, given, outputs(*shapes), cells)
    assert "\n" not in str(error.value)
