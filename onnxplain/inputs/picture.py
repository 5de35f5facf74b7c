"""One picture as the model gets it, with the pixels it was made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import ImageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.bands import bands_of
from onnxplain.inputs.image import to_plain
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.inputs.source import as_picture, open_picture, ready_input
from onnxplain.targets.boxes.frame import Frame

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
    values : (H, W, C) array, optional
        All channels of 0..255, where `pixels` are not all that the model sees.
    frame : Frame
        Where the input lies in the picture that it was made from.
    """

    x: NDArray[Any]
    pixels: NDArray[np.uint8]
    source: str
    warning: str = ""
    values: NDArray[Any] | None = None
    frame: Frame = field(default_factory=Frame)

    @property
    def seen(self) -> NDArray[Any]:
        """All channels before they are scaled, as `Preprocess.encode` takes them."""
        return self.pixels if self.values is None else self.values

    @property
    def sha256(self) -> str:
        """Digest of the model input."""
        return hashlib.sha256(np.ascontiguousarray(self.x).tobytes()).hexdigest()


def read_picture(image: ImageLike, preprocess: Preprocess, expected: ImageInput) -> Picture:
    """Make a model input of an image file, a Pillow image or an array.

    Parameters
    ----------
    image : path, PIL.Image.Image or array
        A file; a Pillow image; (H, W), (H, W, 3) or (H, W, 4) uint8 pixels, or with color
        ``bands`` numbers of shape (H, W, C) or (C, H, W); or a ready model input of shape
        (1, C, H, W) or (1, H, W, C). A ``.npy`` file may hold each of these arrays.
    preprocess : Preprocess
        How pixels become the model input; a ready input is taken as it is.
    expected : ImageInput
        What the model takes.

    Raises
    ------
    ImageError
        If the image cannot be read, or does not fit the model.
    """
    source = "array"
    if isinstance(image, (str, Path)):
        source, ready = str(image), ready_input(image)
    else:
        ready = image if isinstance(image, np.ndarray) and image.ndim == 4 else None
    if ready is not None:
        return _ready(ready, preprocess, expected, source)
    plain: Image.Image | NDArray[Any]
    if isinstance(image, (str, Path)):
        plain = open_picture(image, preprocess)
    elif isinstance(image, np.ndarray):
        plain = as_picture(image, preprocess)
    elif hasattr(image, "getbands"):
        plain = bands_of(image) if preprocess.takes_bands else to_plain(image)
    else:
        raise ImageError(
            f"cannot read an image from {type(image).__name__}; give a path, a Pillow image or "
            "an array"
        )
    made = made_of(preprocess.seen(plain), preprocess, source)
    return replace(made, frame=_frame(plain, preprocess))


def _frame(plain: Image.Image | NDArray[Any], preprocess: Preprocess) -> Frame:
    width, height = (
        (plain.shape[1], plain.shape[0]) if isinstance(plain, np.ndarray) else plain.size
    )
    left, top, right, bottom = preprocess.region(width, height)
    rows, columns = preprocess.size
    return Frame(((right - left) / columns, (bottom - top) / rows), (left, top))


def made_of(seen: NDArray[Any], preprocess: Preprocess, source: str) -> Picture:
    """Make a model input of pixels that are framed already.

    Parameters
    ----------
    seen : (H, W, C) array
        As `Preprocess.seen` returns them.
    preprocess : Preprocess
        Scales and shows them.
    source : str
        Where they come from.
    """
    values = seen if preprocess.takes_bands else None
    return Picture(preprocess.encode(seen[None]), preprocess.display(seen), source, values=values)


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
        down, across = (rows * turns[0])[:, None], (columns * turns[1])[None] + phase
        # The sine of their sum, without a sine for each pixel.
        waves += np.sin(down) * np.cos(across) + np.cos(down) * np.sin(across)
    low, high = waves.min(), waves.max()
    pixels = np.round(255 * (waves - low) / ((high - low) or 1.0)).astype(np.uint8)
    return made_of(pixels, preprocess, "random")


def _ready(x: NDArray[Any], preprocess: Preprocess, expected: ImageInput, source: str) -> Picture:
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
            f"the input's range {x.min():.3g}..{x.max():.3g} is outside the range that preprocess "
            f"{preprocess.name!r} can give ({low.min():.3g}..{high.max():.3g})"
        )
    kept = x if x.dtype == np.float64 else x.astype(expected.dtype)
    values = np.clip(preprocess.levels(x)[0], 0, 255) if preprocess.takes_bands else None
    return Picture(kept, preprocess.decode(x)[0], source, warning, values)
