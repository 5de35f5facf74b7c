"""Does the score fall where a map has its evidence, when random regions are imputed?

The regions are drawn without regard to any map. So the model runs once for each region, and
every map of the picture is then judged by one product of matrices: methods, controls, and
hundreds of random maps alike. Regions consist of cells, of which a picture has 32 x 32 at most;
at that scale the imputed colours, which are smooth, are found in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.removal import Score, scored
from onnxplain.evaluate.single_deletion import patches
from onnxplain.perturb.impute import impute
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

REGIONS, SIDE = 96, 32
# Share of the picture in a region, the same for all: else a flat map, which says only how large a
# region is, would predict what larger ones do.
_SHARE = 0.25
# Widths of what regions are made of, of the picture's shorter side: spots, and a few large parts.
_WIDTHS = (1 / 16, 1 / 8)
# Standard deviation of the noise on imputed pixels, of the input's range; as in ROAD.
_NOISE = 0.01
# Multiples of what a float32 score rounds to; ranks of smaller effects are those of rounding.
_ROUNDING = 16
# The number of this measure's stream of random numbers, see `Case.stream`.
_STREAM = 5


@dataclass(frozen=True)
class Probe:
    """What imputing regions of one picture does to the score.

    Attributes
    ----------
    regions : (N, h, w) bool array
        Which cells are imputed each time.
    drops : (N,) array
        How far the score falls; negative where it rises.
    """

    regions: NDArray[np.bool_]
    drops: NDArray[np.float64]

    @property
    def grid(self) -> tuple[int, int]:
        """Cells down and across."""
        return self.regions.shape[1], self.regions.shape[2]

    def cells(self, heatmap: NDArray[Any]) -> NDArray[np.float64]:
        """Sums of a map (H, W) over the cells, (h, w)."""
        return cell_sums(np.asarray(heatmap, np.float64)[..., None], self.grid)[..., 0]

    def correlations(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rank correlation of the evidence in the regions with the drops.

        Parameters
        ----------
        cells : (K, h, w) array
            Of K maps, as `cells` gives them; a region's evidence is their sum.

        Returns
        -------
        (K,) array
            In [-1, 1]; 0 for a map that is constant.
        """
        flat = cells.reshape(len(cells), -1)
        inside = self.regions.reshape(len(self.regions), -1).astype(np.float64)
        ranks = scipy.stats.rankdata(flat @ inside.T, axis=1)
        # Sums of equal numbers round differently in regions of other places.
        ranks[np.ptp(flat, axis=1) <= _ROUNDING * np.finfo(float).eps * np.abs(flat).max(1)] = 0.0
        centred = ranks - ranks.mean(axis=1, keepdims=True)
        effect = scipy.stats.rankdata(self.drops)
        effect -= effect.mean()
        size = np.sqrt((centred**2).sum(axis=1) * (effect**2).sum())
        return np.divide(centred @ effect, size, out=np.zeros(len(flat)), where=size > 0)

    def correlation(self, heatmap: NDArray[Any]) -> float:
        """Return the same of one map (H, W)."""
        return float(self.correlations(self.cells(heatmap)[None])[0])


def grid_of(height: int, width: int) -> tuple[int, int]:
    """Cells down and across of a picture."""
    return min(SIDE, height), min(SIDE, width)


