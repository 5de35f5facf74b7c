"""CLEAR's own maps: which class each place responds to, and how strongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.display import limit
from onnxplain.render.canvas import LINE, TEXT, Canvas, hexadecimal
from onnxplain.render.captions import class_name, percent, score_text
from onnxplain.render.class_colors import LIMIT, class_colors, colored
from onnxplain.render.colors import GREYS, SIGNED
from onnxplain.render.panels import (
    GAP,
    GREY,
    HEADING,
    MARGIN,
    PANEL,
    SHARE,
    SMALL,
    SPACE,
    TITLE,
    page,
    photo_panel,
    photo_panel_height,
    picture_height,
)
from onnxplain.render.text import broken

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

_COLUMNS, _SMALL_COLUMNS = 4, 5
_SMALL_SPACE = 0.2
_WIDE = _COLUMNS * PANEL + (_COLUMNS - 1) * SPACE
_SMALL_PANEL = (_WIDE - (_SMALL_COLUMNS - 1) * _SMALL_SPACE) / _SMALL_COLUMNS
_BOX = 0.2
# A few pixels far above all others must not darken the rest.
_PERCENTILE = 99.0
# Pictures up to this many pixels wide have their class written into every bright one.
_WRITTEN = 16
_BRIGHT, _TELLING, _EDGE = 0.35, 0.02, 0.06
# A class answers if it has this share of the dominant response, or where its strong responses are
# this share of the value at which colours end.
_OWN, _FAINT = 0.001, 0.5
_KEYS = ("classes", "responses", "dominant_class", "opposing_class")


@dataclass(frozen=True)
class _Dominance:
    """One of the two colour-coded maps.

    Attributes
    ----------
    winner : (H, W) int array
        Position of each place's class among those shown.
    strength : (H, W) array
        Response without its sign, scaled to [0, 1].
    shares : (S,) array
        How much of the strength belongs to each class; zeros if there is none.
    """

    winner: NDArray[np.intp]
    strength: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclass(frozen=True)
class _Classes:
    """Classes that answer, those with the largest share of the picture first.

    Attributes
    ----------
    indices : list of int
        Class indices.
    names : list of str
        As they are written.
    colors : (S, 3) array
        The first ones are told apart best.
    silent : list of str
        Lines on what has no colour of its own.
    """

    indices: list[int]
    names: list[str]
    colors: NDArray[np.float64]
    silent: list[str]


def clear_maps(explanation: Explanation, labels: Mapping[int, str] | None = None) -> Canvas:
    """Draw the combined CLEAR map with its legend, the heat map, and a map for each class.

    Classes that answer nowhere have neither colour nor map, except the target.

    Parameters
    ----------
    explanation : Explanation
        Made by clear.
    labels : mapping of int to str, optional
        Names of all classes; those in the explanation if not given.

    Returns
    -------
    Canvas
        What stands on the page.

    Raises
    ------
    UsageError
        If the explanation has no responses of classes.
    """
    maps = explanation.maps
    if not set(_KEYS) <= set(maps):
        raise UsageError(f"{explanation.method} has no responses of classes; clear has")
    top = limit(maps["responses"], _PERCENTILE)
    every = [int(k) for k in maps["classes"]]
    positions = _answering(explanation, top)
    indices = [every[k] for k in positions]
    names = [class_name(labels or explanation.labels, k) for k in indices]
    most = _dominance(maps["dominant_class"], maps["dominant_response"], indices, top)
    least = _dominance(maps["opposing_class"], -maps["opposing_response"], indices, top)
    silent = _silent(len(every) - len(indices))
    if len(indices) > LIMIT:
        silent.append(f"colours repeat after {LIMIT} classes; indices tell them apart")
    legend = LINE * (sum(len(_name(name)) for name in names) + 2 + len(silent))
    tall = TITLE + picture_height(explanation) + GAP + legend
    first = max(tall, photo_panel_height(explanation))
    titles = [broken([name], _SMALL_PANEL - _BOX, TEXT) for name in names]
    rows = [titles[k : k + _SMALL_COLUMNS] for k in range(0, len(titles), _SMALL_COLUMNS)]
    small = picture_height(explanation) * _SMALL_PANEL / PANEL
    heights = [LINE * max(map(len, row)) + GAP + small + SPACE for row in rows]
    canvas, y = page(_COLUMNS, first + SPACE + TITLE + sum(heights) + LINE, explanation)
    places = [MARGIN + k * (PANEL + SPACE) for k in range(_COLUMNS)]
    photo_panel(canvas, places[0], y, explanation)
    colors = class_colors(len(indices))
    shown = _Classes(indices, names, colors, silent)
    _class_map(canvas, places[1], y, explanation, "CLEAR map: dominant class", most, shown)
    _heat_map(canvas, places[2], y, explanation, most, top)
    _class_map(canvas, places[3], y, explanation, "class most opposed", least, shown)
    y += first + SPACE
    canvas.text(MARGIN, y, "response of each class", size=HEADING, weight="bold")
    note = f"red supports the class, blue opposes it; one scale for all, up to {top:.2g}"
    canvas.text(MARGIN + PANEL, y + 0.03, note, size=SMALL, color=GREY)
    y += TITLE
    for start, (row, height) in enumerate(zip(rows, heights, strict=True)):
        for column, title in enumerate(row):
            k = start * _SMALL_COLUMNS + column
            x = MARGIN + column * (_SMALL_PANEL + _SMALL_SPACE)
            _swatch(canvas, x, y, colors[k])
            canvas.lines(x + _BOX, y, title)
            below = y + LINE * max(map(len, row)) + GAP
            canvas.cells(
                x, below, _SMALL_PANEL, small, maps["responses"][positions[k]], SIGNED,
                -top or -1.0, top or 1.0,
            )  # fmt: skip
        y += height
    return canvas


def _answering(explanation: Explanation, top: float) -> list[int]:
    """Positions of the classes that answer somewhere, the strongest first, and of the target."""
    maps = explanation.maps
    classes = [int(k) for k in maps["classes"]]
    totals = []
    for k in classes:
        most = np.maximum(maps["dominant_response"], 0.0)[maps["dominant_class"] == k]
        least = np.maximum(-maps["opposing_response"], 0.0)[maps["opposing_class"] == k]
        totals.append((float(most.sum()), float(least.sum())))
    strong = [limit(response, _PERCENTILE) for response in maps["responses"]]
    own = getattr(explanation.target, "index", None)
    all_most, all_least = (sum(both) or 1.0 for both in zip(*totals, strict=True))
    answers = [
        k
        for k, (c, (most, least)) in enumerate(zip(classes, totals, strict=True))
        if max(most / all_most, least / all_least) >= _OWN or strong[k] > _FAINT * top or c == own
    ]
    return sorted(answers or range(len(classes)), key=lambda k: totals[k], reverse=True)


def _silent(count: int) -> list[str]:
    if not count:
        return []
    return [f"{count} more {'class does' if count == 1 else 'classes do'} not answer"]


def _dominance(
    classes: NDArray[np.intp], response: NDArray[np.float64], indices: list[int], top: float
) -> _Dominance:
    strength = np.maximum(np.asarray(response, np.float64), 0.0)
    # A place without a class has no strength; which colour it is dimmed from is all the same.
    place = {index: k for k, index in enumerate(indices)}
    known, inverse = np.unique(classes, return_inverse=True)
    winner = np.array([place.get(int(c), 0) for c in known])[inverse].reshape(classes.shape)
    total = strength.sum()
    shares = np.array([strength[winner == k].sum() for k in range(len(indices))])
    return _Dominance(winner, strength / (top or 1.0), shares / (total or 1.0))


def _class_map(
    canvas: Canvas,
    x: float,
    y: float,
    explanation: Explanation,
    title: str,
    found: _Dominance,
    shown: _Classes,
) -> None:
    tall = _title(canvas, x, y, explanation, title)
    painted = np.round(255 * colored(found.winner, found.strength, shown.colors)).astype(np.uint8)
    canvas.picture(x, y + TITLE, PANEL, tall, painted, blocks=True)
    height, width = found.winner.shape
    for row, column, k in _written(found):
        across, down = (column + 0.5) / width, (row + 0.5) / height
        canvas.mark(x + across * PANEL, y + TITLE + down * tall, str(shown.indices[k]))
    y += TITLE + tall + GAP
    for k in np.argsort(-found.shares, kind="stable"):
        _swatch(canvas, x, y, shown.colors[k])
        canvas.text(x + PANEL, y, percent(float(found.shares[k])), align="right")
        y = canvas.lines(x + _BOX, y, _name(shown.names[k]))
    lines = ["share of the response; numbers are class indices", *shown.silent]
    canvas.lines(x, y, lines, size=SMALL, color=GREY)


def _written(found: _Dominance) -> list[tuple[int, int, int]]:
    """Row, column and class where its index is written: colours alone are not for everybody."""
    height, width = found.winner.shape
    if max(height, width) <= _WRITTEN:
        bright = np.argwhere(found.strength > _BRIGHT)
        return [(int(i), int(j), int(found.winner[i, j])) for i, j in bright]
    marks = []
    for k in np.flatnonzero(found.shares > _TELLING):
        own = np.where(found.winner == k, found.strength, -1.0)
        i, j = np.unravel_index(own.argmax(), own.shape)
        # Numbers at the very edge would be cut off.
        row, column = (
            int(np.clip(place, _EDGE * size, (1 - _EDGE) * size))
            for place, size in zip((i, j), own.shape, strict=True)
        )
        marks.append((row, column, int(k)))
    return marks


def _heat_map(
    canvas: Canvas, x: float, y: float, explanation: Explanation, found: _Dominance, top: float
) -> None:
    tall = _title(canvas, x, y, explanation, "heat map: all classes")
    canvas.cells(x, y + TITLE, PANEL, tall, found.strength, GREYS, 0.0, 1.0)
    y += TITLE + tall + GAP
    lines = [
        score_text(explanation),
        f"it has {percent(explanation.measures['dominance'])} of the dominant response",
        f"white: {top:.2g} or more",
    ]
    y = canvas.lines(x, y, broken(lines, PANEL, TEXT))
    given = ", ".join(f"{k}={v}" for k, v in explanation.parameters.items())
    canvas.lines(x, y, broken([given], PANEL, SMALL), size=SMALL, color=GREY)


def _title(canvas: Canvas, x: float, y: float, explanation: Explanation, title: str) -> float:
    """Write what a map shows, and return how high it will be."""
    canvas.text(x, y, title, size=HEADING, weight="bold")
    return picture_height(explanation)


def _swatch(canvas: Canvas, x: float, y: float, color: NDArray[np.float64]) -> None:
    canvas.fill(x, y + 0.02, 0.12, 0.12, hexadecimal(color.tolist()))


def _name(name: str) -> list[str]:
    return broken([name], PANEL - SHARE - _BOX, TEXT)
