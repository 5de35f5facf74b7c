"""One output that holds boxes and all class scores of every candidate."""

from __future__ import annotations

import math

from onnxplain.graph.answers.boxes.cells import USUAL, Cells, scales_of
from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.boxes.from_cells import distributed, like_yolox
from onnxplain.graph.answers.boxes.joined import joined_parts
from onnxplain.graph.answers.boxes.origins import activated
from onnxplain.graph.answers.boxes.split_rows import split_rows
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout

_BOX, _SPREAD = 4, 64


def whole_rows(seen: Seen) -> FoundBoxes | str | None:
    """Read [N, 4 + K, P], [N, P, 4 + K] or [N, P, 5 + K].

    Returns
    -------
    FoundBoxes, str or None
        What is missing, as a phrase, if there is such an output that cannot be read; ``None``
        if there is none.
    """
    for output in seen.outputs:
        axis = _axis(output)
        if axis is None:
            continue
        width = output.known[axis] if output.known else 0
        rows = Columns((output.name,), axis, batch_axis=output.batch_axis)
        parts = joined_parts(seen, output, width)
        cells = _cells(seen, output, axis)
        count = width - _SPREAD
        if cells is not None and count in (seen.names, *parts[1:2]) and count > 0:
            return distributed(seen, cells, rows.cut(0, _SPREAD), rows.cut(_SPREAD, width), count)
        split = split_rows(seen, output, rows, width, parts)
        if split is None:
            return (
                f"output {output.name!r} holds {width} numbers for each of its candidates, and "
                "nothing says whether the fifth is an objectness or a class, or how many classes "
                "there are"
            )
        first, count = _BOX + split.objects, split.count
        if cells is not None and split.objects and first + count == width:
            undecoded = like_yolox(seen, cells, rows, width)
            if undecoded is not None:
                return undecoded
        scores = rows.cut(first, first + count)
        layout = BoxLayout(
            rows.cut(0, _BOX), BoxCode("cxcywh"), scores, count,
            objectness=rows.cut(_BOX, _BOX + 1) if split.objects else None,
        )  # fmt: skip
        what = "4 numbers of a box" + (", an objectness" if split.objects else "")
        evidence = f"output {output.name!r} holds {what} and {count} scores of each candidate"
        known = activated(seen.tracer, scores) is True
        aside = left_aside(output, width - first - count)
        return FoundBoxes(layout, f"{evidence} ({split.why})", scores_known=known, doubt=aside)
    return None


def left_aside(output: OutputShape, count: int) -> str:
    """Say that numbers behind box and scores are not explained; empty if there are none."""
    if not count:
        return ""
    turned = "; if it is an angle, the sides are those of the box before it is turned"
    return (
        f"output {output.name!r} holds {count} more number{'s' * (count > 1)} of each candidate, "
        "such as key points or the coefficients of a mask: they are left aside, and boxes alone "
        f"are explained{turned if count == 1 else ''}"
    )


def _cells(seen: Seen, output: OutputShape, axis: int) -> Cells | None:
    """The usual scales, if there is one candidate for each of their cells."""
    cells = scales_of(seen.image.size, USUAL)
    places = math.prod(output.known or ()) // (output.known or (0,))[axis]
    return cells if places == sum(cells.count(k) for k in range(len(USUAL))) else None


def _axis(output: OutputShape) -> int | None:
    """Axis of the numbers of a candidate: the shorter of two."""
    one = output.known
    if one is None or not output.floating:
        return None
    longer = [k for k, n in enumerate(one) if n > 1]
    if len(longer) != 2:
        return None
    short = min(longer, key=lambda k: one[k])
    other = sum(longer) - short
    return short if one[short] > _BOX and one[other] > one[short] else None
