"""Cut a picture into regions that are kept or taken away as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.network.context import Context

SEGMENTATIONS = ("slic", "grid")
# Weight of nearness against colour, as scikit-image advises for Lab colours and for grey
# values between 0 and 1.
_COMPACTNESS = {3: 10.0, 1: 0.1}


def find_regions(context: Context, x: NDArray[Any], kind: str, count: int) -> NDArray[np.int64]:
    """Give every pixel the number of its region.

    Parameters
    ----------
    context : Context
        Turns the input back into pixels.
    x : (C, H, W) or (H, W, C) array
        One input.
    kind : {"slic", "grid"}
        Superpixels of similar colour (Achanta et al. 2012, doi:10.1109/TPAMI.2012.120), or
        rectangles.
    count : int
        About so many.

    Returns
    -------
    (H, W) int array
        0, 1, ... without gaps.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    UsageError
        If there are fewer pixels than regions.
    """
    height, width = context.network.image.size
    if kind not in SEGMENTATIONS:
        raise UnknownNameError(
            "segmentation", kind, SEGMENTATIONS, f"allowed: {', '.join(SEGMENTATIONS)}"
        )
    if not 1 <= count <= height * width:
        raise UsageError(
            f"regions must be 1 to {height * width}, the number of pixels, not {count}"
        )
    labels = (
        _grid(height, width, count)
        if kind == "grid"
        else _superpixels(context.preprocess.decode(x[None])[0], count)
    )
    return np.unique(labels, return_inverse=True)[1].reshape(height, width)


def _grid(height: int, width: int, count: int) -> NDArray[np.int64]:
    rows = min(height, max(1, round(np.sqrt(count * height / width))))
    columns = min(width, max(1, round(count / rows)))
    down = np.arange(height) * rows // height
    right = np.arange(width) * columns // width
    return down[:, None] * columns + right


def _superpixels(pixels: NDArray[np.uint8], count: int) -> NDArray[Any]:
    # scikit-image takes a second to load, and only this needs it.
    from skimage.segmentation import slic

    channels = pixels.shape[-1]
    labels: NDArray[Any] = slic(
        pixels / 255.0 if channels == 3 else pixels[..., 0] / 255.0,
        n_segments=count,
        compactness=_COMPACTNESS[channels],
        start_label=0,
        channel_axis=-1 if channels == 3 else None,
    )
    return labels
