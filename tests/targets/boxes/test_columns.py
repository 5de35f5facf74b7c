"""Numbers of candidates, wherever they stand."""

import numpy as np
import pytest

from onnxplain.targets.boxes.columns import Columns

SHAPES = {
    "channels first": (Columns(("t",), 0, 1, 4), (2, 6, 5)),
    "candidates first": (Columns(("t",), -1, 1, 4), (2, 5, 6)),
    "maps": (Columns(("t",), 0, 1, 4), (2, 6, 3, 4)),
    "maps last": (Columns(("t",), -1, 1, 4), (2, 3, 4, 6)),
    "several in a cell": (Columns(("t",), 0, 1, 4, groups=3), (2, 18, 2, 2)),
    "split": (Columns(("t",), 1, 1, 4), (2, 3, 6, 4)),
    "without a batch": (Columns(("t",), -1, 1, 4, batch_axis=None), (5, 6)),
    "batch behind": (Columns(("t",), 0, 1, 4, batch_axis=1), (6, 2, 5)),
    "one of each": (Columns(("t",), 1, alone=True), (2, 5)),
}


@pytest.mark.parametrize("squash", ["none", "sigmoid", "softmax"])
@pytest.mark.parametrize("name", SHAPES)
def test_slopes_are_those_of_what_is_read(name, squash, rng):
    from dataclasses import replace

    columns, shape = SHAPES[name]
    columns = replace(columns, squash=squash, scale=0.5)
    values = {"t": rng.normal(size=shape)}
    read = columns.read(values)
    weights = rng.normal(size=read.shape)
    slopes = columns.slopes(values, weights)["t"]
    assert slopes.shape == shape
    for at in list(np.ndindex(shape))[:: max(1, np.prod(shape) // 17)]:
        moved = values["t"].copy()
        moved[at] += 1e-6
        changed = (columns.read({"t": moved}) - read) * weights
        assert slopes[at] == pytest.approx(changed.sum() / 1e-6, abs=1e-6)


def test_what_stands_where():
    maps = np.arange(18 * 4.0).reshape(1, 18, 2, 2)
    read = Columns(("t",), 0, groups=3).read({"t": maps})
    # Number 4 of the third candidate of the last cell.
    assert read.shape == (1, 6, 12)
    assert read[0, 4, 2 * 4 + 3] == maps[0, 2 * 6 + 4, 1, 1]
    joined = Columns(("a", "b"), 0).read({"a": maps, "b": maps[:, :, :1] + 100})
    assert joined.shape == (1, 18, 6)
    assert joined[0, 3, 4] == maps[0, 3, 0, 0] + 100
