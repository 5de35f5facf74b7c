"""How the outputs of a detector are read."""

from __future__ import annotations

from dataclasses import replace

from onnxplain.graph.answers.boxes.elements import logits_of
from onnxplain.graph.answers.boxes.final_rows import final_rows
from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.boxes.origins import are_offsets
from onnxplain.graph.answers.boxes.scales import UNDECODED, scales
from onnxplain.graph.answers.boxes.separate import separate
from onnxplain.graph.answers.boxes.suppressed import suppressed
from onnxplain.graph.answers.boxes.whole_rows import whole_rows

_NO_FORM = "none of its outputs has a form of boxes that is known"


def find_boxes(seen: Seen) -> FoundBoxes | str:
    """Read the layout of a detector from its graph.

    Returns
    -------
    FoundBoxes or str
        A phrase that says what is missing if it cannot be read.
    """
    problem = ""
    for look in (suppressed, separate, final_rows, whole_rows, scales):
        found = look(seen)
        if isinstance(found, FoundBoxes):
            layout = found.layout
            if (
                layout.labels is None
                and layout.code.is_plain
                and are_offsets(seen.tracer, layout.boxes)
            ):
                return UNDECODED
            logits = logits_of(seen.tracer, found.layout.scores)
            layout = replace(found.layout, logits=logits)
            return replace(found, layout=layout, names=seen.names)
        problem = problem or found or ""
    return problem or _NO_FORM
