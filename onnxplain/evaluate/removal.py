"""Deletion and insertion: does the score follow when pixels go in the order of a map?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError

# Scores of a batch of inputs: (N, ...) to (N,).
Score = Callable[[NDArray[Any]], NDArray[np.float64]]


@dataclass(frozen=True)
class Curve:
    """A score against the share of what was exchanged, or against a threshold.

    Attributes
    ----------
    shares : (T,) array
        Within 0 to 1.
    scores : (T,) array
        The score, as given.
    number : float, optional
        What it comes down to, if that is not the area under it.
    """

    shares: NDArray[np.float64]
    scores: NDArray[np.float64]
    number: float | None = None

    @property
    def area(self) -> float:
        """Area under the curve by the trapezoid rule, in units of the score."""
        means = (self.scores[1:] + self.scores[:-1]) / 2
        return float((np.diff(self.shares) * means).sum())

    @property
    def value(self) -> float:
        """The one number that stands for the curve."""
        return self.area if self.number is None else self.number


def ranks(heatmap: NDArray[Any]) -> NDArray[np.int64]:
    """Place of each pixel in the order of a map, in its shape: 0 for the largest value.

    Of equal values the one that comes first, row by row, is first.
    """
    order = np.argsort(-np.asarray(heatmap, np.float64), axis=None, kind="stable")
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    return rank.reshape(heatmap.shape)


def scored(
    score: Score, inputs: Callable[[slice], NDArray[Any]], count: int, batch_size: int
) -> NDArray[np.float64]:
    """Scores of `count` inputs, which are made and scored a batch at a time."""
    return np.concatenate(
        [
            score(inputs(slice(first, min(first + batch_size, count))))
            for first in range(0, count, batch_size)
        ]
    )


class Exchange:
    """One input turned into another, the strongest pixels of a map first.

    Deletion goes from the picture to a baseline, and a good map makes the score fall
    early; insertion goes from a blurred picture to the picture itself.

    Parameters
    ----------
    score : callable
        Scores of a batch of inputs.
    start, end : (1, ...) array
        Model inputs at the beginning and after all pixels are exchanged.
    heatmap : (H, W) array
        Signed; the largest value goes first, equal ones by position.
    channel_axis : int
        Position of the channels in the inputs: 1 or 3.
    step : int, optional
        Pixels exchanged between two scores; one row of the picture if not given.
    batch_size : int
        Inputs scored at once; memory is bounded by it, the result is not changed.

    Attributes
    ----------
    shares : (T,) array
        Of the pixels that are exchanged at each point of the whole curve.

    Raises
    ------
    UsageError
        If the map has not the input's height and width, or `step` is below 1.

    References
    ----------
    Petsiuk, Das, Saenko 2018, arXiv:1806.07421, section 4.2.
    """

    def __init__(
        self,
        score: Score,
        start: NDArray[Any],
        end: NDArray[Any],
        heatmap: NDArray[Any],
        channel_axis: int,
        *,
        step: int | None = None,
        batch_size: int = 16,
    ) -> None:
        size = start.shape[1:channel_axis] + start.shape[channel_axis + 1 :]
        if heatmap.shape != size:
            raise UsageError(
                f"a map of shape {heatmap.shape} does not fit an input of {size} pixels"
            )
        step = size[1] if step is None else step
        if step < 1:
            raise UsageError(f"step is {step}; at least one pixel must be exchanged")
        self._counts = np.append(np.arange(0, heatmap.size, step), heatmap.size)
        self._rank = np.expand_dims(ranks(heatmap)[None], channel_axis)
        self._score, self._start, self._end, self._size = score, start, end, batch_size
        self.shares: NDArray[np.float64] = self._counts / heatmap.size

    def scores(self, points: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
        """Scores at some points of the whole curve, by their numbers."""
        counts = self._counts[np.asarray(points)].reshape(-1, 1, 1, 1)

        def exchanged(part: slice) -> NDArray[Any]:
            return np.where(self._rank < counts[part], self._end, self._start)

        return scored(self._score, exchanged, len(counts), self._size)

    def curve(self) -> Curve:
        """Return the whole curve."""
        return Curve(self.shares, self.scores(np.arange(len(self.shares))))
