"""Cells of a detector's scales, and the anchors that stand in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.targets.boxes.codes import FROM_MIDDLES, BoxCode, FromCells

Size = tuple[int, int]
# Widths and heights of the anchors of one scale after the other, in pixels.
Anchors = Sequence[Sequence[Sequence[float]]]
STRIDES = (4, 8, 16, 32, 64, 128)
USUAL = (8, 16, 32)
# What the authors trained on COCO with; other files may have any.
USUAL_ANCHORS: dict[str, Anchors] = {
    "YOLOv5": (
        ((10, 13), (16, 30), (33, 23)),
        ((30, 61), (62, 45), (59, 119)),
        ((116, 90), (156, 198), (373, 326)),
    ),
    "YOLOv7": (
        ((12, 16), (19, 36), (40, 28)),
        ((36, 75), (76, 55), (72, 146)),
        ((142, 110), (192, 243), (459, 401)),
    ),
    "tiny YOLOv3": (
        ((10, 14), (23, 27), (37, 58)),
        ((81, 82), (135, 169), (344, 319)),
    ),
}


@dataclass(frozen=True)
class Cells:
    """The scales that candidates stand on, in their order.

    Attributes
    ----------
    sizes : tuple of (int, int)
        Rows and columns of cells of each scale.
    strides : tuple of int
        Pixels of a cell.
    anchors : Anchors, optional
        Of each scale; without them a cell has one candidate.
    innermost : bool
        Whether the candidates of a cell follow each other, rather than the cells of an anchor.
    """

    sizes: tuple[Size, ...]
    strides: tuple[int, ...]
    anchors: Anchors | None = None
    innermost: bool = False

    def each(self, scale: int) -> int:
        """Candidates of a cell."""
        return 1 if self.anchors is None else len(self.anchors[scale])

    def count(self, scale: int) -> int:
        """Candidates of a scale."""
        return math.prod(self.sizes[scale]) * self.each(scale)

    def code(self, form: FromCells, *, in_pixels: bool = False) -> BoxCode:
        """Return what numbers of a form mean; distances count pixels, or cells."""
        points, strides, anchors = [], [], []
        for k, ((rows, columns), stride) in enumerate(zip(self.sizes, self.strides, strict=True)):
            shift = stride / 2 if form in FROM_MIDDLES else 0.0
            y, x = np.mgrid[:rows, :columns] * float(stride) + shift
            points.append(self._spread(np.stack([x.ravel(), y.ravel()]), self.each(k)))
            strides.append(np.full(self.count(k), 1.0 if in_pixels else float(stride)))
            if self.anchors is not None:
                own = np.array(self.anchors[k], float).T
                cells = rows * columns
                wide = np.tile(own, cells) if self.innermost else np.repeat(own, cells, axis=1)
                anchors.append(wide)
        joined = np.concatenate(anchors, axis=1) if anchors else None
        where = np.concatenate(points, axis=1), np.concatenate(strides)
        return BoxCode(form, (1.0, 1.0), *where, joined)

    def _spread(self, points: NDArray[np.float64], each: int) -> NDArray[np.float64]:
        return np.repeat(points, each, axis=1) if self.innermost else np.tile(points, each)


def stride_of(picture: Size, size: Sequence[int]) -> int | None:
    """How many pixels of a picture a cell of a map covers along each side."""
    for stride in STRIDES:
        if tuple(size) == cells_of(picture, stride):
            return stride
    return None


def cells_of(picture: Size, stride: int) -> Size:
    """Rows and columns of cells of a stride."""
    rows, columns = (math.ceil(n / stride) for n in picture)
    return rows, columns


def scales_of(picture: Size, strides: Sequence[int], anchors: Anchors | None = None) -> Cells:
    """Return the cells of strides in a picture."""
    sizes = tuple(cells_of(picture, s) for s in strides)
    return Cells(sizes, tuple(strides), anchors)
