"""What follows a box: an objectness, scores of classes, and more."""

import numpy as np
import pytest
from seen_boxes import MAPS, seen

from onnxplain.graph.answers.boxes.joined import joined_parts
from onnxplain.graph.answers.boxes.split_rows import split_rows
from onnxplain.targets.boxes.columns import Columns

SIZES = {
    "flat": np.array([0, 8, -1]), "scored": np.array([4, 4]), "objects": np.array([4, 1, 3]),
    "pairs": np.array([2, 2, 4]), "masks": np.array([4, 3, 1]),
}  # fmt: skip
END = "out = Reshape(j, flat)"
V8 = f"{MAPS} b, c = Split<axis=1>(m, scored) s = Sigmoid(c) j = Concat<axis=1>(b, s) {END}"
YOLOX = (
    f"{MAPS} b, o, c = Split<axis=1>(m, objects) p = Sigmoid(o) s = Sigmoid(c) "
    f"j = Concat<axis=1>(b, p, s) {END}"
)
POSE = (
    f"{MAPS} b, o, c = Split<axis=1>(m, objects) p = Sigmoid(o) j = Concat<axis=1>(b, p, c) {END}"
)
MASKS = f"{MAPS} b, c, x = Split<axis=1>(m, masks) s = Sigmoid(c) j = Concat<axis=1>(b, s, x) {END}"
V5 = f"{MAPS} x, y, c = Split<axis=1>(m, pairs) s = Sigmoid(c) j = Concat<axis=1>(x, y, s) {END}"
V6 = (
    f"{MAPS} b, o, c = Split<axis=1>(m, objects) z = Mul(o, zero) p = Add(z, one) s = Sigmoid(c) "
    f"j = Concat<axis=1>(b, p, s) {END}"
)
PLAIN = f"{MAPS} {END.replace('(j', '(m')}"
ALL = f"{MAPS} j = Sigmoid(m) {END}"


@pytest.mark.parametrize(
    ("body", "names", "wanted"),
    [
        (V8, 0, (0, 4)),
        (V8, 4, (0, 4)),
        (V8, 3, (1, 3)),
        (YOLOX, 0, (1, 3)),
        (YOLOX, 3, (1, 3)),
        (POSE, 0, (0, 1)),
        (POSE, 1, (0, 1)),
        (MASKS, 0, (0, 3)),
        (MASKS, 3, (0, 3)),
        (V5, 0, (1, 3)),
        (PLAIN, 0, None),
        (PLAIN, 3, None),
        (V6, 3, (1, 3)),
        (PLAIN, 4, (0, 4)),
        (ALL, 0, None),
    ],
)
def test_names_parts_and_activations_tell(body, names, wanted):
    made = seen(body, ["float[N,8,64] out"], names=names, **SIZES)
    (output,) = made.outputs
    rows = Columns(("out",), 0, batch_axis=0)
    found = split_rows(made, output, rows, 8, joined_parts(made, output, 8))
    assert (None if found is None else (found.objects, found.count)) == wanted


@pytest.mark.parametrize(("last", "wanted"), [("Sigmoid", (1, 1)), ("Tanh", (0, 1))])
def test_a_single_class_has_an_objectness_or_an_angle(last, wanted):
    body = (
        f"m = Conv<strides=[8,8]>(image, six) b, o, c = Split<axis=1>(m, sizes) p = Sigmoid(o) "
        f"x = {last}(c) j = Concat<axis=1>(b, p, x) out = Reshape(j, flat)"
    )
    six = np.random.default_rng(0).normal(size=(6, 3, 8, 8)).astype(np.float32)
    sizes = {"sizes": np.array([4, 1, 1]), "flat": np.array([0, 6, -1]), "six": six}
    made = seen(body, ["float[N,6,64] out"], names=1, **sizes)
    (output,) = made.outputs
    rows = Columns(("out",), 0, batch_axis=0)
    found = split_rows(made, output, rows, 6, joined_parts(made, output, 6))
    assert (found.objects, found.count) == wanted
