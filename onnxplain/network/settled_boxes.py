"""What a detector's numbers mean, as far as the graph leaves it open: some runs settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import OnnxplainError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.boxes.elements import logits_of
from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.graph.answers.trace import Tracer
from onnxplain.network.box_form import WORDS, form_of, is_valid
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.layout import BoxLayout
from onnxplain.targets.secants import Values
from onnxplain.targets.shares import softmax

if TYPE_CHECKING:
    from onnxplain.network.network import Network

Array = NDArray[np.float64]
# Shares of width and height are hardly above one; pixels of a box hardly all below.
_LARGEST_SHARE = 2.0
# Scores that float16 rounds may be so much beyond 1.
_SLACK = 1e-2
_SQUASH = "declare with 'activation' that a Sigmoid must be applied"
_NO_FORM = (
    "the four numbers of its boxes are neither corners nor centres with sizes (offsets from "
    "anchors cannot be read)"
)
_NOTHING = (
    "it finds nothing in the test pictures, so the sides of its boxes are read as pixels; if they "
    "are shares of the picture, declare that in a file beside the model (docs/detectors.md)"
)
_SEVERAL = (
    "the test pictures do not tell its readings apart: {}, or {}; look at the boxes, and declare "
    "the other one in a file beside the model if they are wrong (docs/detectors.md)"
)
_CROSSED = (
    "many of its boxes have their right side left of their left one, or their lower one above the "
    "upper: if the four numbers are not corners, declare their form in a file beside the model "
    "(docs/detectors.md)"
)
_TWO_FORMS = (
    "the four numbers of its boxes are read as {}, but may be {}: look at the boxes, and declare "
    "the form {!r} in a file beside the model if they are wrong (docs/detectors.md)"
)


def settled(network: Network, answer: Answer) -> Answer:
    """Return the answer with a layout that fits what the model writes for two pictures.

    The answer has no boxes, and says in its doubt what is missing, where none fits.
    """
    found = answer.boxes
    assert found is not None
    try:
        engine = network.ort.together()
        inputs = (network.random_input(), network.example())
        values = [engine.activations(x, found.layout.tensors) for x in inputs]
    except OnnxplainError as error:
        return replace(answer, boxes=None, doubt=str(error))
    every = [_settled(network, answer, f, values) for f in (found, *found.others)]
    fitting = [f for f in every if f.boxes is not None]
    if len(fitting) < 2:
        return fitting[0] if fitting else every[0]
    doubt = _SEVERAL.format(*(f.evidence for f in fitting[:2]))
    return replace(fitting[0], doubt="; ".join(filter(None, (fitting[0].doubt, doubt))))


def _settled(
    network: Network, answer: Answer, found: FoundBoxes, values: Sequence[Values]
) -> Answer:
    """The same for one reading."""
    try:
        found = _with_sigmoids(found, values)
        layout = found.layout
        raw = [layout.boxes.read(v)[0] for v in values]
        scores = np.concatenate([layout.scores.read(v)[0] for v in values], axis=1)
        if problem := _no_labels(layout, values) or _no_scores(layout, values):
            return replace(answer, boxes=None, doubt=problem)
    except OnnxplainError as error:
        return replace(answer, boxes=None, doubt=str(error))
    if layout.labels is not None:  # rows without a score fill the output up
        raw = [r[:, layout.scores.read(v)[0, 0] > 0] for r, v in zip(raw, values, strict=True)]
    code, about_code, doubt = _code(network, found, raw)
    if code is None:
        return replace(answer, boxes=None, doubt=about_code)
    fitting, about_scores = _scores(found, scores)
    if fitting is None:
        return replace(answer, boxes=None, doubt=about_scores)
    said = ", ".join(filter(None, (found.evidence, about_code, about_scores)))
    fitting = replace(fitting, code=code)
    if fitting.logits is None:
        tracer = Tracer(network.graph, network.shapes)
        fitting = replace(fitting, logits=logits_of(tracer, fitting.scores))
    return replace(
        answer,
        evidence=said,
        doubt="; ".join(filter(None, (found.doubt, doubt))),
        shape=(fitting.count,),
        boxes=replace(found, layout=fitting),
    )


def _with_sigmoids(found: FoundBoxes, values: Sequence[Values]) -> FoundBoxes:
    """Objectness and scores whose Sigmoid the file leaves out, where it names all classes."""
    layout, objects = found.layout, found.layout.objectness
    if objects is None or found.scores_known or layout.count != found.names:
        return found
    if objects.squash != "none" or not _no_scores(layout, values):
        return found
    objects, scores = (replace(c, squash="sigmoid") for c in (objects, layout.scores))
    layout = replace(layout, objectness=objects, scores=scores)
    evidence = f"{found.evidence}, as logits of Sigmoids"
    return replace(found, layout=layout, evidence=evidence, scores_known=True)


def _no_labels(layout: BoxLayout, values: Sequence[Values]) -> str:
    if layout.labels is None:
        return ""
    found = np.concatenate([layout.labels.read(v)[0] for v in values], axis=1)
    if np.allclose(found, np.rint(found), atol=1e-3) and found.min(initial=0) >= -1:
        return ""
    return f"what is taken for labels, in {layout.labels.tensors[0]!r}, are not whole numbers"


def _no_scores(layout: BoxLayout, values: Sequence[Values]) -> str:
    """Scores beside labels, and objectness, are from 0 to 1."""
    single = layout.scores if layout.labels is not None else layout.objectness
    if single is None:
        return ""
    found = np.concatenate([single.read(v)[0] for v in values], axis=1)
    if found.min(initial=0) >= 0 and found.max(initial=0) <= 1:
        return ""
    return (
        f"what is taken for scores, in {single.tensors[0]!r}, reaches from {found.min():.3g} to "
        f"{found.max():.3g}, not from 0 to 1"
    )


def _code(
    network: Network, found: FoundBoxes, raw: Sequence[Array]
) -> tuple[BoxCode | None, str, str]:
    """What the numbers mean, why, and what else they may mean."""
    height, width = network.image.size
    code = found.layout.code
    if code.form == "yolov5" and any(r.size and (r.min() < 0 or r.max() > 1) for r in raw):
        return None, "boxes of form 'yolov5' are made of numbers from 0 to 1: " + _SQUASH, ""
    if not code.is_plain or (found.unit_known and found.form_known):
        return code, "", ""
    every = np.concatenate(raw, axis=1)
    if not every.any():
        return code, "", "" if found.unit_known else _NOTHING
    said, doubt = [], ""
    if not found.unit_known:
        shares = float(np.percentile(np.abs(every), 99)) <= _LARGEST_SHARE
        code = replace(code, unit=(float(width), float(height)) if shares else (1.0, 1.0))
        said.append("sides as shares of the picture" if shares else "sides in pixels")
    if not found.form_known:
        form = form_of(raw, network.image.size, found.forms, code.unit)
        if form is None:
            return None, _NO_FORM, ""
        code = replace(code, form=form.form)
        said.append(WORDS[form.form])
        if form.other is not None:
            doubt = _TWO_FORMS.format(WORDS[form.form], WORDS[form.other], form.other)
    elif found.layout.labels is not None and not is_valid(code.form, every):
        doubt = _CROSSED
    return code, ", ".join(said), doubt


def _scores(found: FoundBoxes, scores: Array) -> tuple[BoxLayout | None, str]:
    """Activate what is not, and find the score that says that there is nothing."""
    layout = found.layout
    beyond = scores.size and (scores.min() < -_SLACK or scores.max() > 1 + _SLACK)
    if found.scores_known and layout.labels is None and beyond:
        return None, (
            f"its scores reach from {scores.min():.3g} to {scores.max():.3g}, not from 0 to 1: "
            "declare with 'activation' what must be applied"
        )
    if found.scores_known or layout.labels is not None or not scores.size:
        return layout, ""
    raw = bool(scores.min() < 0 or scores.max() > 1)
    if raw and layout.scores.squash == "none":
        if layout.count == found.names:
            squashed = replace(layout.scores, squash="sigmoid")
            return replace(layout, scores=squashed), "scores are logits of Sigmoids"
        if layout.count == found.names + 1:
            squashed = replace(layout.scores, squash="softmax")
            return _without_background(replace(layout, scores=squashed), softmax(scores, axis=0))
        return None, (
            f"its scores reach from {scores.min():.3g} to {scores.max():.3g}, and nothing says "
            "whether they are logits of a Softmax, with a background, or of Sigmoids"
        )
    together = np.allclose(scores.sum(axis=0), 1.0, atol=1e-3) and len(scores) > 1
    if not together:
        return layout, ""
    return _without_background(layout, scores)


def _without_background(layout: BoxLayout, scores: Array) -> tuple[BoxLayout | None, str]:
    """Find the score that is the largest where there is nothing: the first or the last one."""
    background = int(scores.mean(axis=1).argmax())
    if background not in (0, len(scores) - 1):
        return None, "its scores add up to one, and nothing says which of them is the background"
    return (
        replace(layout, background=background, count=layout.count - 1),
        f"score {background} of a Softmax is the background",
    )
