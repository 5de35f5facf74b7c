"""The two colour scales of all pictures, and what their ends mean; needs nothing but NumPy.

Positive maps run from black through purple and orange to pale yellow (matplotlib's
``inferno``), signed ones from blue through white to red (ColorBrewer's ``RdBu`` without its
two darkest colours). Lightness alone tells the strength in both, so they are read with any
colour vision and in a print without colours.

A map covers the grey photo evenly: where nothing is found it is dark or pale, not clear. Then
a stronger place is never darker (signed: never lighter) than a weaker one on the same tone
of the photo, and a colour bar can show exactly the colours of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# How much of the photo a map covers.
ALPHA = 0.6
# Rows that are coloured at a time: what is reckoned of them stays in a processor's cache.
_ROWS = 32
# Parts of red, green and blue in the luma of ITU-R BT.601, in 65,536ths as Pillow has them.
LUMA = (19595, 38470, 7471)
_INFERNO = (
    "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 "
    "d24644 e45a31 f1731d f98e09 fcac11 f9cb35 f2ea69 fcffa4"
)
_BLUE_RED = "2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b"


def _table(anchors: str, count: int) -> NDArray[np.float64]:
    """Colours in [0, 1] between evenly spaced ones, as a (count, 3) array."""
    given = np.array([list(bytes.fromhex(color)) for color in anchors.split()]) / 255.0
    places = np.linspace(0, len(given) - 1, count)
    return np.stack([np.interp(places, np.arange(len(given)), c) for c in given.T], axis=1)


@dataclass(frozen=True)
class Palette:
    """Colours of one kind of map.

    Attributes
    ----------
    lowest : float
        Scaled value of the first colour: -1 for signed maps, else 0.
    low, high : str
        What the two ends mean.
    table : (K, 3) float64 array
        Red, green and blue in [0, 1], from the lowest value to 1. K is odd for signed maps,
        so that zero has a colour of its own.
    """

    lowest: float
    low: str
    high: str
    table: NDArray[np.float64] = field(repr=False)

    def colors(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Red, green and blue in [0, 1] of scaled values, as a (..., 3) array."""
        return self.table[self.places(values)]

    def places(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        """Rows of the table in which the colours of scaled values stand."""
        return self._rounded(values).astype(np.intp)

    def under(self, values: NDArray[np.float64], tones: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Return the same in as many tables as there are tones beneath, one after the other."""
        found = self._rounded(values)
        found += tones * np.float64(len(self.table))  # whole numbers, turned into such once
        return found.astype(np.intp)

    def _rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        share = np.clip(values, self.lowest, 1.0)
        if self.lowest:
            share -= self.lowest
            share /= 1.0 - self.lowest
        share *= len(self.table) - 1
        return np.rint(share, out=share)

    def bar(self, tone: float = 0.0, alpha: float = 1.0) -> NDArray[np.uint8]:
        """Colours from the lowest value to 1 as they look over a grey tone, as (1, K, 3) bytes.

        Parameters
        ----------
        tone : float
            Grey level of the photo, 0 to 255.
        alpha : float
            How much of it the map covers; 1 gives the colours themselves.
        """
        mixed = tone * (1.0 - alpha) + self.table * (255.0 * alpha)
        return np.round(mixed).astype(np.uint8)[None]


POSITIVE, SIGNED = _table(_INFERNO, 256), _table(_BLUE_RED, 255)
GREYS = _table("000000 ffffff", 256)
PALETTES: Mapping[str, Palette] = {
    "signed": Palette(-1.0, "against", "for", SIGNED),
    "positive": Palette(0.0, "no evidence", "for", POSITIVE),
    "magnitude": Palette(0.0, "no effect", "strong effect", POSITIVE),
}

# Okabe, Ito 2008, "Color Universal Design": distinct with any colour vision.
CLASSES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
OTHER = "#999999"


def painted(values: NDArray[np.float64], display: str) -> NDArray[np.uint8]:
    """Colours of a scaled map alone, as bytes.

    Parameters
    ----------
    values : (...) array
        Scaled to [-1, 1].
    display : str
        Key of `PALETTES`.
    """
    return np.round(255.0 * PALETTES[display].colors(values)).astype(np.uint8)


def grey(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of a photo (ITU-R BT.601) in three equal channels, rounded as Pillow does.

    Parameters
    ----------
    photo : (H, W, 1 or 3) uint8 array
        The photo; one channel is its luma.
    """
    return np.repeat(luma(photo), 3, axis=-1)


def luma(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the same in one channel, as an (H, W, 1) array."""
    if photo.shape[-1] == 1:
        return photo
    # Plane by plane: NumPy multiplies matrices of integers without a fast routine.
    total = np.full(photo.shape[:-1], 0x8000, np.uint32)
    for channel, part in enumerate(LUMA):
        total += photo[..., channel] * np.uint32(part)
    return (total >> np.uint32(16)).astype(np.uint8)[..., None]


def blend(
    photo: NDArray[np.uint8], values: NDArray[np.float64], display: str, alpha: float = ALPHA
) -> NDArray[np.uint8]:
    """Lay a scaled map over a photo in grey, so that every colour is the map's.

    Parameters
    ----------
    photo : (H, W, 1 or 3) uint8 array
        What is covered.
    values : (H, W) array
        Scaled to [-1, 1].
    display : str
        Key of `PALETTES`.
    alpha : float
        How much of the photo the map covers.
    """
    tones = luma(photo)[..., 0]
    mixed = np.empty((*tones.shape, 3), np.uint8)
    colors, palette = _together(display, alpha), PALETTES[display]
    for first in range(0, len(tones), _ROWS):
        rows = slice(first, first + _ROWS)
        at = palette.under(values[rows], tones[rows])
        colors.take(at, axis=0, out=mixed[rows], mode="clip")  # which writes without a copy
    return mixed


def mix(
    photo: NDArray[np.uint8], values: NDArray[np.float64], display: str, alpha: float = ALPHA
) -> NDArray[np.uint8]:
    """Lay a scaled map over a photo as it is; parameters as those of `blend`."""
    mixed = np.empty(photo.shape, np.uint8)
    tables = _mixtures(display, alpha)
    for first in range(0, len(photo), _ROWS):
        rows = slice(first, first + _ROWS)
        places = PALETTES[display].places(values[rows])
        for channel, table in enumerate(tables):
            at = photo[rows, :, channel] * np.intp(table.shape[1]) + places
            mixed[rows, :, channel] = table.ravel()[at]
    return mixed


@lru_cache(maxsize=8)
def _mixtures(display: str, alpha: float) -> NDArray[np.uint8]:
    """Every colour of a palette over every tone of a photo, (3, 256 tones, K colours)."""
    tones, colors = np.arange(256, dtype=np.float64), PALETTES[display].table.T * 255.0
    mixed = tones[None, :, None] * (1.0 - alpha) + (colors * alpha)[:, None]
    return np.round(mixed).astype(np.uint8)


@lru_cache(maxsize=8)
def _together(display: str, alpha: float) -> NDArray[np.uint8]:
    """Return the same as one row for each tone and colour, (256 tones * K colours, 3).

    A grey photo has one tone for all three, so that they are looked up together.
    """
    return np.ascontiguousarray(_mixtures(display, alpha).reshape(3, -1).T)
