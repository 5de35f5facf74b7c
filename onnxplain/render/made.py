"""Pictures that the network made itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onnxplain.explanations.display import limit
from onnxplain.render.canvas import Canvas
from onnxplain.render.patches import as_rgb
from onnxplain.render.relevant import class_label
from onnxplain.render.tiles import Pixels, Tile, tile_page
from onnxplain.targets.classes import ClassScore

if TYPE_CHECKING:
    from onnxplain.features.class_model import ClassModel

_PERCENTILE = 99.5


def draw_class_models(found: Sequence[ClassModel], name: str, labels: Sequence[str]) -> Canvas:
    """Draw the images of classes side by side, with what the model says about them."""
    tiles = [
        Tile(_stretched(as_rgb(f.pixels)), f"{_named(f, labels)}: {f.target.unit} {f.score:.3g}")
        for f in found
    ]
    units = ", ".join(dict.fromkeys(f.target.unit for f in found))
    heading = [f"{name}  \u00b7  what each target is about", f"images that raise its {units}"]
    notes = (
        "Not photos: each picture was optimised to raise its target, within limits of smoothness "
        "and range. Contrast is stretched; the .npz holds the original pixels."
    )
    return tile_page(heading, tiles, columns=4, side=2.6, notes=notes)


def _named(made: ClassModel, labels: Sequence[str]) -> str:
    target = made.target
    if isinstance(target, ClassScore):
        return f"{'not ' * target.negative}{class_label(labels, target.index)}{target.where}"
    return target.describe().rpartition(",")[0]


def picture_of(pixels: NDArray[np.uint8]) -> Image.Image:
    """A picture to be saved."""
    return Image.fromarray(as_rgb(pixels))


def _stretched(pixels: Pixels) -> Pixels:
    """Spread contrast around the mean colour until a few pixels reach the ends."""
    centred = pixels - pixels.mean(axis=(0, 1))
    top = limit(centred, _PERCENTILE)
    spread = 127.5 + 127.5 * centred / top if top else np.full(pixels.shape, 127.5)
    return np.clip(np.round(spread), 0, 255).astype(np.uint8)
