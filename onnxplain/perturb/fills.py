"""Values that stand for "absent": fills of perturbations and baselines of path methods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError
from onnxplain.inputs.image_formats import SUFFIXES
from onnxplain.inputs.source import model_input
from onnxplain.network.context import Context

FILLS = ("black", "white", "mean", "blur", "noise")
# Wide enough to leave only colours and large shapes of a picture.
_BLUR = 1 / 20


def fill(
    context: Context, x: NDArray[Any], kind: str, known: Sequence[str] = FILLS
) -> NDArray[Any]:
    """Inputs of the shape of `x` that stand for "nothing to see".

    Parameters
    ----------
    context : Context
        Gives black and white their value in the model's input.
    x : (N, ...) array
        The inputs.
    kind : str
        ``black`` or ``white`` pixels; ``mean``, the mean colour of each picture; ``blur``,
        the picture under a Gaussian of standard deviation 1/20 of its shorter side;
        ``noise``, uniform between black and white, the same for every picture; the path of
        an image file; or a number in the model's own units.
    known : sequence of str
        The names that an error offers.

    Raises
    ------
    UnknownNameError
        If it is none of these.
    ImageError
        If the image file cannot be read.
    """
    spatial = context.spatial_axes
    low, high = (b.astype(np.float64) for b in context.preprocess.bounds())
    if kind in ("black", "white"):
        value = low if kind == "black" else high
    elif kind == "mean":
        value = x.mean(axis=spatial, keepdims=True, dtype=np.float64)
    elif kind == "blur":
        import scipy

        sigma = np.zeros(x.ndim)
        sigma[list(spatial)] = _BLUR * min(x.shape[a] for a in spatial)
        value = scipy.ndimage.gaussian_filter(x.astype(np.float64), sigma, mode="nearest")
    elif kind == "noise":
        value = low + (high - low) * context.draw(context.generator().random, 1)
    elif Path(kind).suffix.lower() in SUFFIXES:
        value = model_input(kind, context.preprocess)
    else:
        value = np.array(_number(kind, known))
    return np.broadcast_to(value, x.shape).astype(x.dtype)


def _number(kind: str, known: Sequence[str]) -> float:
    try:
        return float(kind)
    except ValueError:
        hint = f"allowed: {', '.join(known)}, an image file, or a number in the model's units"
        raise UnknownNameError("fill", kind, known, hint) from None
