"""Pictures as the model saw them, large enough to look at."""

import numpy as np
import pytest

from onnxplain.render.photo import enlarged

BLOCK = 112  # 448 / 4


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(8, 8, (448, 448)), (224, 224, (448, 448)), (300, 450, (600, 900)), (500, 448, (500, 448))],
)
def test_short_side_is_448_or_more_by_a_whole_factor(height, width, expected):
    assert enlarged(np.zeros((height, width, 3), np.uint8)).shape == (*expected, 3)


def test_tiny_inputs_stay_blocks():
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4, 1) * 10
    large = enlarged(pixels)
    expected = pixels.repeat(BLOCK, 0).repeat(BLOCK, 1).repeat(3, 2)
    np.testing.assert_array_equal(large, expected)
