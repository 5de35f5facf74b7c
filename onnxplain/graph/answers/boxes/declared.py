"""A layout that a person declares in the file beside the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.targets.boxes.codes import FORMS, BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout, Suppression

_PARTS = ("boxes", "scores", "objectness", "labels")
_RULES = ("least", "overlap", "most")
_COLUMNS = frozenset({"tensor", "axis", "columns", "activation", "scale"})
_OF_PART = {
    "boxes": _COLUMNS | {"form", "unit"},
    "scores": _COLUMNS | {"background"},
    "objectness": _COLUMNS,
    "labels": _COLUMNS,
}
_ACTIVATIONS = ("none", "sigmoid", "softmax")
_UNITS = ("pixels", "shares")


def declared_boxes(
    data: Mapping[str, Any], size: tuple[int, int], batched: Mapping[str, int | None]
) -> FoundBoxes:
    """Read a layout.

    Parameters
    ----------
    data : mapping
        With ``boxes`` and ``scores``, and maybe ``objectness`` and ``labels``, each with the
        ``tensor``, the ``axis`` of the numbers (that of one picture, without the batch), the
        ``columns`` on it (first and one past the last) and the ``activation`` that is still
        to be done (none, sigmoid, softmax); of boxes also ``form`` (one of `FORMS` that need no
        points) and ``unit`` (pixels of the input, or shares of it); of scores also
        ``background`` (the index of the score that says that there is nothing). ``least``,
        ``overlap`` (null if the file suppresses) and ``most`` rule which candidates are boxes.
    size : (int, int)
        Height and width of the input.
    batched : mapping of str to int or None
        Axis of the batch of each tensor.

    Raises
    ------
    UsageError
        If something is missing, unknown or of a wrong kind.
    """
    unknown = set(data) - {*_PARTS, *_RULES}
    if unknown or not {"boxes", "scores"} <= set(data):
        raise UsageError(
            "the layout of boxes needs 'boxes' and 'scores', and may have objectness, labels, "
            f"least, overlap and most; it has {', '.join(map(str, data)) or 'nothing'}"
        )
    columns = {p: _columns(p, data[p], batched) for p in _PARTS if p in data}
    form = data["boxes"].get("form", "xyxy")
    unit = data["boxes"].get("unit", "pixels")
    plain = [f for f in FORMS if f != "dfl"]
    if form not in plain or unit not in _UNITS:
        raise UsageError(
            f"boxes: form {form!r} in {unit!r} is not known; allowed: {', '.join(plain)} in "
            f"{' or '.join(_UNITS)}"
        )
    scale = (float(size[1]), float(size[0])) if unit == "shares" else (1.0, 1.0)
    background = data["scores"].get("background")
    first, stop = columns["scores"].first, columns["scores"].stop
    count = 0 if "labels" in columns or stop is None else stop - first
    if background is not None and not (type(background) is int and 0 <= background < count):
        raise UsageError(f"scores: background {background!r} is no index of 0..{count - 1}")
    layout = BoxLayout(
        columns["boxes"], BoxCode(form, scale), columns["scores"],
        count - (background is not None), columns.get("objectness"), columns.get("labels"),
        background, _rules(data),
    )  # fmt: skip
    return FoundBoxes(layout, "declared", form_known=True, unit_known=True, scores_known=True)


def _columns(part: str, given: Any, batched: Mapping[str, int | None]) -> Columns:
    if not isinstance(given, Mapping) or not set(given) <= _OF_PART[part]:
        raise UsageError(
            f"{part}: expected an object with some of the keys {', '.join(sorted(_OF_PART[part]))}"
        )
    tensor, axis = given.get("tensor"), given.get("axis", -1)
    pair = given.get("columns", [0, None])
    squash, scale = given.get("activation", "none"), given.get("scale", 1.0)
    if not isinstance(tensor, str) or tensor not in batched:
        known = ", ".join(batched)
        raise UsageError(f"{part}: there is no output {tensor!r}; outputs: {known}")
    fits = isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int and pair[0] >= 0
    fits = fits and (pair[1] is None or (type(pair[1]) is int and pair[1] > pair[0]))
    if not fits or type(axis) is not int or squash not in _ACTIVATIONS:
        raise UsageError(
            f"{part}: write 'axis' as an integer, 'columns' as [first, one past the last] and "
            f"'activation' as one of {', '.join(_ACTIVATIONS)}"
        )
    if type(scale) not in (int, float) or not 0 < scale < float("inf"):
        raise UsageError(f"{part}: scale {scale!r} is no number above 0")
    if part == "boxes" and pair[1] is not None and pair[1] - pair[0] != 4:
        raise UsageError(f"boxes: {pair} are not four columns")
    return Columns((tensor,), axis, pair[0], pair[1], 1, batched[tensor], squash, float(scale))


def _rules(data: Mapping[str, Any]) -> Suppression:
    plain = Suppression()
    least, overlap = data.get("least", plain.least), data.get("overlap", plain.overlap)
    most = data.get("most", plain.most)
    numbers = [least] + ([] if overlap is None else [overlap])
    if any(type(n) not in (int, float) or not 0 <= n <= 1 for n in numbers):
        raise UsageError(f"'least' and 'overlap' are numbers from 0 to 1, not {numbers}")
    if type(most) is not int or most < 1:
        raise UsageError(f"'most' is a number of boxes from 1 on, not {most!r}")
    return Suppression(float(least), None if overlap is None else float(overlap), most)
