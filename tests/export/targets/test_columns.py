"""Numbers of candidates and sides of boxes in nodes are those that NumPy reads."""

import numpy as np
import pytest

from onnxplain.export.targets.columns import write_column_slopes, write_columns, write_sides
from onnxplain.export.targets.explained import Pass
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import Facts
from onnxplain.targets.boxes.codes import FROM_CELLS, PLAIN, BoxCode
from onnxplain.targets.boxes.columns import Columns
from tests.export.targets.test_reading import run

RNG = np.random.default_rng(0)
CANDIDATES = 7


@pytest.mark.parametrize("form", [*PLAIN, *FROM_CELLS])
def test_sides_are_decoded_as_numpy_does(form):
    numbers = 12 if form == "dfl" else 4
    raw = RNG.random((2, numbers, CANDIDATES))
    points, anchors = (10 * RNG.random((2, CANDIDATES)) for _ in range(2))
    code = BoxCode(form, (3.0, 2.0), points, 1 + RNG.random(CANDIDATES), anchors)
    build = Builder(["x"], [], 17)
    sides = write_sides(Pass(build, Facts({}, {}), {}), code, "x")
    found = np.concatenate(run(build, sides, {"x": raw}), axis=1)
    np.testing.assert_allclose(found, code.decode(raw), rtol=1e-12)


@pytest.mark.parametrize("squash", ["none", "sigmoid", "softmax"])
@pytest.mark.parametrize(
    ("shape", "columns"),
    [
        ((2, 6, 5), Columns(("x",), axis=0, first=1, stop=4)),
        ((2, 5, 6), Columns(("x",), axis=-1, first=2)),
        ((2, 12, 2, 3), Columns(("x",), axis=0, first=1, stop=4, groups=3)),
        ((6, 2, 5), Columns(("x",), axis=0, batch_axis=1)),
        ((5, 6), Columns(("x",), axis=1, stop=4, batch_axis=None)),
        ((2, 5), Columns(("x",), alone=True)),
    ],
)
def test_numbers_and_slopes(shape, columns, squash):
    columns = Columns(**{**vars(columns), "squash": squash, "scale": 0.5})
    x = RNG.normal(size=shape)
    expected = columns.read({"x": x})
    weights = RNG.normal(size=expected.shape)
    build = Builder(["x", "w"], [], 17)
    at = Pass(build, Facts({"x": shape}, {"x": np.dtype(np.float64)}), {})
    names = (write_columns(at, columns), write_column_slopes(at, columns, "w")["x"])
    found, back = run(build, names, {"x": x, "w": weights})
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(back, columns.slopes({"x": x}, weights)["x"], rtol=1e-10, atol=1e-12)