def cell_sums(values: NDArray[np.float64], grid: tuple[int, int]) -> NDArray[np.float64]:
    """Sums of (H, W, C) values over the cells of a grid, (h, w, C)."""
    down = np.searchsorted(np.arange(values.shape[0]) * grid[0] // values.shape[0], range(grid[0]))
    right = np.searchsorted(np.arange(values.shape[1]) * grid[1] // values.shape[1], range(grid[1]))
    return np.add.reduceat(np.add.reduceat(values, down, axis=0), right, axis=1)


def random_regions(
    grid: tuple[int, int], rng: np.random.Generator, count: int = REGIONS
) -> NDArray[np.bool_]:
    """Draw regions of a quarter of the cells: the highest parts of smoothed noise.

    Parameters
    ----------
    grid : (int, int)
        Cells down and across.
    rng : numpy.random.Generator
        Draws the noise.
    count : int
        How many; the widths of their parts take turns.

    Returns
    -------
    (count, h, w) bool array
    """
    share = max(1, round(_SHARE * grid[0] * grid[1]))
    regions = np.zeros((count, grid[0] * grid[1]), bool)
    for k in range(count):
        spread = max(_WIDTHS[k % len(_WIDTHS)] * min(grid), 0.5)
        smooth = scipy.ndimage.gaussian_filter(rng.normal(size=grid), spread)
        regions[k, np.argsort(-smooth, axis=None, kind="stable")[:share]] = True
    return regions.reshape(count, *grid)


def imputed(
    picture: NDArray[np.float64], region: NDArray[np.bool_], noise: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fill a region of a picture from the cells around it.

    Parameters
    ----------
    picture, noise : (H, W, C) array
        The picture, and what is added to imputed pixels.
    region : (h, w) bool array
        The cells; where they are single pixels, this is the imputation of ROAD.
    """
    size = picture.shape[:2]
    number = patches(*size, SIDE)
    count = np.bincount(number.ravel()).reshape(*region.shape, 1)
    filled = impute(cell_sums(picture, region.shape) / count, region)
    for axis, (cells, pixels) in enumerate(zip(region.shape, size, strict=True)):
        filled = np.tensordot(_between(cells, pixels), filled, (1, axis))
        filled = np.moveaxis(filled, 0, axis)
    inside = region.ravel()[number][..., None]
    return np.where(inside, filled + noise, picture)


def _between(cells: int, pixels: int) -> NDArray[np.float64]:
    """Weights (pixels, cells) of linear interpolation between the centres of cells."""
    place = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(cells)))


def probe(
    score: Score,
    x: NDArray[Any],
    regions: NDArray[np.bool_],
    channel_axis: int,
    rng: np.random.Generator,
    *,
    noise: NDArray[Any] | float,
    batch_size: int = 16,
) -> Probe:
    """Impute each region from its neighbours, and see how far the score falls.

    Parameters
    ----------
    score : callable
        Scores of a batch of inputs.
    x : (1, ...) array
        The input.
    regions : (N, h, w) bool array
        See `random_regions`.
    channel_axis : int
        Position of the channels in the inputs: 1 or 3.
    rng : numpy.random.Generator
        Draws the noise, once for all regions.
    noise : float or array
        Standard deviation of the noise on imputed pixels; broadcasts to `x`.
    batch_size : int
        Inputs scored at once; the result is not changed by it.

    Raises
    ------
    NumericalError
        If no region changes the score by more than rounding.

    References
    ----------
    Rong et al. 2022, arXiv:2202.00449 (imputation); Bhatt, Weller, Moura 2020, arXiv:2005.00631
    (sums of evidence over random sets against the drop).
    """
    drawn = np.moveaxis((noise * rng.normal(size=x.shape))[0], channel_axis - 1, -1)
    picture = np.moveaxis(x[0], channel_axis - 1, -1).astype(np.float64)

    def inputs(part: slice) -> NDArray[Any]:
        filled = np.stack([imputed(picture, region, drawn) for region in regions[part]])
        return np.moveaxis(filled, -1, channel_axis).astype(x.dtype)

    whole, scores = score(x), scored(score, inputs, len(regions), batch_size)
    drops, largest = whole - scores, max(np.abs(whole).max(), np.abs(scores).max())
    if np.ptp(drops) <= _ROUNDING * np.finfo(np.float32).eps * largest:
        raise NumericalError(
            f"none of {len(regions)} imputed regions changes the score by more than rounding, so "
            "their order says nothing about the map"
        )
    return Probe(regions, drops)


def probed_score(target: Target, start: Target | None) -> Target:
    """Return the score whose drops are ranked: the logit of a class, where there is one.

    A probability next to one hardly falls, and in float32 not at all.
    """
    return start if isinstance(start, ClassScore) else target


def probe_of(case: Case) -> Probe:
    """Probe a case's picture, once for all of its maps.

    Raises
    ------
    NumericalError
        See `probe`.
    """
    return case.once_of_picture(_probe)


def _probe(case: Case) -> Probe:
    low, high = case.model.preprocess.bounds()
    aim = probed_score(case.target, case.start)
    rng = case.stream(_STREAM)
    height, width = case.heatmap.shape
    return probe(
        lambda x: case.context.score(x, aim),
        case.picture.x,
        random_regions(grid_of(height, width), rng),
        case.context.channel_axis,
        rng,
        noise=_NOISE * (high.astype(np.float64) - low),
        batch_size=case.context.batch_size,
    )


def imputed_regions(case: Case) -> float:
    """Rank correlation of a case's map with the drops of its score.

    Raises
    ------
    NumericalError
        See `probe`.
    """
    return probe_of(case).correlation(case.heatmap)
