"""Of which parts the numbers of candidates are joined."""

import numpy as np
import pytest
from seen_boxes import MAPS, seen

from onnxplain.graph.answers.boxes.joined import joined_parts

SIZES = {"parts": np.array([4, 1, 3]), "flat": np.array([0, 8, -1]), "two": np.array([2, 2, 4])}
CUT = f"{MAPS} b, o, c = Split<axis=1>(m, parts)"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"{CUT} j = Concat<axis=1>(b, o, c) out = Reshape(j, flat)", (4, 1, 3)),
        (
            f"{CUT} i = Concat<axis=1>(b, o) j = Concat<axis=1>(i, c) out = Reshape(j, flat)",
            (4, 1, 3),
        ),
        (f"{CUT} i = Concat<axis=1>(o, c) j = Concat<axis=1>(b, i) out = Reshape(j, flat)", (4, 4)),
        (
            f"{CUT} j = Concat<axis=1>(b, o, c) r = Reshape(j, flat) s = Concat<axis=2>(r, r, r) "
            "out = Identity(s)",
            (4, 1, 3),
        ),
        (
            f"{MAPS} x, y, z = Split<axis=1>(m, two) b = Concat<axis=1>(x, y) "
            "j = Concat<axis=1>(b, z) out = Reshape(j, flat)",
            (4, 4),
        ),
        (f"{MAPS} out = Reshape(m, flat)", ()),
        (f"{CUT} j = Concat<axis=1>(b, o, c) e = Exp(j) out = Reshape(e, flat)", ()),
    ],
)
def test_parts(body, wanted):
    made = seen(body, ["float[N,8,P] out"], **SIZES)
    assert joined_parts(made, made.outputs[0], 8) == wanted
