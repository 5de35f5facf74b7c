"""One output with a row for each box: its sides, its score and its label."""

from __future__ import annotations

from dataclasses import replace

from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout, Suppression

# Box, score, label; with the number of the picture in front, it is a matter of the file's
# origin in which order the others follow.
_PLAIN, _NUMBERED = 6, 7


def final_rows(seen: Seen) -> FoundBoxes | None:
    """Read [N, M, 6], or [M, 7] and [N, 1, M, 7] with the number of the picture in front."""
    for output in seen.outputs:
        one = output.one
        if not one or not output.floating or one[-1] not in (_PLAIN, _NUMBERED):
            continue
        if any(n != 1 for n in one[:-2]) or (len(one) < 2 and output.batch_axis is None):
            continue
        rows = Columns((output.name,), -1, batch_axis=output.batch_axis)
        if len(one) == 1:  # the rows of all pictures stand on one axis
            rows = replace(rows, batch_axis=None)
        suppression = Suppression(overlap=None)
        if one[-1] == _PLAIN:
            layout = BoxLayout(
                rows.cut(0, 4), BoxCode("xyxy"), rows.cut(4, 5), seen.names,
                labels=rows.cut(5, 6), suppression=suppression,
            )  # fmt: skip
            what = "left, top, right, bottom, score and label"
        elif "DetectionOutput" in {n.op_type for n in seen.tracer.graph.nodes}:
            layout = BoxLayout(
                rows.cut(3, 7), BoxCode("xyxy"), rows.cut(2, 3), seen.names,
                labels=rows.cut(1, 2), suppression=suppression,
            )  # fmt: skip
            what = "number of the picture, label, score, left, top, right and bottom"
        else:
            layout = BoxLayout(
                rows.cut(1, 5), BoxCode("xyxy"), rows.cut(6, 7), seen.names,
                labels=rows.cut(5, 6), suppression=suppression,
            )  # fmt: skip
            what = "number of the picture, left, top, right, bottom, label and score"
        evidence = f"each row of output {output.name!r} is taken for {what}"
        return FoundBoxes(layout, evidence, form_known=True, scores_known=True)
    return None
