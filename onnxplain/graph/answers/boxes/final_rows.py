"""One output with a row for each box: its sides, its score and its label."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.boxes.joined import joined_parts
from onnxplain.graph.answers.boxes.whole_rows import left_aside
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import MOST, BoxLayout, Suppression

# Box, score, label; with the number of the picture in front, or something else after them.
_PLAIN, _NUMBERED = 6, 7


@dataclass(frozen=True)
class _Order:
    """First columns of the box, the score and the label."""

    box: int
    score: int
    label: int

    @property
    def words(self) -> str:
        """What stands in which order."""
        named = (
            (self.box, "left, top, right, bottom"),
            (self.score, "score"),
            (self.label, "label"),
        )
        ranked = [what for _, what in sorted(named)]
        number = "number of the picture, " if min(self.box, self.score, self.label) == 1 else ""
        return f"{number}{', '.join(ranked[:-1])} and {ranked[-1]}"


_BOX_FIRST = (_Order(0, 4, 5), _Order(0, 5, 4))
_BOX_LAST = (_Order(2, 1, 0), _Order(2, 0, 1))
_BEHIND_NUMBER = (_Order(1, 6, 5), _Order(1, 5, 6), _Order(3, 2, 1))


def final_rows(seen: Seen) -> FoundBoxes | None:
    """Read [N, M, 6], or [M, 7] and [N, 1, M, 7] with the number of the picture in front.

    In which order box, score and label follow each other is a matter of the file's origin: what
    the graph does not tell is settled by what the columns hold.
    """
    for output in seen.outputs:
        one = output.one
        if not one or not output.floating or one[-1] is None or one[-1] < _PLAIN:
            continue
        if any(n != 1 for n in one[:-2]) or (len(one) < 2 and output.batch_axis is None):
            continue
        orders = _orders(seen, output, one[-1])
        if not orders:
            continue
        rows = Columns((output.name,), -1, batch_axis=output.batch_axis)
        if len(one) == 1:  # the rows of all pictures stand on one axis
            rows = replace(rows, batch_axis=None)
        after = one[-1] - _PLAIN if orders[0].box == 0 else 0
        found = [_read(seen, output, rows, order, left_aside(output, after)) for order in orders]
        return replace(found[0], others=tuple(found[1:]))
    return None


def _orders(seen: Seen, output: OutputShape, width: int) -> tuple[_Order, ...]:
    """What is possible, the most usual first."""
    parts = joined_parts(seen, output, width)
    if parts[:3] == (4, 1, 1):
        return _BOX_FIRST
    if width == _PLAIN:
        return _BOX_LAST if parts == (1, 1, 4) else (*_BOX_FIRST, *_BOX_LAST)
    if width != _NUMBERED:
        return ()
    if "DetectionOutput" in {n.op_type for n in seen.tracer.graph.nodes}:
        return (_BEHIND_NUMBER[2],)
    return _BEHIND_NUMBER


def _read(seen: Seen, output: OutputShape, rows: Columns, order: _Order, doubt: str) -> FoundBoxes:
    layout = BoxLayout(
        rows.cut(order.box, order.box + 4), BoxCode("xyxy"),
        rows.cut(order.score, order.score + 1), seen.names,
        labels=rows.cut(order.label, order.label + 1),
        suppression=Suppression(overlap=None, most=MOST),
    )  # fmt: skip
    evidence = f"each row of output {output.name!r} is taken for {order.words}"
    return FoundBoxes(layout, evidence, form_known=True, scores_known=True, doubt=doubt)
