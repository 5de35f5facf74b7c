"""Random crops of a picture at the model's size, and slopes carried back through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Views:
    """Crops of one picture, each resized bilinearly.

    Attributes
    ----------
    down : (n, h, H) array
        For each crop the weights of the picture's rows in each of its rows.
    across : (n, w, W) array
        The same for columns.
    """

    down: NDArray[np.float64]
    across: NDArray[np.float64]

    def of(self, picture: NDArray[Any]) -> NDArray[np.float64]:
        """Crops of a (C, H, W) picture, (n, C, h, w)."""
        found = np.einsum("nrh,chw,nsw->ncrs", self.down, picture, self.across, optimize=True)
        return np.asarray(found, np.float64)

    def back(self, slopes: NDArray[Any]) -> NDArray[np.float64]:
        """Slopes with respect to the picture, (C, H, W), from those of all crops."""
        found = np.einsum("nrh,ncrs,nsw->chw", self.down, slopes, self.across, optimize=True)
        return np.asarray(found, np.float64)


def random_views(
    rng: np.random.Generator,
    count: int,
    canvas: tuple[int, int],
    size: tuple[int, int],
    share: float,
) -> Views:
    """Draw crops: their centres near the middle, their sides around a share of the picture's.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where they come from.
    count : int
        How many.
    canvas : (int, int)
        Height and width of the picture.
    size : (int, int)
        Height and width of the crops after resizing.
    share : float
        Mean side of a crop, as a share of the picture's.

    Notes
    -----
    Fel et al. 2023, arXiv:2306.06805, section 3: normal centres, with crops kept inside.
    """
    shares = np.clip(rng.normal(share, 0.1 * share, count), 0.05, 1.0)
    centres = rng.normal(0.5, 0.15, (count, 2))
    found = []
    for axis in (0, 1):
        starts = np.clip(centres[:, axis] - shares / 2, 0, 1 - shares)
        found.append(
            np.stack(
                [
                    _sampling(size[axis], canvas[axis], a * canvas[axis], s * canvas[axis])
                    for a, s in zip(starts, shares, strict=True)
                ]
            )
        )
    return Views(*found)


def whole_view(canvas: tuple[int, int], size: tuple[int, int]) -> Views:
    """The picture as a whole at another size."""
    parts = [_sampling(s, c, 0.0, c)[None] for s, c in zip(size, canvas, strict=True)]
    return Views(*parts)


def _sampling(count: int, length: int, start: float, extent: float) -> NDArray[np.float64]:
    """Weights of `length` pixels in `count` ones that lie evenly from `start`, (count, length)."""
    places = np.clip(start + (np.arange(count) + 0.5) * extent / count - 0.5, 0, length - 1)
    low = np.minimum(places.astype(int), max(length - 2, 0))
    weights = np.zeros((count, length))
    rows = np.arange(count)
    weights[rows, low] += 1 - (places - low)
    weights[rows, np.minimum(low + 1, length - 1)] += places - low
    return weights
