"""Connected parts and blurs are those of SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from onnxplain.explanations.connected import blurred, connected_parts

SIZES = [(1, 1), (1, 9), (9, 1), (7, 12), (40, 33)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.6, 0.7, 1.0])
def test_parts_are_those_of_scipy(size, share):
    for seed in range(20):
        inside = np.random.default_rng(seed).random(size) < share
        numbers, count = connected_parts(inside)
        wanted, expected = ndimage.label(inside)
        assert count == expected
        # Both number parts in the order in which they begin.
        np.testing.assert_array_equal(numbers, wanted)


def test_a_comb_and_a_spiral_are_one_part():
    comb = np.ones((9, 9), bool)
    comb[:-1, 1::2] = False
    assert connected_parts(comb)[1] == 1
    assert connected_parts(comb[::-1])[1] == 1
    spiral = np.array(
        [list(row) for row in ("11111", "00001", "11101", "10001", "11111")]
    ) == "1"  # fmt: skip
    assert connected_parts(spiral)[1] == 1
    spiral[2, 4] = False
    assert connected_parts(spiral)[1] == 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sigma", [0.1, 0.4, 1.0, 3.7])
def test_blurs_are_those_of_scipy(size, sigma):
    values = np.random.default_rng(0).random(size)
    wanted = ndimage.gaussian_filter(values, sigma)
    np.testing.assert_allclose(blurred(values, sigma), wanted, rtol=1e-12)
    for step in (2, 3, 50):
        rows, columns = (slice(min((step - 1) // 2, n - 1), None, step) for n in size)
        np.testing.assert_allclose(blurred(values, sigma, step), wanted[rows, columns], rtol=1e-12)
