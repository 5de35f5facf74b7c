"""Pictures small enough to stand inside a document, as data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onnxplain.explanations.display import displayed, limit
from onnxplain.render.colors import Palette, painted

# A photo's longer side in a document: readable, and some 10 kB.
SIDE = 224
_QUALITY = 80
# Below this side compression would blur the pixels that a person has to see.
_TINY = 64


def photo_uri(pixels: NDArray[np.uint8]) -> str:
    """Photo as a data URI, not larger than `SIDE`: JPEG, or PNG if it is tiny.

    Parameters
    ----------
    pixels : (H, W, 1 or 3) uint8 array
        The photo.
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if max(image.size) < _TINY:
        return _uri(image, "PNG")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return _uri(image, "JPEG", quality=_QUALITY, optimize=True)


def layer_uri(heatmap: NDArray[np.floating], display: str) -> str:
    """Colours of a map as an opaque PNG, one pixel for each cell; a page lays it over the photo.

    Parameters
    ----------
    heatmap : (H, W) array
        Signed map, in its own units.
    display : str
        Key of `onnxplain.render.colors.PALETTES`.
    """
    values = displayed(heatmap, display)
    values = values / (limit(values) or 1.0)
    return _uri(Image.fromarray(painted(values, display)), "PNG")


def mean_map_uri(share: NDArray[np.floating]) -> str:
    """Mean of non-negative maps as an opaque PNG, one pixel for each cell.

    Parameters
    ----------
    share : (H, W) array
        Not negative; dark is nothing, bright the largest value.
    """
    values = np.asarray(share, np.float64) / (float(np.max(share)) or 1.0)
    return _uri(Image.fromarray(painted(values, "positive")), "PNG")


def bar_uri(palette: Palette) -> str:
    """Colours of a scale from its lowest value to 1, as an opaque PNG one pixel high."""
    return _uri(Image.fromarray(palette.bar()), "PNG")


def _uri(image: Image.Image, kind: str, **options: object) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"
