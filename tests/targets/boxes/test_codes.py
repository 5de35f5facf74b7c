"""Boxes in every form, decoded by hand, and the slopes of their sides."""

import numpy as np
import pytest

from onnxplain.targets.boxes.codes import FORMS, BoxCode


@pytest.fixture
def points():
    return np.array([[8.0, 24.0, 40.0], [8.0, 8.0, 40.0]]), np.array([8.0, 8.0, 32.0])


def by_hand(form, raw, point, stride):
    a, b, c, d = raw[:4]
    if form == "dfl":
        bins = raw.reshape(4, -1)
        weights = np.exp(bins) / np.exp(bins).sum(1, keepdims=True)
        a, b, c, d = weights @ np.arange(bins.shape[1])
    x, y = point
    return {
        "xyxy": (a, b, c, d),
        "yxyx": (b, a, d, c),
        "xywh": (a, b, a + c, b + d),
        "cxcywh": (a - c / 2, b - d / 2, a + c / 2, b + d / 2),
        "dfl": (x - a * stride, y - b * stride, x + c * stride, y + d * stride),
    }[form]


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form, points, rng):
    raw = rng.normal(size=(2, 32 if form == "dfl" else 4, 3))
    code = BoxCode(form, (2.0, 3.0), *points)
    found = code.decode(raw)
    for n, k in np.ndindex(2, 3):
        wanted = np.array(by_hand(form, raw[n, :, k], points[0][:, k], points[1][k]))
        np.testing.assert_allclose(found[n, :, k], wanted * (2, 3, 2, 3), rtol=1e-12)
    weights = np.zeros((4, 3))
    weights[:, 1] = rng.normal(size=4)
    slopes = code.slope(raw, weights)
    assert not slopes[:, :, [0, 2]].any()
    for at in list(np.ndindex(raw.shape))[::5]:
        moved = raw.copy()
        moved[at] += 1e-6
        changed = ((code.decode(moved) - found) * weights).sum() / 1e-6
        assert slopes[at] == pytest.approx(changed, abs=1e-4)
