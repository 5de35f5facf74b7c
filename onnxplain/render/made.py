"""Pictures that the network made itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray
from PIL import Image

from onnxplain.explanations.display import limit
from onnxplain.render.canvas import Canvas
from onnxplain.render.patches import as_rgb
from onnxplain.render.relevant import class_label
from onnxplain.render.tiles import Pixels, Tile, fitting_side, tile_page
from onnxplain.targets.classes import ClassScore

if TYPE_CHECKING:
    from onnxplain.features.class_model import ClassModel
    from onnxplain.features.maco import Made

_PERCENTILE = 99.5
# Percentiles of the weight between which a picture fades, its faintest part, and the paper.
_FADED, _FAINTEST, _PAPER = (20.0, 80.0), 0.15, 235
# Standard deviation of the smoothing, as a share of the picture.
_SMOOTH = 1 / 60


def draw_class_models(found: Sequence[ClassModel], name: str, labels: Sequence[str]) -> Canvas:
    """Draw the images of classes side by side, with what the model says about them."""
    tiles = [
        Tile(_stretched(as_rgb(f.pixels)), f"{_named(f, labels)}: {f.target.unit} {f.score:.3g}")
        for f in found
    ]
    units = ", ".join(dict.fromkeys(f.target.unit for f in found))
    heading = [f"{name}  \u00b7  what each target is about", f"images that raise its {units}"]
    bounded = all(f.record.get("settings", {}).get("bounded", True) for f in found)
    limits = "smoothness and range" if bounded else "smoothness, but beyond what a photo can hold"
    notes = (
        f"Not photos: each picture was optimised to raise its target, within limits of {limits}. "
        "Contrast is stretched; the .npz holds the original pixels."
    )
    return tile_page(heading, tiles, columns=4, side=2.6, notes=notes)


def draw_maco(found: Sequence[Made], name: str) -> Canvas:
    """Draw pictures of natural magnitudes, faded where no step cared for them.

    Parameters
    ----------
    found : sequence of Made
        One row for each.
    name : str
        Name of the model.
    """
    columns = max(len(one.pixels) for one in found)
    tiles: list[Tile | None] = []
    for one in found:
        for k, (pixels, weight) in enumerate(zip(one.pixels, one.weight, strict=True)):
            said = f"{one.aim.describe()}: {one.scores[k]:.3g}"
            tiles.append(Tile(faded(as_rgb(pixels), weight), said))
        tiles += [None] * (columns - len(one.pixels))
    spectrum = found[0].record["settings"]["spectrum"]
    heading = [f"{name}  \u00b7  what raises each target", f"magnitudes of frequencies: {spectrum}"]
    notes = (
        "Not pictures of anything: the network was asked which phases raise a number most, and the "
        "magnitude of every frequency is fixed. Parts that hardly matter are faded. Below each: "
        "what the whole picture reaches."
    )
    side = fitting_side(columns, 2.6)
    per_row = columns if columns > 1 else 4
    return tile_page(heading, tiles, columns=per_row, side=side, notes=notes)


def faded(photo: Pixels, weight: NDArray[np.float64]) -> Pixels:
    """Fade a photo to grey where a smoothed weight is below its upper part."""
    smooth = scipy.ndimage.gaussian_filter(weight, max(weight.shape) * _SMOOTH)
    low, high = np.percentile(smooth, _FADED)
    share = np.clip((smooth - low) / max(high - low, 1e-12), _FAINTEST, 1.0)[..., None]
    return np.round(photo * share + _PAPER * (1 - share)).astype(np.uint8)


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
