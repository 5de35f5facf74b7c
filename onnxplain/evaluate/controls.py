"""Maps that never look at the model: what every method has to be better than."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def random_map(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.float64]:
    """Independent uniform numbers."""
    return rng.random(pixels.shape[:2])


def centre_map(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.float64]:
    """A Gaussian around the centre: photographers put the object there."""
    height, width = pixels.shape[:2]
    rows = (np.arange(height) - (height - 1) / 2) / height
    columns = (np.arange(width) - (width - 1) / 2) / width
    return np.exp(-((rows[:, None] ** 2 + columns[None] ** 2) / (2 * 0.2**2)))


def edges_map(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.float64]:
    """Magnitude of the picture's brightness gradient (Sobel)."""
    grey = pixels.astype(np.float64).mean(axis=2)
    return np.hypot(scipy.ndimage.sobel(grey, 0), scipy.ndimage.sobel(grey, 1))


def saturation_map(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.float64]:
    """Largest minus smallest colour channel; brightness for a grey picture."""
    values = pixels.astype(np.float64)
    return np.ptp(values, axis=2) if values.shape[2] > 1 else values[..., 0]


CONTROLS: Mapping[str, Callable[[Pixels, np.random.Generator], NDArray[Any]]] = {
    "random": random_map,
    "centre": centre_map,
    "edges": edges_map,
    "saturation": saturation_map,
}
