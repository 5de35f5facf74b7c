"""One output that holds boxes and all class scores of every candidate."""

from __future__ import annotations

from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.detector_rows import joined_lengths
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.graph.answers.part import PROBABLE
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout

_BOX = 4


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
        split = _split(seen, output, width)
        if split is None:
            return (
                f"output {output.name!r} holds {width} numbers for each of its candidates, and "
                "nothing says whether the fifth is an objectness or a class"
            )
        objects, why = split
        rows = Columns((output.name,), axis, batch_axis=output.batch_axis)
        first = _BOX + objects
        layout = BoxLayout(
            rows.cut(0, _BOX),
            BoxCode("cxcywh"),
            rows.cut(first, first + (seen.names or width - first)),
            seen.names or width - first,
            objectness=rows.cut(_BOX, _BOX + 1) if objects else None,
        )
        count = layout.count
        parts = "4 numbers of a box" + (", an objectness" if objects else "")
        evidence = f"output {output.name!r} holds {parts} and {count} scores of each candidate"
        return FoundBoxes(layout, f"{evidence} ({why})", scores_known=_activated(seen, output))
    return None


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


def _split(seen: Seen, output: OutputShape, width: int) -> tuple[int, str] | None:
    """Number of objectness columns, and why."""
    if seen.names:
        for objects in (0, 1):
            if width == _BOX + objects + seen.names:
                return objects, f"{seen.names} names in the file"
        # Key points, angles or coefficients of masks follow the classes.
        lengths = joined_lengths(seen.tracer.graph, seen.tracer, output.name)
        if width > _BOX + seen.names and lengths[:2] in ((_BOX, seen.names), (_BOX, 1)):
            return 0, f"{seen.names} names in the file"
    lengths = joined_lengths(seen.tracer.graph, seen.tracer, output.name)
    if lengths[:2] == (_BOX, width - _BOX):
        return 0, f"joined of {_BOX} and {lengths[1]}"
    if lengths[:2] == (_BOX, 1) and sum(lengths) == width and len(lengths) == 3:
        return 1, "joined of " + ", ".join(map(str, lengths))
    if lengths[:2] == (2, 2) and sum(lengths) == width:
        # Centres, sizes, and everything that has a Sigmoid.
        return 1, "joined of " + ", ".join(map(str, lengths))
    scored = _scored(seen, output, width)
    if scored == width - _BOX:
        # A Sigmoid on all but the box: channels first is one form, candidates first the other.
        axis = _axis(output)
        first = axis is not None and output.known is not None and axis < len(output.known) - 1
        return (0, "scores after the box, channels first") if first else None
    return None


def _scored(seen: Seen, output: OutputShape, width: int) -> int:
    """How many numbers of a candidate are activated."""
    total = sum(
        0 if p.slots is None else len(p.slots)
        for p in seen.tracer.parts(output.name)
        if p.kind in PROBABLE and p.plain
    )
    known = output.known or ()
    rest = 1
    for n in known:
        rest *= n
    return total * width // rest if rest else 0


def _activated(seen: Seen, output: OutputShape) -> bool:
    return any(p.kind in PROBABLE for p in seen.tracer.parts(output.name))
