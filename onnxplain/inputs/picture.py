"""One picture as the model gets it, with the pixels it was made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import ImageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.image import from_array, open_image, to_plain
from onnxplain.inputs.preprocess import Preprocess

if TYPE_CHECKING:
    from PIL import Image

    ImageLike = str | Path | NDArray[Any] | Image.Image

# Rounding in somebody else's preprocessing is no contradiction.
_SLACK = 0.02
# How many waves make a random picture, and how many periods one has across it at most.
_WAVES, _TURNS = 6, 3.0


@dataclass(frozen=True)
class Picture:
    """A model input with its origin.

    Attributes
    ----------
    x : (1, ...) array
        The model input.
    pixels : (H, W, 3) or (H, W, 1) uint8 array
        What the model sees, for display.
    source : str
        File name, or ``"array"``.
    warning : str
        What speaks against the preprocessing; empty if nothing does.
    """

    x: NDArray[Any]
    pixels: NDArray[np.uint8]
    source: str
    warning: str = ""

    @property
    def sha256(self) -> str:
        """Digest of the model input."""
        return hashlib.sha256(np.ascontiguousarray(self.x).tobytes()).hexdigest()


def read_picture(image: ImageLike, preprocess: Preprocess, expected: ImageInput) -> Picture:
    """Make a model input of an image file, a Pillow image or an array.

    Parameters
    ----------
    image : path, PIL.Image.Image or array
        A file; a Pillow image; (H, W), (H, W, 3) or (H, W, 4) uint8 pixels; or a ready
        model input of shape (1, C, H, W) or (1, H, W, C).
    preprocess : Preprocess
        How pixels become the model input; a ready input is taken as it is.
    expected : ImageInput
        What the model takes.

    Raises
    ------
    ImageError
        If the image cannot be read, or does not fit the model.
    """
    if isinstance(image, np.ndarray) and image.ndim == 4:
        return _ready(image, preprocess, expected)
    source = "array"
    if isinstance(image, (str, Path)):
        source = str(image)
        plain = open_image(image)
    elif isinstance(image, np.ndarray):
        plain = from_array(image)
    elif hasattr(image, "getbands"):
        plain = to_plain(image)
    else:
        raise ImageError(
            f"cannot read an image from {type(image).__name__}; give a path, a Pillow image or "
            "an array"
        )
    pixels = preprocess.seen(plain)
    return Picture(preprocess.encode(pixels[None]), pixels, source)


def sample_picture(preprocess: Preprocess, seed: int = 0) -> Picture:
    """Make a smooth random picture: a few waves in each channel, over the range of pixels.

    Networks answer to it as to a picture, which they do not to independent random pixels.
    """
    rng = np.random.default_rng(seed)
    rows, columns = (np.linspace(0.0, 2 * np.pi, n)[:, None] for n in preprocess.size)
    waves = np.zeros((*preprocess.size, preprocess.channels))
    for _ in range(_WAVES):
        turns = rng.uniform(-_TURNS, _TURNS, (2, preprocess.channels))
        phase = rng.uniform(0.0, 2 * np.pi, preprocess.channels)
        waves += np.sin((rows * turns[0])[:, None] + (columns * turns[1])[None] + phase)
    low, high = waves.min(), waves.max()
    pixels = np.round(255 * (waves - low) / ((high - low) or 1.0)).astype(np.uint8)
    return Picture(preprocess.encode(pixels[None]), pixels, "random")


def _ready(x: NDArray[Any], preprocess: Preprocess, expected: ImageInput) -> Picture:
    wanted = expected.shape
    if len(x) != 1 or x.shape[1:] != wanted[1:]:
        raise ImageError(
            f"a ready model input must have shape {wanted} ({expected.layout}), got {x.shape}"
        )
    if x.dtype.kind not in "fiu" or not np.isfinite(x).all():
        raise ImageError("a ready model input must hold finite numbers")
    low, high = (b.astype(np.float64) for b in preprocess.bounds())
    slack = _SLACK * (high - low)
    warning = ""
    if np.any(x < low - slack) or np.any(x > high + slack):
        warning = (
            f"the input's range {x.min():.3g}..{x.max():.3g} is outside of what preprocess "
            f"{preprocess.name!r} can give ({low.min():.3g}..{high.max():.3g})"
        )
    kept = x if x.dtype == np.float64 else x.astype(expected.dtype)
    return Picture(kept, preprocess.decode(x)[0], "array", warning)
