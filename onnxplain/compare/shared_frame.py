"""Maps of models that cut and resize differently, brought back onto the same photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.between import between
from onnxplain.inputs.preprocess import Preprocess

# Rows and columns of the common grid: fine enough for any map, coarse enough to compare fast.
GRID = 112


def shared_region(
    recipes: Sequence[Preprocess], photo: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Part of a photo that all models see: left, top, right and bottom edge in pixels.

    Parameters
    ----------
    recipes : sequence of Preprocess
        One for each model.
    photo : (int, int)
        Width and height of the photo.
    """
    width, height = photo
    regions = [r.region(width, height) for r in recipes]
    left, top = (max(0.0, *(r[k] for r in regions)) for k in (0, 1))
    right, bottom = (
        min(float(end), *(r[k] for r in regions)) for k, end in ((2, width), (3, height))
    )
    return (left, top, right, bottom)


def on_photo(
    heatmap: NDArray[Any],
    recipe: Preprocess,
    photo: tuple[int, int],
    region: tuple[float, float, float, float],
    size: tuple[int, int] = (GRID, GRID),
) -> NDArray[np.float64]:
    """Sample a map at places of the photo that it was made for.

    Parameters
    ----------
    heatmap : (H, W) array
        In the model's pixels.
    recipe : Preprocess
        How the photo became the model's input.
    photo : (int, int)
        Width and height of the photo.
    region : (float, float, float, float)
        Part of the photo that is sampled: left, top, right, bottom.
    size : (int, int)
        Rows and columns of the result.

    Returns
    -------
    (rows, columns) float64 array
        Bilinear between the centres of the map's pixels.
    """
    seen = recipe.region(*photo)
    places = []
    for axis, (first, last) in enumerate(((1, 3), (0, 2))):
        step = (region[last] - region[first]) / size[axis]
        at = region[first] + (np.arange(size[axis]) + 0.5) * step
        share = (at - seen[first]) / (seen[last] - seen[first])
        places.append(share * heatmap.shape[axis] - 0.5)
    return between(heatmap, places[0][:, None], places[1][None])
