"""Nodes that blend a picture with a map agree with the product's pixels."""

import numpy as np
import pytest

from onnxplain.export.overlay import write_overlay
from onnxplain.render.colors import PALETTES, blend
from tests.export.test_display import run


@pytest.mark.parametrize("display", PALETTES)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_of_the_product(display, channels):
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (2, 40, 30, channels)).astype(np.uint8)
    low = int(PALETTES[display].lowest)
    values = rng.uniform(low, 1, (2, 40, 30)).astype(np.float32)
    values[:, 0], values[:, 1], values[:, 2] = 0, 1, low
    found = run(lambda build, p, v: write_overlay(build, p, v, display),
                photo.astype(np.float32), values)  # fmt: skip
    wide = np.broadcast_to(photo, (2, 40, 30, 3))
    for one, pixels, scaled in zip(found, wide, values, strict=True):
        expected = blend(pixels, scaled.astype(np.float64), display)
        assert np.abs(one.astype(int) - expected).max() <= 1
