"""Maps at several scales with the numbers of every cell's candidates."""

from __future__ import annotations

from dataclasses import dataclass

from onnxplain.graph.answers.boxes.cells import Cells, stride_of
from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.boxes.from_cells import distributed, like_yolox
from onnxplain.graph.answers.boxes.joined import joined_parts
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.columns import Columns

_BOX, _BINS = 4, 16
_SPREAD = _BOX * _BINS

UNDECODED = (
    "its boxes are offsets from cells or anchors, which the file does not decode: export it with "
    "its decoding, or say what they mean"
)


@dataclass(frozen=True)
class _Level:
    """The maps of one scale: by their number of channels."""

    stride: int
    size: tuple[int, int]
    maps: dict[int, OutputShape]


def scales(seen: Seen) -> FoundBoxes | str | None:
    """Read maps with distances as distributions beside scores, or those of YOLOX.

    Boxes and scores stand in one map of each scale, or in two. Maps with anchors of their own
    cannot be read without them.

    Returns
    -------
    FoundBoxes, str or None
        See `whole_rows`.
    """
    maps = [o for o in seen.outputs if o.known is not None and len(o.known) in (3, 4)]
    if len(maps) < 2:
        return None
    if any(len(o.known or ()) == 4 for o in maps):
        return UNDECODED
    axis = 0 if seen.image.layout == "NCHW" else -1
    levels = _levels(seen, maps, axis)
    if levels is None:
        return "its scales do not have the same maps"
    cells = Cells(tuple(level.size for level in levels), tuple(level.stride for level in levels))
    widths = sorted(levels[0].maps)
    columns = {w: _columns([level.maps[w] for level in levels], axis) for w in widths}
    if len(widths) == 2 and _SPREAD in widths:
        count = sum(widths) - _SPREAD
        return distributed(seen, cells, columns[_SPREAD], columns[count], count)
    if len(widths) != 1:
        return UNDECODED
    (width,) = widths
    rows = columns[width]
    parts = joined_parts(seen, levels[0].maps[width], width)
    if width - _SPREAD in (seen.names, *parts[1:2]) and parts[:1] in ((), (_SPREAD,)):
        count = width - _SPREAD
        return distributed(seen, cells, rows.cut(0, _SPREAD), rows.cut(_SPREAD, width), count)
    if parts[:2] == (_BOX, 1) and len(parts) == 3:
        return like_yolox(seen, cells, rows, width) or UNDECODED
    return UNDECODED


def _columns(maps: list[OutputShape], axis: int) -> Columns:
    return Columns(tuple(m.name for m in maps), axis, batch_axis=maps[0].batch_axis)


def _levels(seen: Seen, maps: list[OutputShape], axis: int) -> list[_Level] | None:
    """Maps by their scale, the finest first; ``None`` if scales differ in what they have."""
    found: dict[int, _Level] = {}
    for output in maps:
        one = output.known or ()
        size = (one[1], one[2]) if axis == 0 else (one[0], one[1])
        stride, width = stride_of(seen.image.size, size), one[axis]
        if stride is None:
            return None
        level = found.setdefault(stride, _Level(stride, size, {}))
        if width in level.maps:
            return None
        level.maps[width] = output
    levels = [found[s] for s in sorted(found)]
    alike = len(levels) > 1 and all(set(x.maps) == set(levels[0].maps) for x in levels)
    batches = {m.batch_axis for m in maps}
    return levels if alike and len(batches) == 1 else None
