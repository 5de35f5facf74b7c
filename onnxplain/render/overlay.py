"""The picture as the model saw it, with a map laid over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onnxplain.explanations.display import displayed, limit, reduce_channels, upsample
from onnxplain.explanations.spread import Spread
from onnxplain.render.boxes import with_boxes
from onnxplain.render.colors import ALPHA, blend, luma, mix
from onnxplain.render.look import Look, channel_colors, outlined
from onnxplain.render.photo import enlarged, enlarged_channels, is_tiny

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


def overlay(
    explanation: Explanation,
    *,
    alpha: float = ALPHA,
    style: str = "overlay",
    contour: bool = False,
) -> Image.Image:
    """Draw the map: unless told otherwise, over the picture in grey.

    Parameters
    ----------
    explanation : Explanation
        What to show.
    alpha : float
        In [0, 1]; how much of the picture the map covers, everywhere. At 1 the map is alone.
    style : str
        Key of `onnxplain.render.look.STYLES`.
    contour : bool
        Draw a line around what has half of the strongest value or more.

    Returns
    -------
    PIL.Image.Image
        RGB, the model's view enlarged by a whole factor to a short side of 448 or more.

    Raises
    ------
    UsageError
        If `alpha` is out of range, or the style unknown.
    """
    return drawn(explanation, Look(style, contour, alpha))


def drawn(explanation: Explanation, look: Look) -> Image.Image:
    """Draw the map as a look says; see `overlay`."""
    in_grey = look.style != "photo"
    seen = explanation.pixels
    # Grey first: one channel is enlarged and coloured in a third of the time of three.
    photo = enlarged_channels(luma(seen)) if in_grey else enlarged(seen)
    values = shown_map(explanation, photo.shape[:2]).values
    if look.colors_pixels(explanation):
        pixels = enlarged(channel_colors(explanation, look.style, PERCENTILE).pixels)
    elif in_grey:
        pixels = blend(photo, values, explanation.display, look.cover)
    else:
        pixels = mix(photo, values, explanation.display, look.cover)
    image = Image.fromarray(outlined(pixels, values) if look.has_line(explanation) else pixels)
    sides = explanation.target.to_dict().get("sides")
    return image if sides is None else with_boxes(image, [sides], explanation.pixels.shape)


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
    scaled = large / top
    return Shown(np.clip(scaled, -1.0, 1.0, out=scaled), top, bool(np.abs(flat).max() > top))
