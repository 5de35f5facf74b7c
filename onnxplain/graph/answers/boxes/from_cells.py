"""Layouts whose boxes count from the cells of scales, where the file does not decode them."""

from __future__ import annotations

from dataclasses import replace

from onnxplain.graph.answers.boxes.cells import Cells
from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.boxes.origins import activated, are_raw
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout

_BOX = 4
YOLOX = (
    "its boxes are offsets that the file does not decode, and are read as those of YOLOX (offsets "
    "from cells of {strides} pixels, logarithms of sizes in cells); if they are others, declare "
    "them in a file beside the model (docs/detectors.md)"
)


def distributed(
    seen: Seen, cells: Cells, boxes: Columns, scores: Columns, count: int
) -> FoundBoxes | str:
    """Read distances from the middles of cells, as distributions over steps.

    Parameters
    ----------
    seen : Seen
        The graph.
    cells : Cells
        Where the candidates stand.
    boxes, scores : Columns
        The scores of the steps, and those of the classes.
    count : int
        Number of classes.

    Returns
    -------
    FoundBoxes or str
        What is missing, as a phrase.
    """
    squashed = _squashed(seen, scores)
    if squashed is None:
        return "some of its scores have a Sigmoid and others have none"
    layout = BoxLayout(boxes, cells.code("dfl"), squashed, count)
    what = f"distances as distributions, and {count} scores, of every cell"
    evidence = f"cells of {_listed(cells)} pixels hold {what}"
    return FoundBoxes(layout, evidence, form_known=True, unit_known=True, scores_known=True)


def like_yolox(seen: Seen, cells: Cells, rows: Columns, width: int) -> FoundBoxes | None:
    """Read what YOLOX writes in front of its decoding: a box, an objectness and scores.

    Nothing but the form of the head tells, so that a doubt is said.
    """
    box, rest = rows.cut(0, _BOX), rows.cut(_BOX, width)
    squashed = _squashed(seen, rest)
    if squashed is None or not are_raw(seen.tracer, box):
        return None
    count = width - _BOX - 1
    layout = BoxLayout(
        box, cells.code("yolox"), squashed.cut(1, width - _BOX), count,
        objectness=squashed.cut(0, 1),
    )  # fmt: skip
    evidence = f"cells of {_listed(cells)} pixels hold a box, an objectness and {count} scores each"
    doubt = YOLOX.format(strides=_listed(cells))
    return FoundBoxes(layout, evidence, True, True, True, doubt=doubt)


def _squashed(seen: Seen, scores: Columns) -> Columns | None:
    """Scores with the Sigmoid that the file may have left out."""
    done = activated(seen.tracer, scores)
    if done is None:
        return None
    return scores if done else replace(scores, squash="sigmoid")


def _listed(cells: Cells) -> str:
    return "/".join(map(str, cells.strides))
