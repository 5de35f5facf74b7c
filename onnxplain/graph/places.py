"""Where in the picture each element of a tensor stands.

Every element has a stretch of rows and one of columns, in pixels of the explained input. Along
axes that say nothing of the place the stretches are the same, and are kept once: an array has
one entry there, as in broadcasting. So a map of H x W costs H + W numbers, and only tensors
whose places are really folded into one another cost more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
# One for the first and last row, the first and last column.
Four = tuple[Pixels, Pixels, Pixels, Pixels]
# More elements than this are not written out.
_MOST = 1 << 22


class TooManyPlacesError(Exception):
    """The places of a tensor would take too much memory."""


@dataclass(frozen=True, eq=False)
class Places:
    """Places of all elements of a tensor.

    Attributes
    ----------
    shape : tuple of int
        Shape of the tensor.
    marks : tuple of str
        What each axis was last known to be: N, C, H, W or L. It tells axes of length one apart,
        whose places say nothing.
    at : four arrays
        First and last row, first and last column of each element; not a number where an
        element stands for no place. Each axis has the tensor's length, or one.
    guessed : bool
        Whether they were guessed from lengths of axes somewhere.
    """

    shape: tuple[int, ...]
    marks: tuple[str, ...]
    at: Four
    guessed: bool = False

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def varying(self) -> bool:
        """Whether different elements stand at different places."""
        return any(a.size > 1 for a in self.at)

    def fits(self, shape: tuple[int, ...] | None) -> bool:
        """Whether these may be the places of a tensor of that shape."""
        lengths = [set(ns) for ns in zip(*(a.shape for a in self.at), strict=True)]
        return self.shape == shape and all(
            own <= {1, n} for own, n in zip(lengths, self.shape, strict=True)
        )

    def marked(self, marks: Sequence[str]) -> Places:
        """The same places, with other marks."""
        return replace(self, marks=tuple(marks))

    def transposed(self, order: Sequence[int]) -> Places:
        """Places after a Transpose."""
        return self._with(
            lambda a: a.transpose(order),
            tuple(self.shape[k] for k in order),
            [self.marks[k] for k in order],
        )

    def reshaped(self, shape: tuple[int, ...]) -> Places:
        """Places after a Reshape: the elements keep their order.

        Raises
        ------
        TooManyPlacesError
            If axes cannot be told apart any more, and the tensor is large.
        """
        marks = _moved_marks(self.shape, self.marks, shape)
        return self._with(lambda a: _reshaped(a, self.shape, shape), shape, marks)

    def taken(self, axis: int, index: NDArray[np.int64]) -> Places:
        """Places after a Gather: entries of one axis, in the shape of `index`."""
        shape = (*self.shape[:axis], *index.shape, *self.shape[axis + 1 :])
        own = [self.marks[axis]] if index.ndim == 1 else ["C"] * index.ndim
        marks = [*self.marks[:axis], *own, *self.marks[axis + 1 :]]

        def take(a: Pixels) -> Pixels:
            if a.shape[axis] == 1:
                return a.reshape(*a.shape[:axis], *[1] * index.ndim, *a.shape[axis + 1 :])
            return np.take(a, index, axis)

        return self._with(take, shape, marks)

    def resampled(self, axis: int, positions: NDArray[np.float64]) -> Places:
        """Places of entries between those of one axis, or beyond its ends."""
        shape = (*self.shape[:axis], len(positions), *self.shape[axis + 1 :])
        if self.shape[axis] == 1:
            index = np.zeros(len(positions), np.int64)
            return replace(self.taken(axis, index), marks=self.marks)
        return self._with(lambda a: _interpolated(a, axis, positions), shape, self.marks)

    def contracted(self, axes: Sequence[int], *, keep: bool = True) -> Places:
        """Places of sums over some axes: each reaches over all that it is made of."""

        def least(a: Pixels) -> Pixels:
            return np.fmin.reduce(a, tuple(axes), keepdims=True)

        def most(a: Pixels) -> Pixels:
            return np.fmax.reduce(a, tuple(axes), keepdims=True)

        top, bottom, left, right = self.at
        at = least(top), most(bottom), least(left), most(right)
        shape = tuple(1 if k in axes else n for k, n in enumerate(self.shape))
        found = replace(self, shape=shape, at=at)
        if keep:
            return found
        kept = [k for k in range(self.rank) if k not in axes]
        return replace(
            found,
            shape=tuple(shape[k] for k in kept),
            marks=tuple(self.marks[k] for k in kept),
            at=_four(lambda a: a.reshape([a.shape[k] for k in kept]), at),
        )

    def flat(self, positions: NDArray[np.int64], shape: tuple[int, ...]) -> Places:
        """Places of elements that are named by their flat positions.

        Raises
        ------
        TooManyPlacesError
            If the tensor is large.
        """
        _require_few(self.shape)

        def move(a: Pixels) -> Pixels:
            return np.broadcast_to(a, self.shape).ravel()[positions].reshape(shape)

        return self._with(move, shape, _moved_marks(self.shape, self.marks, shape))

    def spread(self) -> Places:
        """Places of a map whose rows or columns come from channels: neighbours share them.

        Values that stood at one place fill its cell, as in a pixel shuffle.
        """
        axes = [{k for k in range(self.rank) if a.shape[k] > 1} for a in self.at]
        rows, columns = axes[0] | axes[1], axes[2] | axes[3]
        if len(rows) != 1 or len(columns) != 1 or rows == columns:
            return self
        top, bottom = _spread(self.at[0], self.at[1])
        left, right = _spread(self.at[2], self.at[3])
        return replace(self, at=(top, bottom, left, right))

    def broadcast(self, shape: tuple[int, ...]) -> Places:
        """Places of a tensor that is repeated along axes of length one."""
        new = len(shape) - self.rank
        at = _four(lambda a: a.reshape((*[1] * new, *a.shape)), self.at)
        return Places(shape, (*["C"] * new, *self.marks), at, self.guessed)

    def _with(
        self, change: Callable[[Pixels], Pixels], shape: tuple[int, ...], marks: Sequence[str]
    ) -> Places:
        at = _four(lambda a: _compressed(change(a)), self.at)
        return Places(shape, tuple(marks), at, self.guessed)


def picture_places(shape: tuple[int, ...], marks: Sequence[str]) -> Places:
    """Places of the pixels of the explained input."""
    rows, columns = (_along(shape, tuple(marks).index(axis)) for axis in "HW")
    return Places(shape, tuple(marks), (rows, rows, columns, columns))


def token_places(
    shape: tuple[int, ...], axis: int, grid: tuple[int, int], size: tuple[int, int], prefix: int
) -> Places:
    """Places of tokens that are guessed to be the picture's, row by row."""
    height, width = ((np.arange(n) + 0.5) * s / n - 0.5 for n, s in zip(grid, size, strict=True))
    own = [1] * len(shape)
    own[axis] = shape[axis]
    before = np.full(prefix, np.nan)
    rows, columns = (
        np.concatenate([before, a.ravel()]).astype(np.float32).reshape(own)
        for a in np.meshgrid(height, width, indexing="ij")
    )
    marks = ["C"] * len(shape)
    marks[0], marks[axis] = "N", "L"
    return Places(shape, tuple(marks), (rows, rows, columns, columns), guessed=True)


