"""Steps of ascent, and the penalty on variation."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.features.ascent import Ascent, total_variation


def test_variation_by_hand():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 3.0
    # Into the peak from above and from the left, and out of it both ways at once.
    value, _ = total_variation(x, (2, 3))
    assert value == pytest.approx(3 + 3 + np.sqrt(18), abs=0.01)
    assert total_variation(np.full((1, 2, 4, 5), 7.0), (2, 3))[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("axes", [(2, 3), (1, 2)])
def test_gradient_of_the_variation_by_central_differences(axes, rng):
    x = rng.normal(size=(1, 3, 4, 2))
    _, slope = total_variation(x, axes)
    step = 1e-6
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        wanted = (total_variation(up, axes)[0] - total_variation(down, axes)[0]) / (2 * step)
        assert slope[place] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"rate": 0.0}, {"blur_every": 0}, {"decay": -1.0}, {"jitter": -1}],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UsageError, match="must be 1 or more"):
        Ascent(**wrong)
