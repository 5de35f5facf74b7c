"""Which cells a window of pixels reaches, and which cells those need, along one axis.

Height and width are independent of each other: a rectangle stays a product of intervals.
Intervals are half-open, [begin, end), and arrays hold one interval for each window. The
arithmetic is that of a kernel that walks with a stride over a padded axis, so it covers
convolutions, pools and paddings; everything pointwise is a kernel of one cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.int64]
# Crops grow in steps of this share of the axis: few distinct sizes, big batches.
_STEPS = 7


@dataclass(frozen=True)
class Sliding:
    """How an operator walks along one axis.

    Attributes
    ----------
    extent : int
        Cells that the kernel spans, (k - 1) dilation + 1.
    stride : int
        Step.
    before, after : int
        Padding at both ends.
    """

    extent: int = 1
    stride: int = 1
    before: int = 0
    after: int = 0


POINTWISE = Sliding()


def affected(begin: Cells, end: Cells, step: Sliding, length: int) -> tuple[Cells, Cells]:
    """Output cells that read one of the input cells [begin, end).

    Output cell c reads inputs [c stride - before, c stride - before + extent).

    Parameters
    ----------
    begin, end : (P,) int array
        Changed input cells.
    step : Sliding
        The operator.
    length : int
        Cells of the output.

    Returns
    -------
    begin, end : (P,) int array
        Inside of [0, length). Where nothing is reached (a stride may skip cells), one cell
        all the same: to compute an unchanged cell again does no harm, and no interval is empty.
    """
    first = -((step.extent - 1 - step.before - begin) // step.stride)
    last = (end - 1 + step.before) // step.stride
    first = np.clip(first, 0, length - 1)
    return first, np.clip(last, first, length - 1) + 1


@dataclass(frozen=True)
class Need:
    """Input cells that output cells [c, e) of a chain of operators depend on.

    They are [stride c - before, stride (e - 1) + after + 1), an affine map, whatever c and e.
    """

    stride: int = 1
    before: int = 0
    after: int = 0

    @classmethod
    def by(cls, step: Sliding) -> Need:
        """Return the need of a single operator."""
        return cls(step.stride, step.before, step.extent - 1 - step.before)

    def through(self, step: Sliding) -> Need:
        """Return the need in front of one more operator."""
        return Need.by(step)._then(self)

    def followed_by(self, step: Sliding) -> Need:
        """Return the need of what one more operator gives."""
        return self._then(Need.by(step))

    def _then(self, later: Need) -> Need:
        return Need(
            self.stride * later.stride,
            self.stride * later.before + self.before,
            self.stride * later.after + self.after,
        )

    def cells(self, length: Cells) -> Cells:
        """Output cells that so many input cells give, where nothing pads."""
        return (length - self.before - self.after - 1) // self.stride + 1

    def joined(self, other: Need) -> Need | None:
        """Return a need that covers both, or None if they walk at different strides."""
        if self.stride != other.stride:
            return None
        return Need(self.stride, max(self.before, other.before), max(self.after, other.after))

    def of(self, begin: Cells, end: Cells, length: int) -> tuple[Cells, Cells]:
        """Cells that output cells [begin, end) need, inside of [0, length)."""
        first = np.clip(self.stride * begin - self.before, 0, length - 1)
        last = np.clip(self.stride * (end - 1) + self.after + 1, 1, length)
        return first, np.maximum(last, first + 1)


@dataclass(frozen=True)
class Crops:
    """Where to cut an axis for each window.

    Attributes
    ----------
    origin, length : (P,) int array
        Cells [origin, origin + length); those beyond the axis are zeros.
    first : (P,) int array
        The output cell with which a crop's output begins.
    """

    origin: Cells
    length: Cells
    first: Cells


def clamped_crops(begin: Cells, end: Cells, length: int, stride: int) -> Crops:
    """Crops that hold cells [begin, end), on which operators give what they give on the whole.

    The operators keep their own padding. That is exact for every cell whose need lies in
    the crop, because origins are multiples of the stride (all grids between input and
    output coincide), sizes agree with the whole axis modulo the stride (rounding of sizes
    and "same" padding come out alike at the far end), and a crop that touches a border of
    the picture ends there. Cells beyond a need may be wrong at an artificial border.

    Parameters
    ----------
    begin, end : (P,) int array
        Needed cells.
    length : int
        Cells of the whole axis.
    stride : int
        Product of all strides between this axis and the one computed from it.

    Returns
    -------
    Crops
        Interior windows share one length, and windows at borders few, so that crops of
        one size fill batches.
    """
    low, high = begin <= 0, end >= length
    origin = np.where(low, 0, begin // stride * stride)
    grid = stride * max(1, length // stride // _STEPS)
    origin = np.where(high & ~low, origin // grid * grid, origin)
    size = _congruent(-(-(end - origin) // grid) * grid, length, stride)
    inner = ~low & ~high
    if inner.any():
        common = int(_congruent((end - origin)[inner].max(), length, stride))
        size = np.where(inner, common, size)
        origin = np.where(inner, np.minimum(origin, length - common), origin)
    size = np.where(high, length - origin, size)
    _require_exact(begin, end, origin, size, length, stride)
    return Crops(origin, size, origin // stride)


def unpadded_crops(begin: Cells, end: Cells, cells: int, need: Need) -> Crops:
    """Crops from which operators that do not pad compute output cells [begin, end).

    Parameters
    ----------
    begin, end : (P,) int array
        Wanted output cells.
    cells : int
        Output cells along the whole axis.
    need : Need
        What each of them reads; what lies beyond the axis is read as well.

    Returns
    -------
    Crops
        Few distinct lengths, so that crops of one size fill batches.
    """
    extent, grid = end - begin, max(1, cells // _STEPS)
    size = np.minimum(-(-extent // grid) * grid, extent.max())
    first = np.minimum(begin, cells - size)
    length = need.stride * (size - 1) + need.before + need.after + 1
    return Crops(need.stride * first - need.before, length, first)


def _congruent(size: Cells, length: int, stride: int) -> Cells:
    """Smallest size of at least `size` that equals `length` modulo `stride`, within it."""
    return np.minimum(length, size + (length - size) % stride)


def _require_exact(
    begin: Cells, end: Cells, origin: Cells, size: Cells, length: int, stride: int
) -> None:
    aligned = (origin % stride == 0) & ((length - size) % stride == 0)
    holds = (origin >= 0) & (origin <= begin) & (origin + size >= end)
    if not (aligned & holds & (origin + size <= length)).all():
        raise AssertionError(f"crops of an axis of {length} cells at stride {stride} are not exact")
