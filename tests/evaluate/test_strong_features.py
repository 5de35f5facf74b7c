"""Which pixels are the strongest."""

import numpy as np
import pytest

from onnxplain.evaluate.strong_features import strongest

MAP = np.array([[0.0, 5.0, 2.0], [2.0, -9.0, 1.0]])


@pytest.mark.parametrize(
    ("share", "kept"), [(1 / 6, [1]), (0.5, [1, 2, 3]), (2 / 6, [1, 2]), (1.0, list(range(6)))]
)
def test_as_many_as_the_share_and_of_equal_ones_the_first(share, kept):
    assert np.flatnonzero(strongest(MAP, share)).tolist() == kept


def test_at_least_one_pixel_is_kept_and_the_shape_stays():
    found = strongest(MAP, 1e-9)
    assert found.shape == MAP.shape
    assert found.sum() == 1
    assert found[0, 1]
