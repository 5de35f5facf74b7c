"""The picture as the model saw it, with a map laid over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onnxplain.errors import UsageError
from onnxplain.explanations.display import displayed, limit, reduce_channels, upsample
from onnxplain.explanations.spread import Spread
from onnxplain.render.boxes import with_boxes
from onnxplain.render.colors import ALPHA, blend
from onnxplain.render.photo import enlarged, is_tiny

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

# A few single pixels can be far above all others; their rank is kept, their excess is not.
PERCENTILE = 99.0


@dataclass(frozen=True)
class Shown:
    """A map as pictures show it.

    Attributes
    ----------
    values : (H, W) array
        Scaled to [-1, 1].
    limit : float
        Attribution at which the colours end, in the map's own units.
    clipped : bool
        Whether some values are beyond it and share the end colour.
    """

    values: NDArray[np.float64]
    limit: float
    clipped: bool


def overlay(explanation: Explanation, *, alpha: float = ALPHA) -> Image.Image:
    """Lay the map over the picture in grey.

    Parameters
    ----------
    explanation : Explanation
        What to show.
    alpha : float
        In [0, 1]; how much of the picture the map covers, everywhere. At 1 the map is alone.

    Returns
    -------
    PIL.Image.Image
        RGB, the model's view enlarged by a whole factor to a short side of 448 or more.

    Raises
    ------
    UsageError
        If `alpha` is out of range.
    """
    if not 0.0 <= alpha <= 1.0:
        raise UsageError(f"alpha {alpha} is out of range; allowed: 0 to 1")
    photo = enlarged(explanation.pixels)
    shown = shown_map(explanation, photo.shape[:2])
    blended = Image.fromarray(blend(photo, shown.values, explanation.display, alpha))
    sides = explanation.target.to_dict().get("sides")
    return blended if sides is None else with_boxes(blended, [sides], explanation.pixels.shape)


def shown_map(explanation: Explanation, size: tuple[int, int]) -> Shown:
    """Bring a map to the size and range in which it is coloured.

    Maps of single pixels end their colours at a percentile, maps of a layer at their
    maximum.

    Parameters
    ----------
    explanation : Explanation
        What to show.
    size : (int, int)
        Height and width wanted; whole multiples of the picture's.
    """
    flat = displayed(
        reduce_channels(explanation.attribution, explanation.axes), explanation.display
    )
    top = limit(flat, PERCENTILE if explanation.layer is None else 100.0)
    if top == 0.0:
        return Shown(np.zeros(size), 0.0, False)
    if flat.shape == explanation.pixels.shape[:2] and is_tiny(explanation.pixels):
        factor = size[0] // flat.shape[0]
        large = flat.repeat(factor, axis=0).repeat(factor, axis=1)
    else:
        large = upsample(flat, size, Spread.of_notes(explanation.notes))
    return Shown(np.clip(large / top, -1.0, 1.0), top, bool(np.abs(flat).max() > top))
