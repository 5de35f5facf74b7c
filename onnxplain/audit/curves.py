"""Deletion and insertion curves as an audit keeps them: few points, the same for every picture."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.config import Points
from onnxplain.audit.records.pictures import Done
from onnxplain.audit.records.summaries import CurveSum
from onnxplain.audit.store import Results
from onnxplain.evaluate.fitted import Fit
from onnxplain.evaluate.removal import Curve

# Measures whose curves are kept: the score against the share of exchanged pixels.
CURVES = ("deletion", "insertion")
# At how many points curves are measured, by the name that records give it: another number would be
# another question, and have another name. Chosen on 1300 curves of `benchmarks.curves`: "adaptive"
# needs a fifth fewer points of photos than "fitted", and no area was off by 0.005 or more; with
# half as much again of either number, one in 1040 curves of flowers was.
FITS: Mapping[Points, Fit | None] = {
    "adaptive": Fit(0.0012),
    "fitted": Fit(0.0006, jump=1.0, trust=1 / 4),
    "full": None,
}
# Steps of 1/32 meet the rows of inputs whose height is a multiple of 32: a point that was measured
# there is kept as it is, because one row of pixels is exchanged at a time.
SHARES = np.linspace(0.0, 1.0, 33)
_DIGITS = 6


def kept(curve: Curve) -> list[float]:
    """Scores of a curve at `SHARES`, linear between its own points."""
    return np.round(np.interp(SHARES, curve.shares, curve.scores), _DIGITS).tolist()


def summarise_curves(results: Results) -> list[CurveSum]:
    """Mean curve of each method and measure over all pictures, with quartiles.

    Parameters
    ----------
    results : Results
        Those of an audit.

    Returns
    -------
    list of CurveSum
        By method and measure: how many pictures, and at each of `SHARES` the mean and both
        quartiles of the score. Quartiles are of the pictures at that share: no single
        picture need have such a curve.
    """
    # Quartiles need all of them at once; a list of lists would take four times the memory.
    found: dict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))
    for picture in results.pictures():
        if isinstance(picture, Done):
            for method, result in picture.methods.items():
                for measure, scores in result.curves.items():
                    found[method, measure].extend(scores)
    return [
        _summed(method, measure, np.array(scores).reshape(-1, SHARES.size))
        for (method, measure), scores in sorted(found.items())
    ]


def _summed(method: str, measure: str, scores: NDArray[np.float64]) -> CurveSum:
    low, high = np.percentile(scores, [25, 75], axis=0)
    mean, low, high = (np.round(v, _DIGITS).tolist() for v in (scores.mean(axis=0), low, high))
    return CurveSum(
        method=method,
        measure=measure,
        count=len(scores),
        mean=mean,
        lower_quartile=low,
        upper_quartile=high,
    )
