"""How maps are drawn: over the photo, alone, or as colours of the pixels themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.display import limit
from onnxplain.render.colors import ALPHA

if TYPE_CHECKING:
    from onnxplain.explanations.contents import Contents

STYLES: Mapping[str, str] = {
    "overlay": "over the photo in grey, so that every colour is the map's",
    "photo": "over the photo in its colours",
    "map": "the map alone",
    "grey": "gradients of the pixels as colours around mid-grey; other maps as in overlay",
    "black": "their size as colours on black; other maps as in overlay",
}
# What the colours are where those of pixels are drawn.
PIXELS: Mapping[str, str] = {
    "grey": "mid-grey is zero, brighter positive, darker negative",
    "black": "black is zero, brighter a larger magnitude",
}
# Of the strongest value: inside of it lies what counts most.
HALF = 0.5
_LINE = 2


@dataclass(frozen=True)
class Look:
    """How maps are drawn.

    Attributes
    ----------
    style : str
        Key of `STYLES`.
    contour : bool
        Whether a line runs around what has half of the strongest value or more; not in maps
        with channels, which consist of dots.
    alpha : float
        In [0, 1]; how much of the photo the map covers.
    """

    style: str = "overlay"
    contour: bool = False
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        """Refuse what is not known.

        Raises
        ------
        UsageError
            If the style is unknown, or `alpha` out of range.
        """
        if self.style not in STYLES:
            raise UsageError(f"style {self.style!r} is not known; allowed: {', '.join(STYLES)}")
        if not 0.0 <= self.alpha <= 1.0:
            raise UsageError(f"alpha {self.alpha} is out of range; allowed: 0 to 1")

    def colors_pixels(self, explanation: Contents) -> bool:
        """Whether the channels of a map of single pixels are drawn as colours."""
        return (
            self.style in ("grey", "black")
            and explanation.axes.count("C") == 1
            and explanation.layer is None
        )

    def has_line(self, explanation: Contents) -> bool:
        """Whether a contour is drawn: around dots of single pixels there is nothing to see."""
        return self.contour and "C" not in explanation.axes

    @property
    def cover(self) -> float:
        """How much of the photo maps cover in this style."""
        return 1.0 if self.style == "map" else self.alpha


@dataclass(frozen=True)
class Channels:
    """Channels of a map of single pixels as colours.

    Attributes
    ----------
    pixels : (H, W, 3) uint8 array
        The colours.
    limit : float
        Number at which they end.
    clipped : bool
        Whether some numbers are beyond it.
    """

    pixels: NDArray[np.uint8]
    limit: float
    clipped: bool


def channel_colors(explanation: Contents, style: str, percentile: float) -> Channels:
    """Draw each channel of a map in its own colour, as papers on gradients do.

    Parameters
    ----------
    explanation : Contents
        With channels; one, or other than three, are drawn in greys.
    style : {"grey", "black"}
        Signed around mid-grey, or magnitudes on black.
    percentile : float
        At which of the magnitudes the colours end.
    """
    values = np.moveaxis(
        np.asarray(explanation.attribution, np.float64), explanation.axes.index("C"), -1
    )
    if values.shape[-1] != 3:
        values = np.repeat(values.sum(axis=-1, keepdims=True), 3, axis=-1)
    elif explanation.provenance.get("preprocess", {}).get("color") == "BGR":
        values = values[..., ::-1]
    top = limit(values, percentile)
    scaled = np.clip(values / (top or 1.0), -1.0, 1.0)
    shares = np.abs(scaled) if style == "black" else (scaled + 1.0) / 2.0
    pixels = np.round(255.0 * shares).astype(np.uint8)
    return Channels(pixels, top, bool(np.abs(values).max() > top))


def outlined(pixels: NDArray[np.uint8], values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw a white line with black edges around the places of half the largest magnitude or more.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 array
        What is drawn on.
    values : (H, W) array
        Scaled map of the same size.
    """
    size = np.abs(values)
    if not size.any():
        return pixels
    inside = size >= HALF * size.max()
    drawn = pixels.copy()
    drawn[_grown(inside, 2 * _LINE) & ~_grown(inside, -_LINE)] = 0
    drawn[_grown(inside, _LINE) & ~inside] = 255
    return drawn


def _grown(inside: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Move the edge of an area outwards by so many pixels, or inwards; not at the picture's."""
    if by < 0:
        return ~_grown(~inside, -by)
    # A square is grown along rows, then along columns; SciPy would look at all of its places.
    for axis in (0, 1):
        known, grown = np.moveaxis(inside, axis, 0), inside.copy()
        line = np.moveaxis(grown, axis, 0)
        for step in range(1, min(by, len(known) - 1) + 1):
            line[step:] |= known[:-step]
            line[:-step] |= known[step:]
        inside = grown
    return inside
