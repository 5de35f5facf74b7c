"""Maps of one method over the values of one or two parameters, in rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from onnxplain.errors import UsageError
from onnxplain.render import panels
from onnxplain.render.canvas import Canvas
from onnxplain.render.look import Look
from onnxplain.render.panels import HEADING, MARGIN, PANEL, SPACE, TITLE
from onnxplain.render.text import broken

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

_COLUMNS = 4


def grid_sheet(
    cells: Mapping[tuple[str, ...], Explanation],
    axes: Sequence[tuple[str, Sequence[str]]],
    *,
    look: Look | None = None,
    columns: int | None = None,
) -> Canvas:
    """Draw the maps of a grid, with the values as headings.

    Parameters
    ----------
    cells : mapping
        Explanations of one picture by their values, in the order of the axes. A cell without
        one failed, and says so.
    axes : sequence of (str, sequence of str)
        One or two parameters with their values. Of two, the first gives the rows.
    look : Look, optional
        How maps are drawn.
    columns : int, optional
        Of one parameter: most maps in a row, 4 if not given. Of two, each value has its column.

    Returns
    -------
    Canvas
        At the left the method and what the model saw, then the maps, each on a scale of its own.

    Raises
    ------
    UsageError
        If there is nothing to draw.
    """
    if not cells or len(axes) not in (1, 2):
        raise UsageError("a grid needs one or two parameters, and at least one map")
    look = look or Look()
    first = next(iter(cells.values()))
    *outer, (key, values) = axes
    if outer:
        ((row_key, row_values),) = outer
        rows = [
            (f"{row_key} = {row}", [(f"{key} = {v}", cells.get((row, v))) for v in values])
            for row in row_values
        ]
    else:
        most = columns or _COLUMNS
        flat = [(f"{key} = {v}", cells.get((v,))) for v in values]
        rows = [("", flat[k : k + most]) for k in range(0, len(flat), most)]
    heights = [
        max(panels.map_panel_height(e, look) for _, e in row if e is not None)
        if any(e is not None for _, e in row)
        else 2 * TITLE
        for _, row in rows
    ]
    above = [first.method, *filter(None, [rows[0][0]])]
    heights[0] = max(heights[0], len(above) * TITLE + panels.photo_panel_height(first))
    canvas, y = panels.page(
        1 + max(len(row) for _, row in rows), sum(heights) + (len(rows) - 1) * SPACE, first
    )
    for number, ((heading, row), tall) in enumerate(zip(rows, heights, strict=True)):
        for k, text in enumerate([heading] if number else above):
            _heading(canvas, MARGIN, y + k * TITLE, text)
        if number == 0:
            panels.photo_panel(canvas, MARGIN, y + len(above) * TITLE, first)
        for k, (title, explanation) in enumerate(row, 1):
            x = MARGIN + k * (PANEL + SPACE)
            if explanation is None:
                _heading(canvas, x, y, title)
                canvas.text(x, y + TITLE, "failed: see the .json")
            else:
                panels.map_panel(canvas, x, y, explanation, look, _fitting(title))
        y += tall + SPACE
    return canvas


def _heading(canvas: Canvas, x: float, y: float, text: str) -> None:
    if text:
        canvas.text(x, y, _fitting(text), size=HEADING, weight="bold")


def _fitting(text: str) -> str:
    return broken([text], PANEL, HEADING, "bold")[0]
