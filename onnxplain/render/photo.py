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
    large = enlarged_channels(pixels)
    return np.repeat(large, 3, axis=2) if large.shape[2] == 1 else large


def enlarged_channels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Do the same with as many channels as there are."""
    height, width, count = pixels.shape
    factor = -(-SHORT_SIDE // min(height, width))
    plain = Image.fromarray(pixels[..., 0] if count == 1 else pixels)
    filter_ = Image.Resampling.NEAREST if is_tiny(pixels) else Image.Resampling.BICUBIC
    large = np.asarray(plain.resize((width * factor, height * factor), filter_))
    return large[..., None] if count == 1 else large


def is_tiny(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is so small that its pixels are shown as blocks."""
    return min(pixels.shape[:2]) < _TINY
