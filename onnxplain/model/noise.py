"""What rounding does to a score: the picture is moved by its last digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.network.network import Network
from onnxplain.targets.target import Target

# A map that is so many times above all rounding that was measured needs no further measurement.
_FAR = 1000.0


def score_noise(network: Network, x: NDArray[Any], target: Target, score: float) -> float:
    """Measure how far rounding moves a score on one picture.

    Every number of the input is replaced by its neighbour above, then by that below, which no
    picture can tell from it. What the score moves by is rounding, and at least one step of the
    numbers that it is written in: a saturated probability does not move at all.

    Parameters
    ----------
    network : Network
        The model.
    x : array
        One input.
    target, score : Target, float
        What is explained, and its value there.
    """
    wide = x.dtype == np.float64
    moved = [float(np.spacing(abs(score) if wide else np.float32(abs(score))))]
    if np.issubdtype(x.dtype, np.floating):
        engine = network.adapter(Capability.FORWARD | Capability.ACTIVATIONS)
        for side in (-np.inf, np.inf):
            near = np.nextafter(x, np.asarray(side, x.dtype))
            found = float(target.score(engine.activations(near, target.tensors))[0])
            moved.append(abs(found - score))
    return max(moved)


@dataclass(frozen=True)
class _Seen:
    """The largest noise of a file so far: as a number, and as a share of its score."""

    largest: float = 0.0
    share: float = 0.0

    def with_one(self, noise: float, score: float) -> _Seen:
        share = noise / abs(score) if score else 0.0
        return _Seen(max(self.largest, noise), max(self.share, share))

    def at(self, score: float) -> float:
        return max(self.largest, self.share * abs(score))


class Rounding:
    """What rounding does to the scores of one model; measured on pictures that may need it.

    It takes two forward passes, which is more than some methods take, and nearly all maps are
    thousands of times above it: after a first picture those are not asked about.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], _Seen] = {}

    def beside(
        self, network: Network, x: NDArray[Any], target: Target, score: float, largest: float
    ) -> float:
        """Return the noise of a score, or what is known of it if a map's numbers are far above.

        Parameters
        ----------
        network, x, target, score
            See `score_noise`.
        largest : float
            The map's largest number, without its sign.
        """
        kind = (type(target), target.tensors, target.unit)
        seen = self._seen.get(kind)
        if seen is not None and largest > _FAR * seen.at(score):
            return seen.at(score)
        noise = score_noise(network, x, target, score)
        self._seen[kind] = (seen or _Seen()).with_one(noise, score)
        return noise
