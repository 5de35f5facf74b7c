"""Pictures that the network made itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onnxplain.explanations.display import limit
from onnxplain.render.patches import as_rgb
from onnxplain.render.relevant import class_label
from onnxplain.render.tiles import Pixels, Tile, tile_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from onnxplain.features.class_model import ClassModel

_PERCENTILE = 99.5


def draw_class_models(found: Sequence[ClassModel], name: str, labels: Sequence[str]) -> Figure:
    """Draw the images of classes side by side, with what the model says about them."""
    tiles = [
        Tile(_stretched(as_rgb(f.pixels)), f"{class_label(labels, f.index)}: logit {f.logit:.3g}")
        for f in found
    ]
    heading = [f"{name}  \u00b7  what each class is about", "images that raise the class's logit"]
    notes = (
        "Not pictures of anything: the network was asked what raises a class most, within "
        "smoothness and range. Contrast is stretched; the .npz holds the pixels as they are."
    )
    return tile_page(heading, tiles, columns=4, side=2.6, notes=notes)


def picture_of(pixels: NDArray[np.uint8]) -> Image.Image:
    """A picture to be saved."""
    return Image.fromarray(as_rgb(pixels))


def _stretched(pixels: Pixels) -> Pixels:
    """Spread contrast around the mean colour until a few pixels reach the ends."""
    centred = pixels - pixels.mean(axis=(0, 1))
    top = limit(centred, _PERCENTILE)
    spread = 127.5 + 127.5 * centred / top if top else np.full(pixels.shape, 127.5)
    return np.clip(np.round(spread), 0, 255).astype(np.uint8)
