"""The response of a layer in the picture's pixels, as a whole and kernel by kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.display import scale, upsample
from onnxplain.render.canvas import Canvas
from onnxplain.render.captions import percent
from onnxplain.render.colors import painted
from onnxplain.render.photo import enlarged
from onnxplain.render.tiles import Pixels, Tile, tile_page

if TYPE_CHECKING:
    from onnxplain.features.layer_response import LayerResponse

_COLUMNS, _SIDE = 6, 1.7


def draw_layer_response(found: LayerResponse, name: str) -> Canvas:
    """Draw the picture, the response of the whole layer, and that of single kernels.

    Parameters
    ----------
    found : LayerResponse
        What to draw.
    name : str
        Name of the model.

    Returns
    -------
    Canvas
    """
    photo = enlarged(found.picture.pixels)
    size = photo.shape[:2]
    tiles = [
        Tile(photo, "what the model sees"),
        Tile(_signed(found.whole, size), "R_l: the whole layer"),
    ]
    tiles += [
        Tile(_signed(part, size), f"kernel {k}")
        for k, part in zip(found.kernels, found.parts, strict=True)
    ]
    source = found.picture.source.replace("\\", "/").rpartition("/")[2]
    sparsity = "no kernel answers"
    if np.isfinite(found.sparsity):
        sparsity = f"sparsity of their maps {found.sparsity:.3f} (mean Gini index)"
    heading = [
        f"{name}  \u00b7  response of {found.layer}",
        f"{source}; {len(found.kernels)} kernels shown; {sparsity}; {percent(found.silent)} of all "
        "kernels do not respond",
    ]
    notes = (
        "Red: a larger value would raise the response, blue: lower it; colours end at the 99th "
        "percentile of each map."
    )
    return tile_page(heading, tiles, columns=_COLUMNS, side=_SIDE, notes=notes)


def _signed(values: NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    return painted(scale(upsample(values, size), "percentile"), "signed")
