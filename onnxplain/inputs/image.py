"""Open an image file of any kind as plain 8-bit RGB or grey, or say why not.

Image files are untrusted input: only decoders of a few formats see them, size is checked
before pixels are decoded, and whatever a decoder raises is one error.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.boundary import foreign
from onnxplain.errors import ImageError
from onnxplain.files import why_no_file
from onnxplain.inputs.image_formats import FORMATS, content_of

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000
_BYTES_OF_A_PIXEL = 8  # at most


def open_image(
    path: str | Path, *, convert: Callable[[Image.Image, str], Image.Image] | None = None
) -> Image.Image:
    """Read an image file.

    EXIF rotation is applied, transparency is laid over white, 16-bit grey is scaled to
    8 bits, and of an animation the first frame is taken.

    Parameters
    ----------
    path : path
        The image file.
    convert : callable, optional
        What brings the decoded image, upright, to the form that is wanted; `to_plain` if
        not given.

    Returns
    -------
    PIL.Image.Image
        Mode ``"RGB"`` or, for a grey picture, ``"L"``.

    Raises
    ------
    ImageError
        If the file is missing, of no format that is opened, damaged, or above `MAX_PIXELS`
        pixels.
    """
    name = repr(str(path))
    problem = why_no_file(path)
    if problem:
        raise ImageError(f"no image file at {name}: {problem}; give a file, a folder or a pattern")
    with foreign(
        lambda reason: ImageError(f"cannot read image {name}: {reason}; it may be damaged")
    ):
        decoded = _decoded(path)
    return (convert or to_plain)(decoded, f"image {name}")


def _decoded(path: str | Path) -> Image.Image:
    """Upright pixels of a file."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        # Pillow's own bomb warning is replaced by the explicit limit below.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            opened = Image.open(path, formats=FORMATS)
        except UnidentifiedImageError:
            raise ImageError(f"cannot read image {str(path)!r}: {content_of(path)}") from None
        with opened as image:
            _check_size(path, *image.size)
            # Pillow joins the blocks of a row one by one: of a long row, that takes its square.
            image.decodermaxblock = max(image.decodermaxblock, _BYTES_OF_A_PIXEL * image.width)
            image.load()
            return ImageOps.exif_transpose(image)


def to_plain(image: Image.Image, where: str = "image") -> Image.Image:
    """Bring a Pillow image of any mode to ``"RGB"`` or ``"L"``.

    Raises
    ------
    ImageError
        If the pixel values have no agreed meaning as a picture (float or 32-bit images
        outside of the known ranges).
    """
    from PIL import Image

    with foreign(lambda reason: ImageError(f"cannot read {where}: {reason}")):
        if image.mode not in ("I", "F") and not image.mode.startswith("I;"):
            return _converted(image)
        values = np.asarray(image)
    return Image.fromarray(_wide_to_8_bit(values, where))


def _converted(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode in ("RGB", "L"):
        return image.copy()
    if image.mode == "1":
        return image.convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        flat = Image.alpha_composite(paper, rgba)
        return flat.convert("L" if image.mode in ("LA", "La") else "RGB")
    return image.convert("RGB")


def from_array(array: np.ndarray[Any, Any]) -> Image.Image:
    """Turn (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) uint8 pixels into an image.

    Raises
    ------
    ImageError
        If the array has another shape or element type.
    """
    from PIL import Image

    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    known = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not known or 0 in array.shape:
        raise ImageError(
            f"an array of pixels must be uint8 of shape (H, W), (H, W, 3) or (H, W, 4), got "
            f"{array.dtype} of shape {array.shape}; a ready model input must have four axes"
        )
    return to_plain(Image.fromarray(array))


def jpeg(pixels: np.ndarray[Any, Any], quality: int) -> np.ndarray[Any, Any]:
    """Pixels as they come back from a JPEG file.

    Bands that are no colours are each stored as a grey picture.

    Parameters
    ----------
    pixels : (H, W, C) array
        The picture, of 0..255.
    quality : int
        1 (worst) to 95.
    """
    from PIL import Image

    if pixels.shape[2] not in (1, 3) or pixels.dtype != np.uint8:
        planes = np.split(np.clip(np.round(pixels), 0, 255).astype(np.uint8), pixels.shape[2], 2)
        return np.concatenate([jpeg(plane, quality) for plane in planes], axis=2)
    buffer = io.BytesIO()
    from_array(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer, formats=["JPEG"]), np.uint8).reshape(pixels.shape)


def _check_size(path: str | Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"image {str(path)!r} has {width} x {height} pixels, above the limit of "
            f"{MAX_PIXELS:,}; scale it down first"
        )


def _wide_to_8_bit(values: np.ndarray[Any, Any], where: str) -> np.ndarray[Any, Any]:
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all() or low < 0:
        raise ImageError(f"{where}: pixel values {low:g}..{high:g} are not a picture")
    if values.dtype.kind == "f" and high <= 1.0:
        full = 1.0
    elif high <= 65535 and values.dtype.kind != "f":
        full = 65535.0
    elif high <= 255:
        full = 255.0
    else:
        raise ImageError(
            f"{where}: pixel values {low:g}..{high:g} have no standard scale; save it as 8-bit PNG"
        )
    return np.round(values.astype(np.float64) * (255.0 / full)).astype(np.uint8)
