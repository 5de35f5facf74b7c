"""Does a layer answer where its grid says?

What the axes of a tensor mean follows from the graph, or is guessed where it does not; here it
is measured, by changing places of the picture and looking which cells of the layer answer
(``docs/decisions/026-measured-axes.md``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Array
from onnxplain.adapters.coded_pictures import CodedPictures, Shares
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.layers import SpatialLayer

Verdict = Literal["agrees", "permuted", "elsewhere", "undecided"]
Order = NDArray[np.int64]

# Pictures in each of two halves: first few, and more where these do not settle it.
_ROUNDS = (8, 32)
# Places that are told apart at most; a finer grid is looked at in blocks.
_PLACES, _CELLS, _CHANNELS = 256, 256, 64
# A mean over cells that lies this many deviations from zero is no accident.
_SURE, _CLEAR = 4.0, 6.0
# Where the own place explains at least this share of what the best one does, it is the place:
# kernels see beside their middle.
_OWN, _SAME_CELLS = 0.5, 0.9


@dataclass(frozen=True, eq=False)
class Placement:
    """What was found at one layer.

    Attributes
    ----------
    verdict : {"agrees", "permuted", "elsewhere", "undecided"}
        Whether cells answer to the places where they are drawn; or to others, one each; or to
        others without such an order; or whether nobody can tell.
    own, best : float
        Share of a cell's variance that its own place explains, and the place that it answers
        to most, as found on other pictures; both above the average place.
    order : int array or None
        For each place of the grid, row by row, the cell that answers to it, if permuted.
    """

    verdict: Verdict
    own: float = 0.0
    best: float = 0.0
    order: Order | None = None

    def to_dict(self) -> dict[str, str | float]:
        """Plain data for a record."""
        return {"verdict": self.verdict, "own": self.own, "best": self.best}


def measure_placement(
    engine: OrtAdapter,
    image: ImageInput,
    layer: SpatialLayer,
    centres: tuple[NDArray[np.float64], NDArray[np.float64]],
    example: Array,
) -> Placement:
    """Measure to which places of the picture the cells of a layer answer.

    Two halves of the pictures hold different textures and draws. What the cells answer to is
    read from one half and tried on the other, so that chance does not look like an answer.

    Parameters
    ----------
    engine : OrtAdapter
        ONNX Runtime on the file.
    image : ImageInput
        The explained input.
    layer : SpatialLayer
        The layer as it would be drawn.
    centres : two arrays
        Rows and columns of pixels at which the cells stand.
    example : (1, ...) array
        An input like those that will be explained.

    Raises
    ------
    OnnxplainError
        If the file does not run.
    """
    places = _code_grid(layer.grid)
    own = _own_places(centres, places, image.size)
    cells = np.arange(len(own))
    if len(cells) > _CELLS:
        cells = np.sort(np.random.default_rng(0).choice(cells, _CELLS, replace=False))
    exact = places == layer.grid and len(cells) == len(own)
    found = Placement("undecided")
    for count in _ROUNDS:
        halves = []
        for half in (0, 1):
            pictures = CodedPictures.draw(example, image, places, count, seed=2 * count + half)
            values = engine.activations(pictures.x, [layer.name])[layer.name]
            if not _fits(layer, values, count):
                return Placement("undecided")
            maps = layer.to_maps(values).reshape(count, layer.channels, -1)[:, :_CHANNELS, cells]
            if not np.isfinite(maps := maps.astype(np.float64)).all():
                return Placement("undecided")
            halves.append(pictures.shares(maps))
        found = _judged(halves, own[cells], exact=exact)
        if found.verdict == "agrees":
            break
    return found


def _fits(layer: SpatialLayer, values: Array, count: int) -> bool:
    """Whether the tensor has one entry for each picture."""
    return values.ndim == len(layer.axes) and values.shape[layer.axes.index("N")] == count


def _code_grid(grid: tuple[int, int]) -> tuple[int, int]:
    shrink = max(1.0, math.sqrt(math.prod(grid) / _PLACES))
    height, width = (max(1, int(n / shrink)) for n in grid)
    return height, min(width, _PLACES // height)


def _own_places(
    centres: tuple[NDArray[np.float64], NDArray[np.float64]],
    places: tuple[int, int],
    size: tuple[int, int],
) -> Order:
    """Number of the place in which each cell stands."""
    rows, columns = (
        np.clip(((c + 0.5) * p / s).astype(np.int64), 0, p - 1)
        for c, p, s in zip(centres, places, size, strict=True)
    )
    return (rows[:, None] * places[1] + columns).ravel()


def _judged(halves: list[Shares], own: Order, *, exact: bool) -> Placement:
    cells = np.arange(len(own))
    deviation = math.sqrt(float(np.mean([h.var() for h in halves])) / len(cells))
    if not deviation:
        return Placement("undecided")
    one, other = halves
    at_own = float(np.mean([h[cells, own].mean() for h in halves]))
    at_best = (other[cells, one.argmax(1)].mean() + one[cells, other.argmax(1)].mean()) / 2
    found = {"own": at_own, "best": float(at_best)}
    if at_own > _SURE * deviation and at_own >= _OWN * at_best:
        return Placement("agrees", **found)
    if at_best <= _CLEAR * deviation:
        return Placement("undecided", **found)
    if exact and (order := _permutation(one, other)) is not None:
        return Placement("permuted", **found, order=order)
    return Placement("elsewhere", **found)


def _permutation(one: Shares, other: Shares) -> Order | None:
    """The cell of each place, if both halves say the same of nearly all."""
    from scipy.optimize import linear_sum_assignment

    apart = [linear_sum_assignment(-half)[1] for half in (one, other)]
    if np.mean(apart[0] == apart[1]) < _SAME_CELLS:
        return None
    place_of = linear_sum_assignment(-(one + other))[1]
    return np.argsort(place_of)
