"""Cells and anchors that a person declares for boxes that count from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.graph.answers.boxes.cells import Cells, scales_of
from onnxplain.targets.boxes.codes import WITH_ANCHORS

KEYS = frozenset({"strides", "anchors"})
_UNITS = ("cells", "pixels")


def declared_cells(given: Mapping[str, Any], form: str, size: tuple[int, int]) -> Cells:
    """Read what boxes count from.

    Parameters
    ----------
    given : mapping
        With ``strides``, the pixels of a cell of each scale in the order of the candidates, for
        forms with anchors also ``anchors``, for each scale a list of widths and heights in pixels,
        and for distances (ltrb) maybe a ``unit``: cells, or pixels.
    form : str
        One of `FROM_CELLS`.
    size : (int, int)
        Height and width of the input.

    Raises
    ------
    UsageError
        If something is missing or of a wrong kind.
    """
    strides: Any = given.get("strides")
    anchors: Any = given.get("anchors")
    if not _are(strides, lambda s: type(s) is int and 0 < s <= max(size)):
        raise UsageError(
            f"boxes: form {form!r} is relative to cells; write 'strides' as a list of their "
            f"sizes in pixels, such as [8, 16, 32], not {strides!r}"
        )
    unit = given.get("unit")
    if unit is not None and (form != "ltrb" or unit not in _UNITS):
        raise UsageError(
            f"boxes: unit {unit!r} of form {form!r} is not known; 'ltrb' has cells or pixels, "
            "others have none"
        )
    if (form in WITH_ANCHORS) != ("anchors" in given):
        takes = "needs" if form in WITH_ANCHORS else "takes no"
        raise UsageError(f"boxes: form {form!r} {takes} 'anchors'")
    if form in WITH_ANCHORS and not (_are(anchors, _is_scale) and len(anchors) == len(strides)):
        raise UsageError(
            "boxes: write 'anchors' as a list for each stride, of [width, height] in pixels, not "
            f"{anchors!r}"
        )
    if anchors is not None and len({len(a) for a in anchors}) != 1:
        raise UsageError("boxes: each stride must have as many 'anchors' as the others")
    return scales_of(size, strides, anchors)


def _is_scale(value: Any) -> bool:
    return _are(value, lambda pair: _are(pair, _is_length) and len(pair) == 2)


def _is_length(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < float("inf")


def _are(value: Any, fits: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(fits(v) for v in value)
