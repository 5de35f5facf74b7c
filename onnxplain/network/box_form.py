"""What the four numbers of a box mean, by where boxes lie in pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.answers.boxes.cells import scales_of
from onnxplain.targets.boxes.codes import BoxCode, Plain

Array = NDArray[np.float64]
# Of the boxes so many must have their corners, or their sizes, the right way.
_NEARLY_ALL = 0.98
# Along a row of cells, columns change and rows do not.
_MORE = 3.0
_FEW = 50
# So much nearer to the cells, or less beyond the picture, is no accident.
_CLEARLY, _MARGIN = 0.6, 0.02
_RARE: Plain = "xywh"
_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (8, 16, 32, 64, 128), (4, 8, 16, 32), (16, 32))
_MOST_ANCHORS = 9

WORDS: dict[Plain, str] = {
    "xyxy": "left, top, right, bottom",
    "yxyx": "top, left, bottom, right",
    "cxcywh": "centre, width, height",
    "xywh": "left, top, width, height",
}


@dataclass(frozen=True)
class Form:
    """What the numbers mean, and the next best reading if that fits nearly as well."""

    form: Plain
    other: Plain | None = None


def form_of(
    raw: Sequence[Array],
    size: tuple[int, int],
    forms: Sequence[Plain],
    unit: tuple[float, float] = (1.0, 1.0),
) -> Form | None:
    """Find what four numbers mean; ``None`` if they are boxes in no form.

    Where candidates stand on the cells of usual scales, the form whose middles are nearest to the
    cells is taken; elsewhere the one whose boxes reach least beyond the picture.

    Parameters
    ----------
    raw : sequence of (4, P) array
        Of some pictures.
    size : (int, int)
        Height and width of the picture.
    forms : sequence of str
        Those that are possible.
    unit : (float, float)
        Pixels across and down that a one stands for. Which of the numbers lie across depends on
        the form.
    """
    joined = np.concatenate(raw, axis=1)
    valid = [f for f in forms if f != _RARE and is_valid(f, joined)]
    if not valid:
        return None
    cells = list(_cells(size, raw[0].shape[1]))
    if not cells and {"xyxy", "yxyx"} <= set(valid):
        valid.remove("xyxy" if _goes_down(raw[0], unit) else "yxyx")

    def cost(form: Plain) -> float:
        sides = [BoxCode(form, unit).decode(r[None])[0] for r in raw]
        if cells:
            return min(_from_cells(sides, points) for points in cells)
        return _beyond(sides, size)

    costs = {f: cost(f) for f in valid}
    best, *rest = sorted(valid, key=costs.__getitem__)
    if rest and _is_close(costs[best], costs[rest[0]], bool(cells)):
        return Form(best, rest[0])
    # Nearly no detector writes corners with sizes; where they fit better, that is said. Middles
    # within their own cells are right.
    inside = bool(cells) and costs[best] < 1
    if _RARE in forms and is_valid(_RARE, joined) and not inside:
        better = cost(_RARE) < costs[best] and not _is_close(cost(_RARE), costs[best], bool(cells))
        return Form(best, _RARE if better else None)
    return Form(best)


def _is_close(better: float, worse: float, on_cells: bool) -> bool:
    return better > _CLEARLY * worse if on_cells else worse - better < _MARGIN


def is_valid(form: str, raw: Array) -> bool:
    """Whether nearly all boxes (4, P) have the right side behind the left one, or sizes."""
    a, b, c, d = raw
    right_way = (a <= c) & (b <= d) if form in ("xyxy", "yxyx") else (c >= 0) & (d >= 0)
    return bool(np.mean(right_way) >= _NEARLY_ALL)


def _goes_down(first: Array, unit: tuple[float, float]) -> bool:
    """Whether the first of two middles stays along a row of neighbours, so that it is the row."""
    x, y = (first[0] + first[2]) * unit[0], (first[1] + first[3]) * unit[1]
    steps = [float(np.median(np.abs(np.diff(n)))) for n in (x, y)]
    return first.shape[1] >= _FEW and steps[1] > _MORE * steps[0]


def _cells(size: tuple[int, int], count: int) -> Iterator[tuple[Array, Array]]:
    """Middles and sizes of the cells of so many candidates, in each usual order."""
    for strides in _STRIDES:
        cells = scales_of(size, strides)
        own = sum(cells.count(k) for k in range(len(strides)))
        each = count // own
        if count % own or not 1 <= each <= _MOST_ANCHORS or min(size) < 2 * max(strides):
            continue
        code = cells.code("ltrb")
        assert code.points is not None
        assert code.strides is not None
        every = np.split(np.arange(own), np.cumsum([cells.count(k) for k in range(len(strides))]))
        for take in (np.repeat, np.tile) if each > 1 else (np.tile,):
            order = np.concatenate([take(part, each) for part in every])
            yield code.points[:, order], code.strides[order]


def _from_cells(sides: list[Array], cells: tuple[Array, Array]) -> float:
    """How many cells the middles lie away from their own, as a median."""
    points, strides = cells
    away = [np.abs((s[:2] + s[2:]) / 2 - points).max(axis=0) / strides for s in sides]
    return float(np.median(np.concatenate(away)))


def _beyond(sides: list[Array], size: tuple[int, int]) -> float:
    """How far boxes reach beyond the picture, as a share of it."""
    joined, (height, width) = np.concatenate(sides, axis=1), size
    left, top, right, bottom = joined / np.array([width, height, width, height])[:, None]
    outside = [np.clip(n, 0, None) for n in (-left, -top, right - 1, bottom - 1)]
    return float(np.mean(np.sum(outside, axis=0)))
