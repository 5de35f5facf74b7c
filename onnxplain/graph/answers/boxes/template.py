"""A declaration of boxes to be filled in, for a detector whose boxes are not recognised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onnxplain.graph.answers.boxes.cells import USUAL, USUAL_ANCHORS, scales_of, stride_of
from onnxplain.graph.answers.boxes.found import Seen
from onnxplain.graph.answers.boxes.origins import activated
from onnxplain.graph.answers.boxes.separate import unlike_boxes
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.columns import Columns

_BOX, _ANCHORS = 4, 3
_OWN = "it is a start, not an answer: compare the boxes with what the model's own code draws"


@dataclass(frozen=True)
class Template:
    """What a side file may say of boxes.

    Attributes
    ----------
    boxes : dict
        See `declared_boxes`.
    advice : tuple of str
        What a person has to check, one sentence each.
    """

    boxes: dict[str, Any]
    advice: tuple[str, ...]


def template_of(seen: Seen) -> Template | None:
    """Return what is most plausible for outputs of such shapes; ``None`` if nothing is."""
    known = [o for o in seen.outputs if o.known is not None and o.floating]
    return _of_maps(seen, known) or _apart(seen, known) or _together(seen, known)


def _of_maps(seen: Seen, known: Sequence[OutputShape]) -> Template | None:
    """One map of each scale: with anchors, or distances to the sides."""
    best: tuple[int, int, dict[int, tuple[OutputShape, int]]] | None = None
    for axis in range(max((len(o.known or ()) for o in known), default=0)):
        levels = _levels(seen, known, axis)
        widths = {(o.known or ())[axis] for o, _ in levels.values()}
        # The same numbers at each scale; they outnumber the anchors.
        if len(levels) > 1 and len(widths) == 1 and (best is None or max(widths) > best[0]):
            best = (widths.pop(), axis, levels)
    if best is None or best[0] <= _BOX:
        return None
    width, axis, levels = best
    strides = sorted(levels)
    outputs, each = [levels[s][0] for s in strides], levels[strides[0]][1]
    if not each and width % _ANCHORS == 0 and width != _BOX + seen.names:
        each, width = _ANCHORS, width // _ANCHORS
    names = [o.name for o in outputs]
    if not each:
        return _filled(seen, names, outputs, axis, width, "ltrb", strides)
    return _filled(seen, names, outputs, axis, width, "yolov5", strides, each)


def _levels(
    seen: Seen, known: Sequence[OutputShape], axis: int
) -> dict[int, tuple[OutputShape, int]]:
    """By stride, maps with their numbers on an axis, and the anchors that have one as well."""
    found: dict[int, tuple[OutputShape, int]] = {}
    for output in known:
        rest = tuple(n for k, n in enumerate(output.known or ()) if k != axis)
        for size, each in ((rest[-2:], rest[:-2]), (rest[:2], rest[2:])):
            stride = stride_of(seen.image.size, size) if len(size) == 2 else None
            if stride is not None and len(each) < 2 and axis < len(output.known or ()):
                found.setdefault(stride, (output, each[0] if each else 0))
    return found


def _apart(seen: Seen, known: Sequence[OutputShape]) -> Template | None:
    """Boxes beside scores."""
    for boxes in sorted(known, key=lambda o: unlike_boxes(seen, o)):
        one = boxes.squeezed or ()
        others = [o for o in known if o is not boxes and (o.squeezed or ())[:1] == one[:1]]
        if len(one) != 2 or one[1] != _BOX or not others:
            continue
        squashed = activated(seen.tracer, Columns((boxes.name,), batch_axis=boxes.batch_axis))
        unit = "shares" if squashed else "pixels"
        scores = max(others, key=lambda o: len(o.squeezed or ()))
        width = (scores.squeezed or ())[1:2]
        said: dict[str, Any] = {"tensor": scores.name, "axis": -1 if width else None}
        if width and width[0]:
            said |= {"columns": [0, width[0]], "activation": "softmax", "background": width[0] - 1}
        else:
            labels = next((o.name for o in seen.outputs if o not in (boxes, scores)), "NAME")
            return Template(
                {
                    "boxes": _box(boxes.name, "xyxy", unit),
                    "scores": said,
                    "labels": {"tensor": labels, "axis": None},
                    "overlap": None,
                },
                (f"check form, unit and which output holds the labels; {_OWN}",),
            )
        return Template(
            {"boxes": _box(boxes.name, "cxcywh", unit), "scores": said},
            (
                "check form (xyxy, cxcywh, xywh, yxyx), unit (pixels, shares), activation (none, "
                f"sigmoid, softmax), and drop 'background' if no score is one; {_OWN}",
            ),
        )
    return None


def _together(seen: Seen, known: Sequence[OutputShape]) -> Template | None:
    """All numbers of a candidate in one output."""
    for output in known:
        longer = [(n, k) for k, n in enumerate(output.known or ()) if n > 1]
        if len(longer) != 2 or min(longer)[0] <= _BOX:
            continue
        (width, axis), (places, _) = sorted(longer)
        cells = scales_of(seen.image.size, USUAL)
        each = places / sum(cells.count(k) for k in range(len(USUAL)))
        form = {1: "yolox", _ANCHORS: "yolov5"}.get(each, "cxcywh")  # type: ignore[call-overload]
        strides = [] if form == "cxcywh" else list(USUAL)
        every = _ANCHORS if form == "yolov5" else 0
        return _filled(seen, output.name, [output], axis, width, form, strides, every)
    return None


def _filled(
    seen: Seen, tensor: str | list[str], outputs: Sequence[OutputShape], axis: int, width: int,
    form: str, strides: Sequence[int], each: int = 0,
) -> Template:  # fmt: skip
    """A box, maybe an objectness, and scores on one axis."""
    whole = activated(
        seen.tracer, Columns((outputs[0].name,), axis, _BOX, None, batch_axis=outputs[0].batch_axis)
    )
    place: dict[str, Any] = {"tensor": tensor, "axis": axis}
    squash = "none" if whole else "sigmoid"
    objects = form != "ltrb" and width != _BOX + seen.names
    first = _BOX + objects
    boxes = place | {"columns": [0, _BOX], "form": form}
    advice = [f"check form, columns and activation; {_OWN}"]
    if form == "yolov5":
        boxes |= {"activation": squash}
    if form == "cxcywh":
        boxes |= {"unit": "pixels"}
    if strides:
        boxes |= {"strides": list(strides)}
    if each:
        usual = [
            n for n, a in USUAL_ANCHORS.items() if len(a) == len(strides) and len(a[0]) == each
        ]
        listed = USUAL_ANCHORS[usual[0]] if usual else ((("?", "?"),) * each,) * len(strides)
        boxes |= {"anchors": [[list(pair) for pair in scale] for scale in listed]}
        origin = f"those of {usual[0]} on COCO" if usual else "to be filled in"
        advice += [
            f"the anchors are {origin}: put the file's own in their place; form yolov3 is that of "
            "YOLOv2 to v4, yolov5 that of YOLOv5 and v7"
        ]
    scores = place | {"columns": [first, max(width, first + 1)], "activation": squash}
    found = {"boxes": boxes, "scores": scores}
    if objects:
        found["objectness"] = place | {"columns": [_BOX, first], "activation": squash}
    return Template(found | {"least": 0.25, "overlap": 0.45}, tuple(advice))


def _box(name: str, form: str, unit: str) -> dict[str, Any]:
    return {"tensor": name, "axis": -1, "columns": [0, _BOX], "form": form, "unit": unit}