def joined(parts: Sequence[Places | None], lengths: Sequence[int], axis: int) -> Places:
    """Places after a Concat; a part that has none stands for no place.

    Channels that are the same everywhere, as those of a pooled picture that is repeated over a
    map, stand where the channels beside them do.

    Raises
    ------
    TooManyPlacesError
        If the tensor is large.
    """
    known = [p for p in parts if p is not None]
    first = max(known, key=lambda p: math.prod(a.size for a in p.at))
    shape = (*first.shape[:axis], sum(lengths), *first.shape[axis + 1 :])
    mapped = [p for p in known if p.varying]
    beside = bool(mapped) and not _places_on(known, axis)
    at = []
    for k in range(4):
        arrays = [
            None if p is None else p.at[k] if p.varying or not beside else mapped[0].at[k]
            for p in parts
        ]
        given = [a for a in arrays if a is not None]
        same = all(np.array_equal(a, given[0], equal_nan=True) for a in given[1:])
        if same and given[0].shape[axis] == 1 and not _places_on(known, axis):
            at.append(given[0])  # channels beside channels
            continue
        # Where not even one part is known, the places are those of none.
        rest = np.broadcast_shapes(*(_without(a.shape, axis) for a in given))
        _require_few((*rest, sum(lengths)))
        wide = [
            np.broadcast_to(
                np.float32(np.nan) if a is None else a, (*rest[:axis], n, *rest[axis + 1 :])
            )
            for a, n in zip(arrays, lengths, strict=True)
        ]
        at.append(_compressed(np.concatenate(wide, axis)))
    guessed = any(p.guessed for p in known)
    return Places(shape, first.marks, (at[0], at[1], at[2], at[3]), guessed)


def _places_on(parts: Sequence[Places], axis: int) -> bool:
    """Whether an axis runs over places, so that what is put beside has none."""
    return any(a.shape[axis] > 1 for p in parts for a in p.at)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis + 1 :])


def _four(change: Callable[[Pixels], Pixels], at: Four) -> Four:
    """Apply a change to four arrays, once to those that are one and the same."""
    done: dict[int, Pixels] = {}
    for a in at:
        if id(a) not in done:
            done[id(a)] = change(a)
    top, bottom, left, right = (done[id(a)] for a in at)
    return top, bottom, left, right


def _along(shape: tuple[int, ...], axis: int) -> Pixels:
    own = [1] * len(shape)
    own[axis] = shape[axis]
    return np.arange(shape[axis], dtype=np.float32).reshape(own)


