"""A window that steps over the picture, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.changes import WindowChanges
from onnxplain.errors import UsageError
from onnxplain.explanations.products import product
from onnxplain.network.context import Context
from onnxplain.perturb.fills import FILLS, fill
from onnxplain.perturb.inpaint import Inpainting
from onnxplain.perturb.windows import Size

INPAINT = "inpaint"


@dataclass(frozen=True)
class WindowGrid:
    """Every position of a window that steps over a picture.

    Attributes
    ----------
    picture, window, step : (int, int)
        Height and width in pixels.
    """

    picture: Size
    window: Size
    step: Size

    @classmethod
    def fitting(
        cls, picture: Size, window: Size | int | None, stride: Size | int | None
    ) -> WindowGrid:
        """Check the sizes, and choose those that are not given.

        Raises
        ------
        UsageError
            If a window is larger than the picture, or a step than the window.
        """
        eighth = (max(1, picture[0] // 8), max(1, picture[1] // 8))
        size = _pair("window", window, eighth, picture)
        half = (max(1, size[0] // 2), max(1, size[1] // 2))
        return cls(picture, size, _pair("stride", stride, half, size))

    @cached_property
    def rows(self) -> list[tuple[int, int]]:
        """Begin and end of the windows along the height; the last one reaches the border."""
        return _extents(self.picture[0], self.window[0], self.step[0])

    @cached_property
    def columns(self) -> list[tuple[int, int]]:
        """The same along the width."""
        return _extents(self.picture[1], self.window[1], self.step[1])

    @property
    def shape(self) -> Size:
        """Positions along height and width."""
        return len(self.rows), len(self.columns)

    @cached_property
    def windows(self) -> NDArray[np.int64]:
        """All windows, (P, 4), row by row: top, bottom, left, right."""
        rows, columns = np.array(self.rows), np.array(self.columns)
        windows = np.hstack([rows.repeat(len(columns), 0), np.tile(columns, (len(rows), 1))])
        windows.flags.writeable = False  # the same array for everyone who asks
        return windows

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the windows that cover each pixel, (N, P) to (N, H, W)."""
        down = _covering(self.rows, self.picture[0])
        across = _covering(self.columns, self.picture[1])
        count = np.outer(down.sum(axis=1), across.sum(axis=1))
        grids = values.reshape(-1, *self.shape)
        return np.stack([product(product(down, grid), across.T) for grid in grids]) / count


class Contents:
    """What stands in windows: the same other picture everywhere, or made for each window.

    Parameters
    ----------
    context : Context
        Says what black and white are.
    x : (N, ...) array
        The inputs.
    kind : str
        A kind of `onnxplain.perturb.fills.fill`, or ``inpaint``; see `Inpainting`.

    Raises
    ------
    UnknownNameError
        If it is none of these.
    """

    def __init__(self, context: Context, x: NDArray[Any], kind: str) -> None:
        self._x, self._spatial = x, context.network.image.spatial
        self._inpaint = kind == INPAINT
        self._covered = None if self._inpaint else fill(context, x, kind, (*FILLS, INPAINT))

    def of(self, n: int, windows: NDArray[np.int64]) -> WindowChanges:
        """Windows of input n with their contents."""
        if self._covered is not None:
            return WindowChanges.from_picture(windows, self._covered[n], self._spatial)
        inpainting = Inpainting(self._x[n], self._spatial)
        return WindowChanges(windows, lambda k: inpainting.window(windows[k]))


def _covering(extents: list[tuple[int, int]], length: int) -> NDArray[np.float64]:
    """(length, windows) matrix: 1 where a window covers a row or column of pixels."""
    begins, ends = np.array(extents).T
    at = np.arange(length)[:, None]
    return ((begins <= at) & (at < ends)).astype(np.float64)


def _extents(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    # ceil((length - window) / stride) + 1 positions
    positions = -(-(length - window) // stride) + 1
    return [(k * stride, min(k * stride + window, length)) for k in range(positions)]


def _pair(what: str, value: Size | int | None, default: Size, largest: Size) -> Size:
    pair = default if value is None else (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(1 <= v <= m for v, m in zip(pair, largest, strict=True)):
        raise UsageError(
            f"{what} {pair} is out of range; allowed: 1 to {largest[0]} high, "
            f"1 to {largest[1]} wide"
        )
    return (int(pair[0]), int(pair[1]))
