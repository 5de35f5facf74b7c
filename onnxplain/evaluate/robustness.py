"""Does an explanation stay when the picture hardly changes?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.similarity import spearman
from onnxplain.inputs.image import jpeg

# From model inputs (1, ...), or from pixels (H, W, C), to a map (H, W).
Explain = Callable[[NDArray[Any]], NDArray[np.float64]]


def max_sensitivity(
    explain: Explain,
    x: NDArray[Any],
    rng: np.random.Generator,
    *,
    radius: NDArray[Any] | float,
    samples: int = 10,
) -> float:
    """Largest relative change of a map under noise that is too small to be seen.

    Parameters
    ----------
    explain : callable
        From a model input to its map.
    x : (1, ...) array
        The model input.
    rng : numpy.random.Generator
        Draws the noise, uniformly within the radius.
    radius : float or array
        Largest change of a value, in the model's units; broadcasts to `x`.
    samples : int
        Number of noisy inputs.

    Returns
    -------
    float
        Largest of ``|R(x + noise) - R(x)| / |R(x)|`` in Euclidean norm; 0 is best.

    References
    ----------
    Yeh et al. 2019, arXiv:1901.09392, definition 4.1.
    """
    first = explain(x)
    norm = float(np.linalg.norm(first))
    changes = []
    for _ in range(samples):
        noise = radius * rng.uniform(-1.0, 1.0, x.shape)
        moved = explain((x + noise).astype(x.dtype))
        changes.append(float(np.linalg.norm(moved - first)))
    return max(changes) / norm if norm else float("inf") if max(changes) else 0.0


def shift_consistency(
    explain: Explain,
    pixels: NDArray[np.uint8],
    *,
    shifts: tuple[tuple[int, int], ...] = ((4, 0), (-4, 0), (0, 4), (0, -4)),
) -> float:
    """Rank correlation of a map with those of slightly shifted pictures, shifted back.

    Parameters
    ----------
    explain : callable
        From pixels to a map.
    pixels : (H, W, C) uint8 array
        The picture. What a shift uncovers repeats the border.
    shifts : tuple of (int, int)
        Pixels down and to the right.

    Returns
    -------
    float
        Mean over the shifts, compared where both maps see the same part of the picture.
    """
    first = explain(pixels)
    height, width = first.shape
    found = []
    for down, right in shifts:
        rows = np.clip(np.arange(height) - down, 0, height - 1)
        columns = np.clip(np.arange(width) - right, 0, width - 1)
        moved = explain(pixels[rows[:, None], columns[None]])
        here = (_overlap(height, down), _overlap(width, right))
        there = (_overlap(height, -down), _overlap(width, -right))
        found.append(spearman(moved[here], first[there]))
    return float(np.mean(found))


def jpeg_consistency(explain: Explain, pixels: NDArray[np.uint8], *, quality: int = 75) -> float:
    """Rank correlation of a map with that of the picture after JPEG compression.

    Parameters
    ----------
    explain : callable
        From pixels to a map.
    pixels : (H, W, C) uint8 array
        The picture.
    quality : int
        JPEG quality, 1 to 95.
    """
    return spearman(explain(pixels), explain(jpeg(pixels, quality)))


def _overlap(length: int, shift: int) -> slice:
    """Positions of the shifted picture that show a part of the original."""
    return slice(max(shift, 0), length + min(shift, 0))
