"""G-CAME and ODAM against loops on the PyTorch source, in float64."""

import math

import numpy as np
import pytest
from boxes_of_source import BOXES, SCALE, TIGHT, aim, explain, maps_at
from originals import difference
from scenes_source import source

from models.build.scenes import SIDE
from onnxplain.errors import MethodRefusedError, UsageError


@pytest.mark.parametrize("spread", [1.0, 0.3, 0.01])
@pytest.mark.parametrize("number", BOXES)
def test_g_came_place_by_place(number, spread):
    maps, slopes = maps_at(source().detector.kinds[SCALE][0], number)
    left, top, right, bottom = aim(number).sides
    cells = maps.shape[1]
    cell = SIDE / cells
    expected = np.zeros((cells, cells))
    for i, j in np.ndindex(expected.shape):
        value = sum(slopes[k].mean() * maps[k, i, j] for k in range(len(maps)))
        u = (cell * (j + 0.5) - (left + right) / 2) / max(spread * (right - left) / 2, cell / 2)
        v = (cell * (i + 0.5) - (top + bottom) / 2) / max(spread * (bottom - top) / 2, cell / 2)
        expected[i, j] = value * math.exp(-u * u / 2) * math.exp(-v * v / 2)
    found = explain("g-came", number, spread=spread)
    assert difference(found.attribution, expected) < TIGHT
    assert difference(explain("grad-cam", number).attribution, expected) > 0.1


def test_a_spread_is_positive():
    with pytest.raises(UsageError, match="spread must be above 0, not 0"):
        explain("g-came", "1", spread=0.0)


@pytest.mark.parametrize("part", ["class", "left", "bottom"])
def test_odam_is_read_where_class_and_sides_start(part):
    maps, slopes = maps_at(source().detector.up16, "3", part)
    expected = np.zeros(maps.shape[1:])
    for k, i, j in np.ndindex(maps.shape):
        expected[i, j] += slopes[k, i, j] * maps[k, i, j]
    assert difference(explain("odam", "3", part).attribution, expected) < TIGHT


def test_odam_combined_is_the_largest_share_of_any_number():
    shares = []
    for part in ("class", "left", "top", "right", "bottom"):
        maps, slopes = maps_at(source().detector.up16, "1", part)
        positive = np.maximum((slopes * maps).sum(axis=0), 0)
        shares.append(positive / positive.max())
    expected = np.max(shares, axis=0)
    assert difference(explain("odam", "1", combined=True).attribution, expected) < TIGHT
    assert difference(explain("odam", "1", "width", combined=True).attribution, expected) < TIGHT
    assert difference(shares[0], expected) > 0.1


def test_odam_of_a_layer_that_the_class_alone_passes_is_refused():
    branch = "/detector/kinds.1/kinds.1.0/kinds.1.0.2/Mul_output_0"
    with pytest.raises(MethodRefusedError, match="gradient is zero at every place"):
        explain("odam", "1", layer=branch)
