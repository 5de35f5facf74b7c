"""Inputs that differ from a base input inside of one window each.

Occlusion, prediction difference analysis and window-wise metrics ask for the scores of
hundreds of such inputs. To say so, rather than to hand over finished inputs, lets an
adapter compute only what a window can change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError, UsageError

Array = NDArray[Any]
Engine = Literal["auto", "incremental", "brute-force"]
# Positions whose results are handed over: their indices, and the named tensors for them.
Block = tuple[NDArray[np.int64], dict[str, Array]]


def engine_named(name: str) -> Engine:
    """Return the engine of that name.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    for engine in get_args(Engine):
        if engine == name:
            return engine
    raise UnknownNameError(
        "engine", name, get_args(Engine), f"allowed: {', '.join(get_args(Engine))}"
    )


@dataclass(frozen=True)
class WindowChanges:
    """One window and its new content for each changed input.

    Attributes
    ----------
    windows : (P, 4) int array
        Top, bottom, left, right in pixels of the model's input; half-open, not empty.
    content : callable
        ``content(k)`` is the base input's value inside of window k: shape
        (C, bottom - top, right - left), or channels last if the model takes them so. It is
        called once or more for each window, in any order.
    picture : (C, H, W) or (H, W, C) array, optional
        What every window shows at its own place, if that is one picture.
    """

    windows: NDArray[np.int64]
    content: Callable[[int], Array]
    picture: Array | None = None

    def __post_init__(self) -> None:
        windows = np.asarray(self.windows)
        top, bottom, left, right = windows.reshape(-1, 4).T
        fits = (top >= 0) & (top < bottom) & (left >= 0) & (left < right)
        if windows.ndim != 2 or not fits.all():
            raise UsageError("windows are rows of (top, bottom, left, right), none of them empty")

    def __len__(self) -> int:
        return len(self.windows)

    @classmethod
    def from_picture(
        cls, windows: NDArray[np.int64], picture: Array, spatial: tuple[int, int]
    ) -> WindowChanges:
        """Windows that show another picture.

        Parameters
        ----------
        windows : (P, 4) int array
            As above.
        picture : (C, H, W) or (H, W, C) array
            What is seen inside of every window, at its own place.
        spatial : (int, int)
            Axes of height and width in `picture`.
        """
        rows = windows.tolist()  # Python's own numbers make slices faster
        return cls(windows, lambda k: picture[inside(rows[k], spatial)], picture)


@dataclass(frozen=True)
class WindowRun:
    """The results for `WindowChanges`, block by block.

    Attributes
    ----------
    engine : mapping
        How they are computed, as plain data for the record: ``name``, and what led to it.
    blocks : iterator of (indices, tensors)
        Every position comes once; computed while it is iterated, so that memory stays
        bounded.
    """

    engine: Mapping[str, Any]
    blocks: Iterator[Block]


_ALL = (slice(None),) * 8


def inside(
    window: NDArray[np.int64] | Sequence[int], spatial: tuple[int, int]
) -> tuple[slice, ...]:
    """Index of a window in an array whose height and width are at the axes `spatial`."""
    top, bottom, left, right = window
    return piece(slice(top, bottom), slice(left, right), spatial)


def piece(rows: slice, columns: slice, spatial: tuple[int, int]) -> tuple[slice, ...]:
    """Index of rows and columns in an array whose height and width are at the axes `spatial`."""
    first, second = spatial
    if second == first + 1:  # nearly always, and asked some times for each window
        return (*_ALL[:first], rows, columns)
    place = [slice(None)] * (max(spatial) + 1)
    place[first], place[second] = rows, columns
    return tuple(place)


def changed_inputs(
    base: Array, changes: WindowChanges, indices: Sequence[int], spatial: tuple[int, int]
) -> Array:
    """Whole inputs, as an array of one more axis in front.

    Parameters
    ----------
    base : (C, H, W) or (H, W, C) array
        The unchanged input.
    changes : WindowChanges
        The windows.
    indices : sequence of int
        Which of them.
    spatial : (int, int)
        Axes of height and width in `base`.
    """
    batch = np.repeat(base[None], len(indices), axis=0)
    write_windows(batch, changes, indices, spatial)
    return batch


def write_windows(
    inputs: Array, changes: WindowChanges, indices: Sequence[int], spatial: tuple[int, int]
) -> list[tuple[slice, ...]]:
    """Write one window into each of some whole inputs, and return where they are."""
    windows = changes.windows[np.asarray(indices, np.int64)].tolist()
    places = [inside(window, spatial) for window in windows]
    shown = changes.picture
    for changed, place, k in zip(inputs, places, indices, strict=True):
        changed[place] = changes.content(k) if shown is None else shown[place]
    return places


def gathered(blocks: Iterator[Block], most: int = 1 << 16) -> Iterator[Block]:
    """Join blocks of few numbers, so that they are read seldom.

    Not for files that tell inputs apart by runs alone: their tensors have other first axes.

    Parameters
    ----------
    blocks : iterator of (indices, tensors)
        Of one `WindowRun`.
    most : int
        Numbers from which on a block is handed over. One whose tensors do not hold the windows on
        their first axis stays as it is.
    """
    kept: list[Block] = []
    numbers = 0
    for indices, tensors in blocks:
        if any(v.ndim == 0 or len(v) != len(indices) for v in tensors.values()):
            yield indices, tensors
            continue
        kept.append((indices, tensors))
        numbers += sum(v.size for v in tensors.values())
        if numbers >= most:
            yield _joined(kept)
            kept, numbers = [], 0
    if kept:
        yield _joined(kept)


def _joined(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    found = [tensors for _, tensors in blocks]
    joined = {n: np.concatenate([tensors[n] for tensors in found]) for n in found[0]}
    return np.concatenate([indices for indices, _ in blocks]), joined
