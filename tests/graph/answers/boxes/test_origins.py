"""Whether boxes are offsets that a convolution wrote, and scores are activated."""

import numpy as np
import pytest
from seen_boxes import MAPS, seen

from onnxplain.graph.answers.boxes.origins import activated, are_offsets, are_raw
from onnxplain.targets.boxes.columns import Columns

GRID = {"grid": np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)}
BIAS = {"bias": np.arange(8, dtype=np.float32).reshape(1, 8, 1, 1)}
ROWS = {"w": np.ones((64, 64), np.float32), "rows": np.array([1, 8, 64])}
BOX = Columns(("out",), 0, 0, 4)


@pytest.mark.parametrize(
    ("body", "more", "offsets", "raw"),
    [
        ("out = Identity(m)", {}, True, True),
        ("out = Relu(m)", {}, True, False),
        ("e = Exp(m) out = Mul(e, two)", {"two": np.float32(2)}, True, False),
        ("out = Add(m, bias)", BIAS, True, False),
        ("out = Add(m, grid)", GRID, False, False),
        ("s = Sigmoid(m) a = Sub(grid, s) e = Exp(a) out = Mul(e, e)", GRID, False, False),
        (
            "r = Reshape(m, rows) p = MatMul(r, w) s = Shape(m) out = Reshape(p, s)",
            ROWS,
            False,
            False,
        ),
    ],
)
def test_sums_with_places_make_boxes_of_offsets(body, more, offsets, raw):
    made = seen(f"{MAPS} {body}", ["float[N,8,8,8] out"], **more)
    assert are_offsets(made.tracer, BOX) is offsets
    assert are_raw(made.tracer, BOX) is raw


def test_each_of_the_columns_counts():
    body = f"{MAPS} a, b = Split<axis=1>(m) s = Sigmoid(b) out = Concat<axis=1>(a, s)"
    made = seen(body, ["float[N,8,8,8] out"])
    columns = {(0, 4): False, (4, 8): True, (0, 8): None, (3, 5): None}
    for (first, stop), wanted in columns.items():
        assert activated(made.tracer, Columns(("out",), 0, first, stop)) is wanted
    assert are_raw(made.tracer, Columns(("out",), 0, 0, 4))
    assert not are_raw(made.tracer, Columns(("out",), 0, 4, 8))
