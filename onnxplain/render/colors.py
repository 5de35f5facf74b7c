"""Which colours a map gets, and what their ends mean.

The colour maps are widely used ones, chosen for readers with colour-vision deficiency:
ColorBrewer's red-blue for signed maps, the perceptually uniform ``inferno`` for the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.render.color_tables import TABLES, look_up

_STEPS = 255  # odd, so that the middle colour of a signed map is zero's own


@dataclass(frozen=True)
class Palette:
    """Colours of one kind of map.

    Attributes
    ----------
    source : str
        Key of `TABLES`.
    part : (float, float)
        Where on it a vanishing and the strongest value stand. Its pale or dark beginning
        is left out, because there the map is transparent; so are ends too dark for a photo.
    lowest : float
        Scaled value of the first colour: -1 for signed maps (whose negative values stand
        at 1 minus `part`), else 0.
    low, high : str
        What the two ends mean.
    """

    source: str
    part: tuple[float, float]
    lowest: float
    low: str
    high: str

    def colors(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Red, green and blue in [0, 1] of scaled values, as a (..., 3) array."""
        kept = np.clip(values, self.lowest, 1.0)
        first, last = self.part
        place = first + (last - first) * np.abs(kept)
        place = np.where(kept < 0.0, 1.0 - place, place)
        return look_up(TABLES[self.source], place)

    def whole(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Colours over the map's whole range: for values in [0, 1] with nothing below them."""
        return look_up(TABLES[self.source], values)

    def table(self) -> NDArray[np.float64]:
        """The colours that there are, (K, 3): place p of `part` has the one of number K p."""
        return TABLES[self.source]

    def bar(self, alpha: float) -> NDArray[np.float64]:
        """Colours of a colour bar on white, (K, 3), as opaque as the map is on the picture."""
        values = np.linspace(self.lowest, 1.0, _STEPS)
        cover = opacity(values, alpha)[:, None]
        return 1.0 - cover + cover * self.colors(values)


PALETTES: Mapping[str, Palette] = {
    "signed": Palette("RdBu_r", (0.75, 0.95), -1.0, "against", "for"),
    "positive": Palette("inferno", (0.3, 0.97), 0.0, "no evidence", "for"),
    "magnitude": Palette("inferno", (0.3, 0.97), 0.0, "no effect", "strong effect"),
}

# Okabe, Ito 2008, "Color Universal Design": distinct with any colour vision.
CLASSES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
OTHER = "#999999"


def opacity(values: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """How much of the picture a colour covers: 0 at zero, `alpha` at half of the range.

    Parameters
    ----------
    values : array
        Scaled to [-1, 1].
    alpha : float
        In [0, 1].
    """
    return 1.0 - (1.0 - alpha) ** (2.0 * np.abs(np.clip(values, -1.0, 1.0)))
