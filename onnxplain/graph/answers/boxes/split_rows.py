"""Which of a candidate's numbers are its objectness, and which are scores of classes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from onnxplain.graph.answers.boxes.cells import USUAL, scales_of
from onnxplain.graph.answers.boxes.found import Seen
from onnxplain.graph.answers.boxes.origins import activated
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.columns import Columns

_BOX = 4
# Boxes of a cell in detectors with anchors.
_ANCHORS = 3


@dataclass(frozen=True)
class Split:
    """How the numbers after a box are divided.

    Attributes
    ----------
    objects : int
        1 if an objectness comes first.
    count : int
        Scores of classes; what follows them is neither.
    why : str
        A phrase.
    """

    objects: int
    count: int
    why: str


def split_rows(
    seen: Seen, output: OutputShape, rows: Columns, width: int, parts: tuple[int, ...]
) -> Split | None:
    """Divide the numbers of a candidate, as names and joined parts tell; ``None`` if neither does.

    Parameters
    ----------
    seen, output
        The graph, and the output that holds all candidates.
    rows : Columns
        Its numbers.
    width : int
        How many there are of a candidate.
    parts : tuple of int
        See `joined_parts`.
    """
    names, joined = seen.names, "joined of " + ", ".join(map(str, parts))
    if names:
        if width == _BOX + names:
            return Split(0, names, f"{names} names in the file")
        if width == _BOX + 1 + names:
            return _one_more(seen, output, rows, parts)
        if width < _BOX + names:
            return None
    if parts[:2] == (2, 2) and sum(parts) == width and len(parts) == 3:
        # Centres, sizes, and everything that has a Sigmoid.
        return None if names else Split(1, width - _BOX - 1, joined)
    if parts[:1] == (_BOX,) and len(parts) > 1:
        return _after_box(seen, rows, width, parts, joined)
    if names or activated(seen.tracer, rows.cut(_BOX, width)) is not True:
        return None
    if activated(seen.tracer, rows.cut(0, _BOX)):
        return None
    known = output.known or ()
    first = rows.axis < len(known) - 1
    if first:
        # A Sigmoid on all but the box: channels first is one form, candidates first the other.
        return Split(0, width - _BOX, "scores after the box, channels first")
    cells = scales_of(seen.image.size, USUAL)
    places = _ANCHORS * sum(cells.count(k) for k in range(len(USUAL)))
    if math.prod(known) == width * places:
        return Split(1, width - _BOX - 1, f"{_ANCHORS} boxes of every cell")
    return None


def _one_more(
    seen: Seen, output: OutputShape, rows: Columns, parts: tuple[int, ...]
) -> Split | None:
    """One number more than names: an objectness in front of the scores, or an angle after them."""
    names = seen.names
    width = _BOX + 1 + names
    split = Split(1, names, f"{names} names in the file")
    whole = activated(seen.tracer, rows.cut(_BOX, width))
    scored = activated(seen.tracer, rows.cut(_BOX, _BOX + names))
    without = replace(split, objects=0)
    if parts[:2] == (_BOX, names) and (names > 1 or (scored and not whole)):
        return without
    if parts[:2] == (_BOX, 1) or whole:
        return split
    if whole is None:
        return without if scored else None
    # Without a Sigmoid nothing but the order of the axes tells one form from the other.
    return split if rows.axis == len(output.known or ()) - 1 else None


def _after_box(
    seen: Seen, rows: Columns, width: int, parts: tuple[int, ...], joined: str
) -> Split | None:
    """A box is joined with its scores: of classes, or first an objectness."""
    second, rest = parts[1], width - _BOX - parts[1]
    if not rest:
        return Split(0, second, joined)
    whole = activated(seen.tracer, rows.cut(_BOX + second, width))
    if seen.names and second == seen.names:
        return Split(0, second, f"{second} names in the file")
    if seen.names:
        return None
    if second == 1 and whole and len(parts) == 3:
        return Split(1, rest, joined)
    scores = activated(seen.tracer, rows.cut(_BOX, _BOX + second))
    if scores and not whole and (second > 1 or whole is None or len(parts) == 3):
        return Split(0, second, joined)
    return None
