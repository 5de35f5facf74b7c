"""Maps at several scales with the numbers of every cell's candidates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout

_BOX, _BINS = 4, 16
_STRIDES = (8, 16, 32, 64, 128)


def scales(seen: Seen) -> FoundBoxes | str | None:
    """Read maps of 4 * 16 + K channels (distances as distributions), one for each scale.

    Maps with anchors of their own cannot be read without them.

    Returns
    -------
    FoundBoxes, str or None
        See `whole_rows`.
    """
    maps = [o for o in seen.outputs if o.known is not None and len(o.known) in (3, 4)]
    if len(maps) < 2:
        return None
    if any(len(o.known or ()) == 4 for o in maps):
        return _ANCHORS
    by_size = sorted(maps, key=lambda o: -math.prod((o.known or ())[1:]))
    axis = 0 if seen.image.layout == "NCHW" else -1
    widths = {(o.known or ())[axis] for o in by_size}
    sizes = [_size(o, axis) for o in by_size]
    strides = [_stride(seen, size) for size in sizes]
    if len(widths) != 1 or None in strides or len(set(strides)) != len(strides):
        return "its maps are not one for each scale"
    width = widths.pop()
    count = seen.names
    if not count or width != _BOX * _BINS + count:
        return _ANCHORS  # so many channels may as well be three boxes of a cell
    tensors = tuple(o.name for o in by_size)
    rows = Columns(tensors, axis, batch_axis=by_size[0].batch_axis)
    points, cells = grid(sizes, [s for s in strides if s is not None])
    layout = BoxLayout(
        rows.cut(0, _BOX * _BINS),
        BoxCode("dfl", points=points + cells / 2, strides=cells),
        replace(rows.cut(_BOX * _BINS, None), squash="sigmoid"),
        count,
    )
    what = f"distances as distributions over {_BINS} steps, and {count} scores, of every cell"
    return FoundBoxes(layout, f"maps of strides {strides} hold {what}", True, True, True)


def grid(
    sizes: Sequence[tuple[int, int]], strides: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the upper left corner of every cell, (2, P), and the cells' sizes, (P,), in pixels."""
    points, cells = [], []
    for (rows, columns), stride in zip(sizes, strides, strict=True):
        y, x = np.mgrid[:rows, :columns] * float(stride)
        points.append(np.stack([x.ravel(), y.ravel()]))
        cells.append(np.full(rows * columns, float(stride)))
    return np.concatenate(points, axis=1), np.concatenate(cells)


_ANCHORS = (
    "its maps hold offsets from anchors, which the file does not name; export it with its "
    "decoding, or declare the layout of a decoded output"
)


def _size(output: OutputShape, axis: int) -> tuple[int, int]:
    one = output.known or ()
    rows, columns = one[1:] if axis == 0 else one[:2]
    return rows, columns


def _stride(seen: Seen, size: tuple[int, int]) -> int | None:
    for stride in _STRIDES:
        if all(math.ceil(n / stride) == m for n, m in zip(seen.image.size, size, strict=True)):
            return stride
    return None
