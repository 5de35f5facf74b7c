"""Pictures of any number of bands, at the precision of their file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import ImageError
from onnxplain.inputs.image import MAX_PIXELS, open_image

if TYPE_CHECKING:
    import tifffile
    from PIL import Image

_TIFF = (".tif", ".tiff")
# Modes of Pillow whose bands are what the file holds.
_PLAIN = frozenset({"L", "LA", "RGB", "RGBA", "RGBX", "F"})
# Values that count as white where the recipe names none.
_WHITE = {"bool": 1.0, "uint8": 255.0, "uint16": 65535.0}
# As many numbers as a colour picture of the largest size has.
_MOST = 3 * MAX_PIXELS


def open_bands(path: str | Path) -> NDArray[Any]:
    """Read all bands of an image file.

    Of a TIFF these are the samples of a pixel, or its pages if each is grey; of other files
    the channels, alpha as the last one. EXIF rotation is applied.

    Returns
    -------
    (H, W, C) array
        In the element type of the file: uint8, uint16 or floating. PNG with 16 bits in each
        of several channels comes as uint8, since Pillow reads it so.

    Raises
    ------
    ImageError
        If the file cannot be read, or its colours are not bands (CMYK and the like).
    """
    path = Path(path)
    if path.suffix.lower() in _TIFF and path.is_file():
        found = _from_tiff(path)
        if found is not None:
            return found
    kept: list[NDArray[Any]] = []

    def keep(image: Image.Image, where: str) -> Image.Image:
        kept.append(bands_of(image, where))
        return image

    open_image(path, convert=keep)
    return kept[0]


def bands_of(image: Image.Image, where: str = "image") -> NDArray[Any]:
    """Bands of a Pillow image, as an (H, W, C) array.

    Raises
    ------
    ImageError
        If its mode has no bands that a file could hold as they are.
    """
    if image.mode in ("P", "PA"):
        has_alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    values = np.asarray(image)
    if image.mode.startswith("I"):
        # Pillow holds 16-bit grey as 32-bit numbers in some versions.
        narrow = values.size and values.min() >= 0 and values.max() <= 65535
        values = values.astype(np.uint16) if narrow else values
    elif image.mode not in _PLAIN:
        raise ImageError(
            f"{where}: colours of mode {image.mode} are not bands; save it as grey, RGB or RGBA, "
            "as a TIFF of several bands, or as .npy"
        )
    return values[..., None] if values.ndim == 2 else values


def as_bands(array: NDArray[Any], channels: int | None, where: str = "array") -> NDArray[Any]:
    """Arrange an array of pixels as (H, W, C).

    Parameters
    ----------
    array : (H, W), (H, W, C) or (C, H, W) array
        The pixels.
    channels : int, optional
        How many there must be; the shorter end is the channels if not given.
    where : str
        What it is, for the message.

    Raises
    ------
    ImageError
        If the shape is another one, or both ends could be the channels.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.dtype.kind not in "biuf" or 0 in array.shape:
        raise ImageError(
            f"{where}: pixels must be numbers of shape (H, W), (H, W, C) or (C, H, W), got "
            f"{array.dtype} of shape {array.shape}"
        )
    first, middle, last = array.shape
    if channels is None:
        ends = [last < min(first, middle), first < min(middle, last)]
    else:
        ends = [last == channels, first == channels]
    if all(ends) or not any(ends):
        wanted = "fewer" if channels is None else str(channels)
        raise ImageError(
            f"{where} of shape {array.shape}: exactly one end must hold {wanted} channels, as "
            "(H, W, C) or (C, H, W)"
        )
    return array if ends[0] else np.moveaxis(array, 0, -1)


def chosen_bands(values: NDArray[Any], bands: Sequence[int], channels: int) -> NDArray[Any]:
    """Those of (H, W, B) bands that the channels take: the named ones, or all in order.

    Raises
    ------
    ImageError
        If there are too few, or too many and none is named.
    """
    count = values.shape[-1]
    if bands and max(bands) >= count:
        raise ImageError(
            f"the picture has {count} bands, so there is no band {max(bands)} (counted from 0)"
        )
    if not bands and count != channels:
        raise ImageError(
            f"the picture has {count} bands, the model takes {channels}; give a picture that has "
            "them (RGBA PNG, TIFF, .npy), or select bands with `bands` in the preprocess file"
        )
    return values[..., list(bands)] if bands else values


def to_pixels(values: NDArray[Any], white: float | None, where: str = "image") -> NDArray[Any]:
    """Bring values to the scale on which black is 0 and white 255.

    Parameters
    ----------
    values : array
        As the file holds them.
    white : float, optional
        The value that counts as white. If not given: 255 of 8 bits, 65535 of 16 bits, 1 of
        floating-point numbers.

    Returns
    -------
    array
        uint8 as it is if white is its largest value; else float64 without rounding.

    Raises
    ------
    ImageError
        If a value is negative, above white or not finite, or nothing says what white is.
    """
    kind = "float" if values.dtype.kind == "f" else values.dtype.name
    full = white or (1.0 if kind == "float" else _WHITE.get(kind))
    if full is None:
        raise ImageError(
            f"{where}: the white value of {kind} is unknown; set `white` in the preprocess file"
        )
    if kind == "uint8" and full == 255.0:
        return values
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all() or low < 0 or high > full:
        raise ImageError(
            f"{where}: values {low:g}..{high:g} are not between 0 and {full:g} (white); set "
            "`white` in the preprocess file to the largest possible value"
        )
    return values.astype(np.float64) * (255.0 / full)


def require_moderate(shape: tuple[int, ...], where: str) -> None:
    """Refuse a picture of more numbers than any picture should have.

    Raises
    ------
    ImageError
        If it is too large.
    """
    if np.prod([float(n) for n in shape]) > _MOST:
        raise ImageError(f"{where} of shape {shape} is above the limit of {_MOST:,} numbers")


def _from_tiff(path: Path) -> NDArray[Any] | None:
    """Bands of a TIFF; ``None`` where Pillow knows better or must say what is wrong."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            pages = [p for p in file.pages if isinstance(p, tifffile.TiffPage)]
            if len(pages) != len(file.pages) or not all(map(_is_plain, pages)):
                return None
            first = pages[0]
            same = all((p.shape, p.dtype, p.axes) == (first.shape, first.dtype, first.axes)
                       for p in pages)  # fmt: skip
            used = pages if same and first.axes == "YX" else [first]
            require_moderate((len(used), *first.shape), f"image {str(path)!r}")
            planes = [page.asarray() for page in used]
    except ImageError:
        raise
    except Exception:  # tifffile raises whatever a damaged file leads to
        return None
    if first.axes == "YX":
        return np.stack(planes, axis=-1)
    return np.moveaxis(planes[0], 0, -1) if first.axes == "SYX" else planes[0]


def _is_plain(page: tifffile.TiffPage) -> bool:
    """Whether the values stand upright, without a palette, and bright is large."""
    turned = page.tags.get(274)
    upright = turned is None or turned.value == 1
    plain = page.axes in ("YX", "YXS", "SYX") and int(page.photometric) in (1, 2)
    return bool(upright and plain and page.dtype is not None and page.dtype.kind in "uif")
