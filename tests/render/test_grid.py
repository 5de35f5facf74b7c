"""Grids: values as headings, cells in their places, what failed."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.render.grid import grid_sheet
from tests.made_explanations import made
from tests.render.pages import texts

CELLS = {(a, b): made(np.eye(4)) for a in ("1", "2") for b in ("x", "y", "z")}
AXES = [("rows", ("1", "2")), ("across", ("x", "y", "z"))]


def test_values_are_headings():
    found = texts(grid_sheet(CELLS, AXES))
    for heading, count in (("rows = 1", 1), ("rows = 2", 1), ("across = x", 2), ("across = z", 2)):
        assert found.count(heading) == count
    assert {"the model sees 4 x 4", "gradient-x-input"} <= set(found)


def test_one_parameter_wraps_and_two_do_not():
    maps = {(str(k),): made(np.eye(4)) for k in range(5)}
    axes = [("n", [str(k) for k in range(5)])]
    four, two = grid_sheet(maps, axes), grid_sheet(maps, axes, columns=2)
    assert two.width < four.width
    assert two.height > four.height
    assert grid_sheet(CELLS, AXES, columns=1).width == grid_sheet(CELLS, AXES).width


def test_a_cell_without_a_map_says_so():
    some = {k: e for k, e in CELLS.items() if k != ("2", "y")}
    found = texts(grid_sheet(some, AXES))
    assert found.count("across = y") == 2
    assert found.count("failed: see the .json") == 1
    row = {k: e for k, e in CELLS.items() if k[0] == "1"}
    assert texts(grid_sheet(row, AXES)).count("failed: see the .json") == 3


def test_nothing_to_draw():
    with pytest.raises(UsageError, match="one or two parameters"):
        grid_sheet({}, AXES)
