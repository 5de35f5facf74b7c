"""Is what lies in a place the same in all pictures that have it? Objects vary, marks do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# A pixel is the same in the donors if they vary by less than this part of how far other
# pictures are off.
_VARIES = 0.25
# Makes the median distance from the median a standard deviation, of normal numbers.
_NORMAL = 1.4826


def share_of_same(donors: NDArray[Any], hosts: NDArray[Any], channel_axis: int) -> float:
    """Share of a place's pixels that are the same in some pictures, in [0, 1].

    See `same_pixels`.
    """
    return float(np.mean(same_pixels(donors, hosts, channel_axis)))


def same_pixels(donors: NDArray[Any], hosts: NDArray[Any], channel_axis: int) -> NDArray[np.bool_]:
    """Which of a place's pixels are the same in some pictures, and other in others.

    Medians, since among the pictures whose evidence is in the place some may lack the mark.

    Parameters
    ----------
    donors, hosts : (N, ...) array
        Pixels of the place in the pictures that have it, and in pictures of other classes.
    channel_axis : int
        Position of the channels.

    Returns
    -------
    (H, W) bool array
        Of the place.
    """
    donors, hosts = donors.astype(np.float64), hosts.astype(np.float64)
    middle = np.median(donors, axis=0)
    own = _NORMAL * np.median(np.abs(donors - middle), axis=0)
    off = np.sqrt(np.mean((hosts - middle) ** 2, axis=0))
    own, off = (np.sqrt(np.mean(v**2, axis=channel_axis - 1)) for v in (own, off))
    return np.asarray(own < _VARIES * off)
