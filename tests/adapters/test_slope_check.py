"""Right derivatives of known functions add up; wrong ones do not, and nothing is no proof."""

import numpy as np
import pytest

from onnxplain.adapters.base import PullBack
from onnxplain.adapters.slope_check import check_slopes
from onnxplain.graph.image_input import ImageInput

WEIGHTS = np.random.default_rng(1).standard_normal((3, 4, 5))


def image():
    return ImageInput("x", "float32", "NCHW", 3, (4, 5), batch=None, free_size=False)


def engine(wrong=lambda slopes: slopes, weights=WEIGHTS):
    """Of the score sum(w sin(x)), whose derivative is w cos(x)."""

    def pull_back(x, seeds, names):
        x = np.asarray(x, np.float64)
        score = (weights * np.sin(x)).sum(axis=(1, 2, 3)).astype(np.float32)[:, None]
        values = {"x": x, "y": score}
        found = []
        for seed in seeds:
            signal = seed.slopes(values)["y"][:, :, None, None]
            found.append({"x": wrong(signal * weights * np.cos(x))})
        return PullBack(values, tuple(found))

    return pull_back


def checked(pull_back):
    x = np.random.default_rng(0).uniform(0, 2, (1, 3, 4, 5)).astype(np.float32)
    return check_slopes(pull_back, x, image(), ["y"], ["x"])


@pytest.mark.parametrize("size", [1.0, -1e-9])
def test_right_slopes_add_up(size):
    assert checked(engine(weights=size * WEIGHTS)).agrees


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s: 1.05 * s,
        lambda s: -s,
        lambda s: s * 0,
        lambda s: np.flip(s, axis=2),
        lambda s: np.where(np.arange(5) < 1, 0, s),
    ],
)
def test_wrong_slopes_do_not(wrong):
    assert not checked(engine(wrong)).agrees


def test_a_score_that_ignores_the_input_proves_nothing():
    assert not checked(engine(weights=0 * WEIGHTS)).agrees
