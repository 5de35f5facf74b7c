"""RISE: the score under random masks, averaged over the masks that keep a pixel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.products import product
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.perturb.anytime import Limits, Sampling, relative_error
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.fills import fill
from onnxplain.perturb.masks import RiseMasks, under_masks
from onnxplain.perturb.outcome import sampled
from onnxplain.targets.target import Target


@method(
    name="rise",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    display="signed",
    summary="How much higher the score is under random masks that keep a pixel.",
    reference="Petsiuk, Das, Saenko 2018, arXiv:1806.07421, equation 6",
    meaning="units of the explained score; positive: masks that keep the pixel "
    "score above the average mask",
    class_discriminative=True,
    promises="the paper's map minus its mean level, with a standard error",
    failures="coarse: has the resolution of the mask's cells; noisy with few masks; half-masked "
    "pictures are unlike anything the model was trained on",
)
def rise(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    samples: int = 4000,
    cells: int = 7,
    share: float = 0.5,
    fill_with: str = "black",
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """1 / (N p) sum over masks k of (S(x under M_k) - mean S) M_k.

    The paper's map is 1 / (N p) sum of S(x under M_k) M_k. It stands as far above zero as
    the mean score, everywhere; what differs from place to place is the same.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    samples : int
        Maximum number of masks, N.
    cells : int
        Number of mask cells along each side.
    share : float
        Probability p that a cell is kept.
    fill_with : str
        Fill of masked pixels: black, white, mean, blur, noise, an image file, or a number in the
        model's units.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        (N, H, W), signed, in score units. Maps: ``standard_error``, and the paper's map as
        ``score_when_kept``. Measures: ``samples`` drawn, ``relative_error``.

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    limits = Limits(samples, max_seconds, tolerance)
    size = context.network.image.size
    if not 0 < share < 1 or not 1 <= cells <= min(size):
        raise UsageError(
            f"rise: share {share} and cells {cells} are out of range; allowed: a share between 0 "
            f"and 1, 1 to {min(size)} cells"
        )
    random = RiseMasks(size, cells, share)
    absent = fill(context, x, fill_with)
    runs = []
    for single, empty in zip(x, absent, strict=True):
        drawn, sums = Blocks(context.seed, random.draw), _MaskedScores(share, size)
        sampling = Sampling(context, limits)
        for part in sampling.batches(sums.relative_error):
            masks = random.masks(drawn.rows(part))
            sums.add(masks, context.score(under_masks(context, single, empty, masks), target))
        values, errors = sums.map()
        runs.append((sampling, values, errors, {"score_when_kept": sums.when_kept()}))
    return sampled(runs)


class _MaskedScores:
    """Sums over masks M and scores y from which the map and its error follow."""

    def __init__(self, share: float, size: tuple[int, int]) -> None:
        self._share, self._size = share, size
        self._pivot: float | None = None
        self._count = 0
        self._scores = np.zeros(3)  # of y^2, y, 1
        self._masked = np.zeros((2, 3, math.prod(size)))  # the same times M, and times M^2

    def add(self, masks: NDArray[np.float32], scores: NDArray[np.float64]) -> None:
        """Take in a batch."""
        if self._pivot is None:
            # Sums of squares of nearly equal scores would lose their differences.
            self._pivot = float(scores[0])
        y = scores - self._pivot
        powers = np.stack([y**2, y, np.ones_like(y)])
        flat = masks.reshape(len(masks), -1)
        narrow = powers.astype(np.float32)
        added = np.empty(self._masked.shape[1:], np.float32)
        for sums, powers_of_mask in zip(self._masked, (flat, np.square(flat)), strict=True):
            product(narrow, powers_of_mask, out=added)
            sums += added
        self._scores += powers.sum(axis=1)
        self._count += len(y)

    def map(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Covariance of score and mask over p, and its standard error."""
        n, mean = self._count, self._scores[1] / self._count
        weighted, squared = self._masked.reshape(2, 3, *self._size)
        kept = weighted[2] / n
        values = (weighted[1] - mean * weighted[2]) / n

        def about_mean(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(sums[0] - 2 * mean * sums[1] + mean**2 * sums[2])

        # Sum of ((y - mean y) (M - mean M))^2: the mean of the scores is an estimate too.
        spread = about_mean(squared) - 2 * kept * about_mean(weighted)
        spread = spread + kept**2 * about_mean(self._scores)
        variance = np.maximum(spread / n - values**2, 0.0)
        errors = np.sqrt(variance / (n - 1)) if n > 1 else np.full_like(values, np.nan)
        return values / self._share, errors / self._share

    def relative_error(self) -> float:
        """How far the map has settled; see `relative_error`."""
        return relative_error(*self.map())

    def when_kept(self) -> NDArray[np.float64]:
        """The paper's map."""
        assert self._pivot is not None
        sums = self._masked[0].reshape(3, *self._size)
        return np.asarray((sums[1] + self._pivot * sums[2]) / (self._count * self._share))
