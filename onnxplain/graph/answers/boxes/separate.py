"""Boxes, scores and labels as outputs of their own."""

from __future__ import annotations

from dataclasses import replace

from onnxplain.graph.answers.boxes.found import FoundBoxes, Seen
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.graph.answers.part import PROBABLE
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import MOST, BoxLayout, Suppression

_BOX = 4
# Outputs of TensorFlow's detectors, whose boxes have rows before columns.
_TENSORFLOW = "detection_boxes"
# How DETR and its relatives call centres with sizes.
_CENTRED = "pred_boxes"


def separate(seen: Seen) -> FoundBoxes | None:
    """Read boxes [N, M, 4] beside labels and scores [N, M], or beside scores [N, M, K]."""
    # Three classes with a background have four scores, as a box has four numbers.
    for output in sorted(seen.outputs, key=lambda o: unlike_boxes(seen, o)):
        one = output.squeezed
        if one is None or len(one) != 2 or one[1] != _BOX or not output.floating:
            continue
        found = _labelled(seen, output, one[0]) or _scored(seen, output, one[0])
        if found is not None:
            return found
    return None


def unlike_boxes(seen: Seen, output: OutputShape) -> int:
    """Rank outputs by what speaks against boxes: names, and activations."""
    name = output.name.lower()
    if any(word in name for word in ("box", "loc", "coord")):
        return 0
    scored = any(p.kind in PROBABLE for p in seen.tracer.parts(output.name))
    return 2 if scored or any(w in name for w in ("logit", "score", "class", "prob")) else 1


def _labelled(seen: Seen, boxes: OutputShape, count: int | None) -> FoundBoxes | None:
    alike = [
        o
        for o in seen.outputs
        if o is not boxes and o.one is not None and _row(o.one) == (count,) and o.one != ()
    ]
    scores = [o for o in alike if o.floating and not _is_label(seen, o)]
    labels = [o for o in alike if _is_label(seen, o)]
    if len(scores) != 1 or len(labels) != 1:
        return None
    form = "yxyx" if _TENSORFLOW in boxes.name.lower() else "xyxy"
    layout = BoxLayout(
        Columns((boxes.name,), -1, batch_axis=boxes.batch_axis),
        BoxCode(form),  # type: ignore[arg-type]
        _single(scores[0]),
        seen.names,
        labels=_single(labels[0]),
        suppression=Suppression(overlap=None, most=MOST),
    )
    evidence = (
        f"{boxes.name!r} holds boxes, {scores[0].name!r} their scores and {labels[0].name!r} "
        "their labels"
    )
    return FoundBoxes(layout, evidence, form_known=True, scores_known=True)


def _scored(seen: Seen, boxes: OutputShape, count: int | None) -> FoundBoxes | None:
    for other in seen.outputs:
        one = other.squeezed
        if other is boxes or one is None or len(one) != 2 or not other.floating:
            continue
        if one[0] != count and one[1] != count:
            continue
        last = one[0] == count
        width = one[1] if last else one[0]
        if width is None:
            continue
        centred = boxes.name.lower() == _CENTRED
        axis = -1 if last else next(k for k, n in enumerate(other.one or ()) if n == width)
        layout = BoxLayout(
            Columns((boxes.name,), -1, batch_axis=boxes.batch_axis),
            BoxCode("cxcywh" if centred else "xyxy"),
            Columns((other.name,), axis, batch_axis=other.batch_axis),
            width,
        )
        activated = any(p.kind in PROBABLE for p in seen.tracer.parts(other.name))
        evidence = f"{boxes.name!r} holds boxes and {other.name!r} {width} scores of each"
        known = activated and width == seen.names
        if centred and not activated and seen.names and width == seen.names + 1:
            scores = replace(layout.scores, squash="softmax")
            layout = replace(layout, scores=scores, count=seen.names, background=seen.names)
            evidence += f", a Softmax of {seen.names} names and 'no object', as DETR has it"
            known = True
        return FoundBoxes(layout, evidence, form_known=centred, scores_known=known)
    return None


def _row(one: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """One input's axes, of which all but one may have length one."""
    longer = tuple(n for n in one if n != 1)
    return longer if longer else one[-1:]


def _single(output: OutputShape) -> Columns:
    """A number of each candidate that stands on an axis of its own."""
    one = output.one or ()
    axis = len(one) - 1 if len(one) > 1 and one[-1] == 1 else len(one)
    return Columns((output.name,), axis, batch_axis=output.batch_axis, alone=axis == len(one))


def _is_label(seen: Seen, output: OutputShape) -> bool:
    if not output.floating:
        return True
    name = output.name.lower()
    if any(w in name for w in ("score", "prob", "conf")):
        return False
    if any(w in name for w in ("class", "label")):
        return True
    nodes = [p.node for p in seen.tracer.parts(output.name) if p.kind == "select"]
    return bool(nodes) and all(n is not None and n.op_type == "ArgMax" for n in nodes)
