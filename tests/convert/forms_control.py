"""If, Loop and Scan, and constants that stay where they are."""

import numpy as np
from onnx import numpy_helper, parser

from tests.convert.forms import Form, f, noise

_HALF = "h = Constant<value = float[2] {0.5, -1.5}>()"
_THEN = parser.parse_graph(f"a () => (float[2] t) {{ {_HALF} t = Mul(h, h) }}")
_ELSE = parser.parse_graph(f"b () => (float[2] e) {{ {_HALF} e = Neg(h) }}")
_ROUND = parser.parse_graph(
    "c (int64 i, bool go, float[3,2] s) => (bool on, float[3,2] d, float[3,2] r) "
    "{ on = Identity(go) d = Add(s, s) r = Mul(d, s) }"
)
_STEP = parser.parse_graph(
    "d (float[2] s, float[2] p) => (float[2] d, float[2] r) { d = Add(s, p) r = Mul(d, p) }"
)

CONTROL_FLOW: list[Form] = [
    f("Constant", value=numpy_helper.from_array(noise(2, 3))),
    f("Constant", value_float=0.5, since=12),
    f("Constant", value_ints=[3, 1], since=12),
    *(f("If", np.array(c), then_branch=_THEN, else_branch=_ELSE) for c in (True, False)),
    f("Loop", np.array(3), np.array(True), noise(3, 2), body=_ROUND, outputs=2),
    f("Scan", None, noise(2, 2), noise(2, 3, 2), num_scan_inputs=1, body=_STEP, outputs=2, until=8),
    f("Scan", noise(2), noise(3, 2), num_scan_inputs=1, body=_STEP, outputs=2, since=9),
]
