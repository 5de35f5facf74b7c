"""A layout that a person declares in the file beside the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.graph.answers.boxes.cells import Cells
from onnxplain.graph.answers.boxes.declared_cells import KEYS, declared_cells
from onnxplain.graph.answers.boxes.declared_columns import COLUMNS, declared_columns
from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.codes import FROM_CELLS, PLAIN, BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout, Suppression

_PARTS = ("boxes", "scores", "objectness", "labels")
_RULES = ("least", "overlap", "most")
_OF_PART = {
    "boxes": COLUMNS | {"form", "unit"} | KEYS,
    "scores": COLUMNS | {"background"},
    "objectness": COLUMNS,
    "labels": COLUMNS,
}
_UNITS = ("pixels", "shares")


def declared_boxes(
    data: Mapping[str, Any], size: tuple[int, int], outputs: Sequence[OutputShape]
) -> FoundBoxes:
    """Read a layout.

    Parameters
    ----------
    data : mapping
        With ``boxes`` and ``scores``, and maybe ``objectness`` and ``labels``; see
        `declared_columns`. Boxes also have a ``form`` (one of `PLAIN` or `FROM_CELLS`) with, for
        the former, a ``unit`` (pixels of the input, or shares of it), and for the latter what
        `declared_cells` reads; scores may have a ``background`` (the index of the score that says
        that there is nothing). ``least``, ``overlap`` (null if the file suppresses) and ``most``
        rule which candidates are boxes.
    size : (int, int)
        Height and width of the input.
    outputs : sequence of OutputShape
        All outputs of the file.

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
    given = {p: _part(p, data[p]) for p in _PARTS if p in data}
    form = given["boxes"].get("form", "xyxy")
    if form not in (*PLAIN, *FROM_CELLS):
        raise UsageError(
            f"boxes: form {form!r} is not known; allowed: {', '.join((*PLAIN, *FROM_CELLS))}"
        )
    cells = declared_cells(given["boxes"], form, size) if form in FROM_CELLS else None
    columns = {}
    for part, said in given.items():
        columns[part], order = declared_columns(part, said, outputs, cells)
        cells = order if part == "boxes" else cells
    _require_width(columns["boxes"], form)
    background = given["scores"].get("background")
    scores = columns["scores"]
    count = 0 if "labels" in columns or scores.stop is None else scores.stop - scores.first
    if background is not None and not (type(background) is int and 0 <= background < count):
        raise UsageError(f"scores: background {background!r} is not an index of 0..{count - 1}")
    layout = BoxLayout(
        columns["boxes"], _code(given["boxes"], form, cells, size), scores,
        count - (background is not None), columns.get("objectness"), columns.get("labels"),
        background, _rules(data),
    )  # fmt: skip
    return FoundBoxes(layout, "declared", form_known=True, unit_known=True, scores_known=True)


def _part(part: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or not set(given) <= _OF_PART[part]:
        raise UsageError(
            f"{part}: expected an object with some of the keys {', '.join(sorted(_OF_PART[part]))}"
        )
    return given


def _code(
    given: Mapping[str, Any], form: Any, cells: Cells | None, size: tuple[int, int]
) -> BoxCode:
    unit = given.get("unit")
    if cells is not None:
        return cells.code(form, in_pixels=unit == "pixels")
    if unit not in (None, *_UNITS):
        raise UsageError(f"boxes: unit {unit!r} is not known; allowed: {' or '.join(_UNITS)}")
    if extra := KEYS & set(given):
        raise UsageError(f"boxes: form {form!r} does not use cells; drop {', '.join(extra)}")
    return BoxCode(form, (float(size[1]), float(size[0])) if unit == "shares" else (1.0, 1.0))


def _require_width(boxes: Columns, form: str) -> None:
    width = None if boxes.stop is None else boxes.stop - boxes.first
    if form == "dfl" and (width is None or width < 8 or width % 4):
        raise UsageError("boxes: form 'dfl' needs four times as many 'columns' as it has steps")
    if form != "dfl" and width != 4:
        raise UsageError(f"boxes: 'columns' {[boxes.first, boxes.stop]} must be four columns")


def _rules(data: Mapping[str, Any]) -> Suppression:
    plain = Suppression()
    least, overlap = data.get("least", plain.least), data.get("overlap", plain.overlap)
    most = data.get("most", plain.most)
    numbers = [least] + ([] if overlap is None else [overlap])
    if any(type(n) not in (int, float) or not 0 <= n <= 1 for n in numbers):
        raise UsageError(f"'least' and 'overlap' must be numbers from 0 to 1, not {numbers}")
    if type(most) is not int or most < 1:
        raise UsageError(f"'most' must be a number of boxes, 1 or more, not {most!r}")
    return Suppression(float(least), None if overlap is None else float(overlap), most)
