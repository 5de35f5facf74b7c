"""The picture as the model saw it, large enough to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHORT_SIDE = 448
# Inputs below this side are shown as the blocks that they are.
_TINY = 64


def enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge (H, W, 1 or 3) pixels by a whole factor, as (H', W', 3)."""
    height, width = pixels.shape[:2]
    factor = -(-SHORT_SIDE // min(height, width))
    plain = Image.fromarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels)
    filter_ = Image.Resampling.NEAREST if is_tiny(pixels) else Image.Resampling.BICUBIC
    return np.asarray(plain.resize((width * factor, height * factor), filter_))


def is_tiny(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is so small that its pixels are shown as blocks."""
    return min(pixels.shape[:2]) < _TINY
