"""The boxes of a detector in their order, the strongest first, in nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx

from onnxplain.errors import MethodRefusedError
from onnxplain.export.targets.columns import number, write_columns, write_sides
from onnxplain.export.targets.explained import Pass
from onnxplain.targets.boxes.layout import BoxLayout

# Boxes that can be compared with each other for their rank within a class.
_MOST_COMPARED = 2048


@dataclass(frozen=True)
class Ranking:
    """The boxes of each picture, (N, M), the strongest first; see `BoxLayout.detect`.

    Attributes
    ----------
    rows : str
        The candidate that each is.
    labels : str
        Its class.
    there : str
        Whether it is a box; the last ones are none.
    """

    rows: str
    labels: str
    there: str


def write_class_scores(at: Pass, layout: BoxLayout) -> str:
    """Write the scores of all candidates, (N, K, P), or (N, 1, P) if they have labels."""
    build = at.build
    scores = write_columns(at, layout.scores)
    if layout.objectness is not None:
        scores = build.add("Mul", scores, write_columns(at, layout.objectness))
    if layout.background is not None:
        kept = [k for k in range(layout.count + 1) if k != layout.background]
        scores = build.add("Gather", scores, build.integers(*kept), axis=1)
    return scores


def write_ranking(at: Pass, layout: BoxLayout) -> Ranking:
    """Write which candidates are boxes, and in which order."""
    build, rule = at.build, layout.suppression
    scores = write_class_scores(at, layout)
    candidates = _length(at, scores, 2)
    if rule.every_class and layout.labels is None:
        found = build.add("GreaterOrEqual", scores, number(at, rule.least))
        strength = build.add("Where", found, scores, number(at, -math.inf))
        if rule.overlap is not None:
            picked = _suppressed(at, layout, strength)
            strength = _only(at, strength, picked)
        flat = build.add("Reshape", strength, build.integers(0, -1))
        values, index = _sorted(at, layout, flat)
        labels, rows = build.add("Div", index, candidates), build.add("Mod", index, candidates)
    else:
        label, best = _best(at, layout, scores)
        found = build.add(
            "And",
            build.add("GreaterOrEqual", best, number(at, rule.least)),
            build.add("GreaterOrEqual", label, build.integer(0)),
        )
        strength = build.add("Where", found, best, number(at, -math.inf))
        if rule.overlap is not None:
            if not layout.count:
                raise MethodRefusedError(
                    "boxes of a class may overlap and the file does not say how many classes "
                    "there are; use `explain`, or name the classes with --labels"
                )
            column = build.constant(np.arange(layout.count).reshape(1, -1, 1))
            own = build.add("Equal", build.add("Unsqueeze", label, build.integers(1)), column)
            each = build.add("Unsqueeze", strength, build.integers(1))
            each = build.add("Where", own, each, number(at, -math.inf))
            picked = _suppressed(at, layout, each)
            pairs = build.add("Gather", picked, build.integers(0, 2), axis=1)
            strength = _only(at, strength, pairs)
        values, rows = _sorted(at, layout, strength)
        labels = build.add("GatherElements", label, rows, axis=1)
    there = build.add("Greater", values, number(at, -math.inf))
    if rule.most_of_class is not None and not _unlimited(at, layout):
        there = _first_of_class(at, layout, labels, there)
    return Ranking(rows, labels, there)


def _best(at: Pass, layout: BoxLayout, scores: str) -> tuple[str, str]:
    """Write the class of each candidate and its score, (N, P)."""
    build = at.build
    if layout.labels is not None:
        named = build.add("Round", write_columns(at, layout.labels))
        label = build.add("Squeeze", build.add("Cast", named, to=7), build.integers(1))
        return label, build.add("Squeeze", scores, build.integers(1))
    label = build.add("ArgMax", scores, axis=1, keepdims=0)
    return label, build.reduce("ReduceMax", scores, [1], keep=False)


def _suppressed(at: Pass, layout: BoxLayout, scores: str) -> str:
    """Write what is left of each class (N, K, P): picture, class and candidate, (S, 3)."""
    build, rule = at.build, layout.suppression
    assert rule.overlap is not None
    left, top, right, bottom = write_sides(at, layout.code, write_columns(at, layout.boxes))
    # A box whose sides are crossed is empty, and overlaps nothing.
    right, bottom = build.add("Max", left, right), build.add("Max", top, bottom)
    corners = build.add("Concat", top, left, bottom, right, axis=1)
    corners = build.add("Cast", build.add("Transpose", corners, perm=[0, 2, 1]), to=1)
    most = rule.most if not _unlimited(at, layout) else rule.most_of_class or rule.most
    # The operator leaves out scores that are equal to its threshold.
    below = np.nextafter(np.float32(rule.least), np.float32(-np.inf))
    return build.add(
        "NonMaxSuppression",
        corners,
        build.add("Cast", scores, to=1),
        build.integers(most),
        build.constant(np.array([rule.overlap], np.float32)),
        build.constant(np.array([below], np.float32)),
    )


def _only(at: Pass, strength: str, picked: str) -> str:
    """Keep the scores at some indices; all others become minus infinity."""
    build = at.build
    lowest = onnx.helper.make_tensor("value", onnx.TensorProto.DOUBLE, [1], [-math.inf])
    nothing = build.add("ConstantOfShape", build.add("Shape", strength), value=lowest)
    return build.add("ScatterND", nothing, picked, build.add("GatherND", strength, picked))


def _sorted(at: Pass, layout: BoxLayout, strength: str) -> tuple[str, str]:
    """Write the largest numbers of (N, Q) and their places; of equal ones the first."""
    build = at.build
    count = build.add("Min", build.integers(layout.suppression.most), _length(at, strength, 1))
    values, index = build.many("TopK", [strength, count], 2, axis=1)
    return values, index


def _first_of_class(at: Pass, layout: BoxLayout, labels: str, there: str) -> str:
    """Leave out boxes in front of which stand too many of the same class."""
    build, rule = at.build, layout.suppression
    assert rule.most_of_class is not None
    size = _static(at, layout)
    if min(rule.most, math.inf if size is None else size) > _MOST_COMPARED:
        raise MethodRefusedError(
            f"the detector keeps {rule.most_of_class} boxes of a class out of up to {rule.most}, "
            "too many to be ranked in a file; use `explain`"
        )
    count = build.add("Squeeze", _length(at, labels, 1), build.integers(0))
    order = build.add("Range", build.integer(0), count, build.integer(1))
    before = build.add("Less", order, build.add("Unsqueeze", order, build.integers(1)))
    one, other = (build.add("Unsqueeze", labels, build.integers(k)) for k in (2, 1))
    same = build.add("And", build.add("Equal", one, other), before)
    same = build.add("And", same, build.add("Unsqueeze", there, build.integers(1)))
    rank = build.reduce("ReduceSum", build.add("Cast", same, to=7), [2], keep=False)
    few = build.add("Less", rank, build.integer(rule.most_of_class))
    return build.add("And", there, few)


def _unlimited(at: Pass, layout: BoxLayout) -> bool:
    """Whether a limit for each class can be left to the suppression: no other one comes first."""
    size = _static(at, layout)
    overlap = layout.suppression.overlap
    return overlap is not None and size is not None and layout.suppression.most >= size


def _static(at: Pass, layout: BoxLayout) -> int | None:
    """How many candidates times classes there are, if that is the same for all pictures."""
    sizes = [at.facts.shapes[t][1:] for t in layout.scores.tensors]
    if any(d is None for size in sizes for d in size):
        return None
    return sum(math.prod(d for d in size if d is not None) for size in sizes)


def _length(at: Pass, x: str, axis: int) -> str:
    shape = at.build.add("Shape", x)
    return at.build.add("Slice", shape, *map(at.build.integers, (axis, axis + 1, 0)))
