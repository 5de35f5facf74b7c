"""Open an image file of any kind as plain 8-bit RGB or grey, or say why not.

Image files are untrusted input: size is checked before pixels are decoded.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def open_image(path: str | Path) -> Image.Image:
    """Read an image file.

    EXIF rotation is applied, transparency is laid over white, 16-bit grey is scaled to
    8 bits, and of an animation the first frame is taken.

    Parameters
    ----------
    path : path
        The image file.

    Returns
    -------
    PIL.Image.Image
        Mode ``"RGB"`` or, for a grey picture, ``"L"``.

    Raises
    ------
    ImageError
        If the file is missing, not an image, damaged, or above `MAX_PIXELS` pixels.
    """
    from PIL import Image, ImageOps

    path = Path(path)
    if not path.is_file():
        raise ImageError(f"no image file at {str(path)!r}; give a file, a folder or a pattern")
    try:
        with warnings.catch_warnings():
            # Pillow's own bomb warning is replaced by the explicit limit below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_size(path, *image.size)
                image.load()
                return to_plain(ImageOps.exif_transpose(image), str(path))
    except Image.DecompressionBombError as error:
        raise ImageError(f"image {str(path)!r} is too large: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        reason = str(error) or type(error).__name__
        raise ImageError(
            f"cannot read image {str(path)!r}: {reason}; it may be damaged or not an image"
        ) from error


def to_plain(image: Image.Image, where: str = "image") -> Image.Image:
    """Bring a Pillow image of any mode to ``"RGB"`` or ``"L"``.

    Raises
    ------
    ImageError
        If the pixel values have no agreed meaning as a picture (float or 32-bit images
        outside of the known ranges).
    """
    from PIL import Image

    if image.mode in ("RGB", "L"):
        return image.copy()
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_wide_to_8_bit(np.asarray(image), where))
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

    Parameters
    ----------
    pixels : (H, W, 3) or (H, W, 1) uint8 array
        The picture.
    quality : int
        1 (worst) to 95.
    """
    from PIL import Image

    buffer = io.BytesIO()
    from_array(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.uint8).reshape(pixels.shape)


def _check_size(path: Path, width: int, height: int) -> None:
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
            f"{where}: pixel values {low:g}..{high:g} have no agreed scale; save it as 8-bit PNG"
        )
    return np.round(values.astype(np.float64) * (255.0 / full)).astype(np.uint8)