def _compressed(a: Pixels) -> Pixels:
    """One entry along each axis on which all are the same."""
    for axis in range(a.ndim):
        if a.shape[axis] > 1:
            first = a.take([0], axis)
            same = (a == first) | (np.isnan(a) & np.isnan(first))
            if same.all():
                a = first
    return a


def _require_few(shape: tuple[int, ...]) -> None:
    if math.prod(shape) > _MOST:
        raise TooManyPlacesError


def _reshaped(a: Pixels, old: tuple[int, ...], new: tuple[int, ...]) -> Pixels:
    if a.size == 1:
        return a.reshape([1] * len(new))
    ends = sorted({*_ends(old), *_ends(new)})
    if any(after % before for before, after in pairwise(ends)):
        _require_few(old)
        return np.broadcast_to(a, old).reshape(new)
    # Axes are split until each part lies within one axis on both sides; only parts that are
    # merged with others have to be written out.
    parts, kept = _split(old, ends), []
    for length, inner in zip(a.shape, parts, strict=True):
        kept += inner if length > 1 else [1] * len(inner)
    fine = a.reshape(kept)
    full = [n for inner in parts for n in inner]
    wide: list[int] = []
    result: list[int] = []
    for inner in _split(new, ends):
        own = range(len(wide), len(wide) + len(inner))
        written = any(kept[k] > 1 for k in own)
        wide += [full[k] if written else 1 for k in own]
        result.append(math.prod(inner) if written else 1)
    _require_few(tuple(wide))
    return np.broadcast_to(fine, wide).reshape(result)


def _ends(shape: tuple[int, ...]) -> list[int]:
    """Number of elements within the last k axes, for each k."""
    return [math.prod(shape[k:]) for k in range(len(shape), -1, -1)]


def _split(shape: tuple[int, ...], ends: Sequence[int]) -> list[list[int]]:
    """Split each axis at all of `ends`; an axis of length one has no parts."""
    result: list[list[int]] = []
    for k in range(len(shape)):
        low, high = math.prod(shape[k + 1 :]), math.prod(shape[k:])
        own = [e for e in reversed(ends) if low <= e <= high]
        result.append([upper // lower for upper, lower in pairwise(own)])
    return result


def _moved_marks(
    old: tuple[int, ...], marks: Sequence[str], new: tuple[int, ...]
) -> tuple[str, ...]:
    """Marks after a reshape: of axes that are still there, and of those of length one."""
    if old == new:
        return tuple(marks)
    left = [[math.prod(old[:k]), n, m] for k, (n, m) in enumerate(zip(old, marks, strict=True))]
    found = []
    for k, length in enumerate(new):
        before = math.prod(new[:k])
        same = [i for i in left if i[0] == before and (i[1] == length or i[2] == "N")]
        found.append(str(same[0][2]) if same else "C")
        if same:
            left.remove(same[0])
    return tuple(found)


def _interpolated(a: Pixels, axis: int, positions: NDArray[np.float64]) -> Pixels:
    length = a.shape[axis]
    if length == 1:
        return a
    low = np.clip(np.floor(positions).astype(np.int64), 0, length - 1)
    low = np.where((low == length - 1) & (positions != length - 1), length - 2, low)
    high = np.minimum(low + 1, length - 1)
    share = (positions - low).astype(np.float32)
    along = [1] * a.ndim
    along[axis] = len(positions)
    first, second = np.take(a, low, axis), np.take(a, high, axis)
    # A position on an entry is that entry, whatever stands beside it.
    share = share.reshape(along)
    between: Pixels = np.where(share == 0, first, first + share * (second - first))
    return between


def _spread(first: Pixels, last: Pixels) -> tuple[Pixels, Pixels]:
    middle = ((first + last) / 2).ravel()
    length = len(middle)
    run = next((k for k in range(1, length) if middle[k] != middle[0]), length)
    if run == 1 or length % run or length == run:
        return first, last
    cells = middle.reshape(-1, run)
    steps = np.diff(cells[:, 0])
    if np.any(cells != cells[:, :1]) or np.any(steps != steps[0]):
        return first, last
    shift = ((np.arange(run) + 0.5) / run - 0.5) * steps[0]
    reach = (last - first) / run / 2
    places = (cells + shift).astype(np.float32).reshape((first + last).shape)
    return places - reach, places + reach


def require_countable(shape: tuple[int, ...]) -> None:
    """Refuse a tensor with an axis so long that its places cannot be listed.

    Raises
    ------
    TooManyPlacesError
        If there is one.
    """
    if max(shape, default=0) > _MOST:
        raise TooManyPlacesError


def most_places(parts: Sequence[Places]) -> Places:
    """The first of those with the most different places."""
    return reduce(lambda one, other: other if _count(other) > _count(one) else one, parts)


def _count(places: Places) -> int:
    return math.prod(max(ns) for ns in zip(*(a.shape for a in places.at), strict=True))
