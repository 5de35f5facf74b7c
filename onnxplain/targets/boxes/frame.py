"""Where the input of a model lies in the photo that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sides = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Where an input lies in its photo.

    Attributes
    ----------
    scale : (float, float)
        Pixels of the photo that a pixel of the input is, across and down.
    corner : (float, float)
        Where the input's upper left corner lies in the photo.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    corner: tuple[float, float] = (0.0, 0.0)

    def on_photo(self, sides: Sides) -> Sides:
        """Return boxes (..., 4) of the input in pixels of the photo."""
        return sides * np.tile(self.scale, 2) + np.tile(self.corner, 2)

    def in_input(self, sides: Sides) -> Sides:
        """Return boxes (..., 4) of the photo in pixels of the input."""
        return (sides - np.tile(self.corner, 2)) / np.tile(self.scale, 2)
