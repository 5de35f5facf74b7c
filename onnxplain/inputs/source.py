"""A picture file, opened as its preprocessing needs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import ImageError
from onnxplain.inputs.array_file import SUFFIX, read_array
from onnxplain.inputs.bands import as_bands, open_bands, require_moderate
from onnxplain.inputs.image import from_array, open_image
from onnxplain.inputs.preprocess import Preprocess

if TYPE_CHECKING:
    from PIL import Image

_READY_RANK = 4


def open_picture(path: str | Path, recipe: Preprocess) -> Image.Image | NDArray[Any]:
    """Open a picture file for `Preprocess.seen`.

    Parameters
    ----------
    path : path
        An image file, or an array of pixels (``.npy``).
    recipe : Preprocess
        Says whether colours or bands are wanted.

    Returns
    -------
    PIL.Image.Image or (H, W, C) array
        The array if bands are wanted.

    Raises
    ------
    ImageError
        If it cannot be read, or is a ready model input and no picture.
    """
    if Path(path).suffix.lower() == SUFFIX:
        array = _array(path)
        if array.ndim == _READY_RANK:
            raise ImageError(f"{str(path)!r} is a ready model input; a picture is needed here")
        return as_picture(array, recipe, f"array {str(path)!r}")
    return open_bands(path) if recipe.takes_bands else open_image(path)


def as_picture(
    array: NDArray[Any], recipe: Preprocess, where: str = "array"
) -> Image.Image | NDArray[Any]:
    """Turn an array of pixels into what `Preprocess.seen` takes."""
    if not recipe.takes_bands:
        return from_array(array)
    require_moderate(array.shape, where)
    return as_bands(array, None if recipe.bands else recipe.channels, where)


def ready_input(path: str | Path) -> NDArray[Any] | None:
    """Return the ready model input that a ``.npy`` file of four axes holds, else ``None``.

    Raises
    ------
    ImageError
        If it ends in ``.npy`` and cannot be read.
    """
    if Path(path).suffix.lower() != SUFFIX:
        return None
    array = _array(path)
    return array if array.ndim == _READY_RANK else None


def model_input(path: str | Path, recipe: Preprocess) -> NDArray[Any]:
    """Model input of a picture file, or the ready one that the file holds.

    Raises
    ------
    ImageError
        If it cannot be read, or is a ready input of another shape.
    """
    ready = ready_input(path)
    if ready is None:
        return recipe.apply(open_picture(path, recipe))
    if ready.shape != recipe.shape or not np.isfinite(ready).all():
        raise ImageError(
            f"{str(path)!r}: a ready model input must hold finite numbers of shape "
            f"{recipe.shape}, got {ready.shape}"
        )
    return ready


def shown_input(path: str | Path, recipe: Preprocess) -> NDArray[np.uint8]:
    """Pixels of a picture file as the model sees them, for display.

    Raises
    ------
    ImageError
        See `model_input`.
    """
    if ready_input(path) is not None:
        return recipe.decode(model_input(path, recipe))[0]
    return recipe.display(recipe.seen(open_picture(path, recipe)))


def photo_of(path: str | Path, recipe: Preprocess) -> Image.Image:
    """Open a picture file as a person sees it, at its own size.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    from PIL import Image

    picture = open_picture(path, recipe)
    if not isinstance(picture, np.ndarray):
        return picture
    shown = recipe.display(recipe.select(picture))
    return Image.fromarray(shown[..., 0] if shown.shape[-1] == 1 else shown)


def size_of(picture: Image.Image | NDArray[Any]) -> tuple[int, int]:
    """Width and height of what `open_picture` returned."""
    if isinstance(picture, np.ndarray):
        return (picture.shape[1], picture.shape[0])
    return picture.size


def _array(path: str | Path) -> NDArray[Any]:
    try:
        return read_array(path)
    except ValueError as error:
        raise ImageError(f"cannot read picture {str(path)!r}: {error}") from error
