"""The objective of inversion: its value by hand and its gradient by differences."""

import numpy as np
import pytest

from onnxplain.features.inversion import cosine_product


def test_value_by_hand():
    goal = np.array([1.0, 0.0])
    # (v a) cos(v, a) = 3 * 3 / 5
    assert cosine_product(np.array([3.0, 4.0]), goal)[0] == pytest.approx(9 / 5)
    assert cosine_product(np.array([-3.0, 4.0]), goal)[0] == pytest.approx(-9 / 5)
    assert cosine_product(np.zeros(2), goal)[0] == 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradient_by_central_differences(sign, rng):
    goal = rng.normal(size=5)
    goal /= np.linalg.norm(goal)
    found = sign * (goal + 0.3 * rng.normal(size=5))
    _, slope = cosine_product(found, goal)
    step = 1e-6
    wanted = [
        (cosine_product(found + d, goal)[0] - cosine_product(found - d, goal)[0]) / (2 * step)
        for d in step * np.eye(5)
    ]
    np.testing.assert_allclose(slope, wanted, rtol=1e-6, atol=1e-8)
