"""Boxes in every form, decoded by hand, and the slopes of their sides."""

import math

import numpy as np
import pytest

from onnxplain.targets.boxes.codes import FROM_CELLS, PLAIN, BoxCode


@pytest.fixture
def cells():
    """Points, strides and anchors of three candidates."""
    points = np.array([[8.0, 24.0, 40.0], [8.0, 8.0, 40.0]])
    return points, np.array([8.0, 8.0, 32.0]), np.array([[10.0, 16.0, 33.0], [13.0, 30.0, 23.0]])


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def around(x, y, width, height):
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def by_hand(form, raw, point, stride, anchor):
    a, b, c, d = raw[:4]
    if form == "dfl":
        bins = raw.reshape(4, -1)
        weights = np.exp(bins) / np.exp(bins).sum(1, keepdims=True)
        a, b, c, d = weights @ np.arange(bins.shape[1])
    x, y = point
    wide, high = anchor
    if form == "yolov3":
        size = math.exp(c) * wide, math.exp(d) * high
        return around(x + sigmoid(a) * stride, y + sigmoid(b) * stride, *size)
    if form == "yolov5":
        middle = x + (a * 2 - 0.5) * stride, y + (b * 2 - 0.5) * stride
        return around(*middle, (c * 2) ** 2 * wide, (d * 2) ** 2 * high)
    if form == "yolox":
        size = math.exp(c) * stride, math.exp(d) * stride
        return around(x + a * stride, y + b * stride, *size)
    return {
        "xyxy": (a, b, c, d),
        "yxyx": (b, a, d, c),
        "xywh": (a, b, a + c, b + d),
        "cxcywh": (a - c / 2, b - d / 2, a + c / 2, b + d / 2),
        "ltrb": (x - a * stride, y - b * stride, x + c * stride, y + d * stride),
        "dfl": (x - a * stride, y - b * stride, x + c * stride, y + d * stride),
    }[form]


@pytest.mark.parametrize("form", [*PLAIN, *FROM_CELLS])
def test_every_form(form, cells, rng):
    raw = rng.normal(size=(2, 32 if form == "dfl" else 4, 3))
    code = BoxCode(form, (2.0, 3.0), *cells)
    found = code.decode(raw)
    for n, k in np.ndindex(2, 3):
        wanted = np.array(by_hand(form, raw[n, :, k], *(c[..., k] for c in cells)))
        np.testing.assert_allclose(found[n, :, k], wanted * (2, 3, 2, 3), rtol=1e-12)
    weights = np.zeros((4, 3))
    weights[:, 1] = rng.normal(size=4)
    slopes = code.slope(raw, weights)
    assert not slopes[:, :, [0, 2]].any()
    for at in list(np.ndindex(raw.shape))[::5]:
        less, more = raw.copy(), raw.copy()
        less[at] -= 1e-6
        more[at] += 1e-6
        changed = ((code.decode(more) - code.decode(less)) * weights).sum() / 2e-6
        assert slopes[at] == pytest.approx(changed, abs=1e-4)


def test_large_numbers_do_not_overflow(cells):
    raw = np.array([[800.0, -800.0, 0.0, 0.0]]).T[None]
    code = BoxCode("yolov3", (1.0, 1.0), *(c[..., :1] for c in cells))
    with np.errstate(over="raise"):
        left, top, right, bottom = code.decode(raw)[0, :, 0]
    assert ((left + right) / 2, (top + bottom) / 2) == (16.0, 8.0)


def test_a_slope_at_zero_is_that_of_the_sigmoid(cells):
    code = BoxCode("yolov3", (1.0, 1.0), *(c[..., :1] for c in cells))
    slope = code.slope(np.zeros((1, 4, 1)), np.array([[0.5], [0], [0.5], [0]]))
    assert slope[0, 0, 0] == pytest.approx(0.25 * 8.0, rel=1e-12)
