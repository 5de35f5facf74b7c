"""Does a layer answer where its grid says?

What the axes of a tensor mean follows from the graph, or is guessed where it does not; here it
is measured, by changing places of the picture and looking which cells of the layer answer
(``docs/decisions/026-measured-axes.md``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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
_ROUNDS = (8, 24)
# Places that are told apart at most, a finer grid is looked at in blocks; and numbers in all.
_PLACES, _CELLS, _NUMBERS = 256, 256, 1 << 22
# Numbers of a picture and a layer above which places that follow from the graph are believed.
_BELIEVED = 1 << 25
# A mean over cells that lies this many deviations from zero is no accident.
_SURE, _CLEAR = 5.0, 6.0
# Where the own place explains at least this share of what the best one does, it is the place:
# kernels see beside their middle. On a fine grid the next place is as good.
_OWN, _FINE, _SAME_CELLS = 0.5, 7, 0.9
# A flipped map answers in its middle as an upright one does.
_TURNED = 1.5


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
    *,
    derived: bool = False,
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
    derived : bool
        Whether the places follow from the graph, so that no more is asked where the first
        pictures do not contradict, and nothing where picture and layer are very large.

    Raises
    ------
    OnnxplainError
        If the file does not run.
    """
    numbers = example.size + layer.channels * math.prod(layer.grid)
    if derived and numbers > _BELIEVED:
        return Placement("undecided")
    places = _code_grid(layer.grid)
    own = _own_places(centres, places, image.size)
    cells = np.arange(len(own))
    if len(cells) > _CELLS:
        cells = np.sort(np.random.default_rng(0).choice(cells, _CELLS, replace=False))
    most = max(16, _NUMBERS // (math.prod(places) * len(cells)))
    channels = slice(None, None, -(-layer.channels // most))
    exact = places == layer.grid and len(cells) == len(own)
    found = Placement("undecided")
    for count in _ROUNDS:
        halves = []
        for half in (0, 1):
            pictures = CodedPictures.draw(example, image, places, count, seed=2 * count + half)
            maps = _maps(engine, image, layer, pictures, channels, cells)
            if maps is None or not np.isfinite(maps).all():
                return Placement("undecided")
            halves.append(pictures.shares(maps))
        found = _judged(halves, own[cells], places, exact=exact)
        if found.verdict == "agrees" or (derived and found.verdict == "undecided"):
            break
    return found


def _maps(
    engine: OrtAdapter,
    image: ImageInput,
    layer: SpatialLayer,
    pictures: CodedPictures,
    channels: slice,
    cells: Order,
) -> NDArray[np.float64] | None:
    """Numbers of some channels and cells, (T, channels, cells); ``None`` if they are not there.

    One by one, where the file leaves it open: several at a time touch memory that one does not,
    which takes as long as they do.
    """
    count, step = len(pictures.codes), image.batch or 1
    found = []
    for start in range(0, count, step):
        x = pictures.inputs(start, min(start + step, count))
        values = engine.activations(x, [layer.name])[layer.name]
        # The tensor has to have one entry for each picture.
        if values.ndim != len(layer.axes) or values.shape[layer.axes.index("N")] != len(x):
            return None
        maps = layer.to_maps(values).reshape(len(x), layer.channels, -1)
        found.append(maps[:, channels][:, :, cells].astype(np.float64))
    return np.concatenate(found)


def _code_grid(grid: tuple[int, int]) -> tuple[int, int]:
    shrink = max(1.0, math.sqrt(math.prod(grid) / _PLACES))
    # Of a strip, one side shrinks no further than to one.
    height, width = (min(max(1, int(n / shrink)), _PLACES) for n in grid)
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


def _judged(halves: list[Shares], own: Order, places: tuple[int, int], *, exact: bool) -> Placement:
    offsets = _offsets(own, places)
    beside = np.abs(offsets) <= [int(n >= _FINE) for n in places]
    nearest = np.where(beside.all(axis=-1), 0.0, -np.inf)
    around = _around(places)
    # A wide answer is found more surely where neighbouring places are taken together.
    wide = [half @ around for half in halves]
    at_own, at_best, elsewhere = 0.0, 0.0, False
    for one, other in (wide, halves):
        chance = float((one - other).std()) / 2
        both, cells = (one + other) / 2, np.arange(len(own))
        at_own = max(float(both[cells, own].mean()), _answered(one + nearest, other + nearest))
        at_best = _answered(one, other)
        elsewhere |= at_best > _CLEAR * chance / math.sqrt(len(cells)) and at_own < _OWN * at_best
    one, other = halves
    both = (one + other) / 2
    # What differs from half to half is chance.
    sure = _SURE * float((one - other).std()) / 2
    straight, *turned = (_answer(both, around[at]) for at in _turned(own, places))
    elsewhere |= max(turned) > max(sure, _TURNED * straight)
    if not elsewhere:
        return Placement("agrees" if straight > sure > 0 else "undecided", at_own, at_best)
    if exact and (order := _permutation(one, other)) is not None:
        return Placement("permuted", at_own, at_best, order)
    return Placement("elsewhere", at_own, at_best)


def _answer(shares: Shares, around: NDArray[np.float64]) -> float:
    """How much shares look like those of cells around which `around` is near."""
    expected = around - around.mean(axis=0)
    expected = expected - expected.mean(axis=1, keepdims=True)
    size = float(np.sqrt((expected**2).sum()))
    return float((shares * expected).sum()) / size if size else 0.0


def _turned(own: Order, places: tuple[int, int]) -> Iterator[Order]:
    """Places of the cells, and where they were if the map were flipped or lay on its side."""
    number = np.arange(math.prod(places)).reshape(places)
    sides = [number, number.T] if places[0] == places[1] else [number]
    for side in sides:
        for rows in (slice(None), slice(None, None, -1)):
            for columns in (slice(None), slice(None, None, -1)):
                yield side[rows, columns].ravel()[own]


def _around(places: tuple[int, int]) -> NDArray[np.float64]:
    """Nearness of each place to each other one."""
    apart = _offsets(np.arange(math.prod(places)), places)
    near: NDArray[np.float64] = np.exp(-(apart**2).sum(axis=-1) / 2)
    return near


def _offsets(own: Order, places: tuple[int, int]) -> NDArray[np.float64]:
    """Rows and columns from each cell to each place, (cells, places, 2)."""
    at = np.stack(np.divmod(np.arange(math.prod(places)), places[1]), axis=-1)
    return (at[None] - at[own][:, None]).astype(np.float64)


def _answered(one: Shares, other: Shares) -> float:
    """Mean share of the place that explains most in one half, as the other half has it."""
    cells = np.arange(len(one))
    ways = (other[cells, one.argmax(1)], one[cells, other.argmax(1)])
    return float(np.mean([way.mean() for way in ways]))


def _permutation(one: Shares, other: Shares) -> Order | None:
    """The cell of each place, if both halves say the same of nearly all."""
    from scipy.optimize import linear_sum_assignment

    apart = [linear_sum_assignment(-half)[1] for half in (one, other)]
    if np.mean(apart[0] == apart[1]) < _SAME_CELLS:
        return None
    place_of = linear_sum_assignment(-(one + other))[1]
    return np.argsort(place_of)
