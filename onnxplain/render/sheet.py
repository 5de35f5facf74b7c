"""Side by side: one picture, several methods, one block of rows for each target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onnxplain.errors import UsageError
from onnxplain.render import panels
from onnxplain.render.canvas import Canvas
from onnxplain.render.panels import MARGIN, PANEL, SPACE
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

COLUMNS = 4


@dataclass(frozen=True)
class _Cell:
    explanation: Explanation
    draw: Callable[[Canvas, float, float, Explanation], None]
    height: float


def sheet(explanations: Sequence[Explanation]) -> Canvas:
    """Draw explanations of one picture side by side.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of the same picture; several methods, several targets, or both.

    Returns
    -------
    Canvas
        for each target what the model saw with its most probable
        classes, then a panel for each method.

    Raises
    ------
    UsageError
        If there is nothing to draw, or it belongs to several pictures.
    """
    if not explanations:
        raise UsageError("a sheet needs at least one explanation")
    if len({e.provenance.get("input_sha256") for e in explanations}) > 1:
        raise UsageError("a sheet shows one picture; these explanations belong to several")
    rows = [row for group in _by_target(explanations) for row in _rows(group)]
    heights = [max(cell.height for cell in row) for row in rows]
    columns = max(len(row) for row in rows)
    canvas, y = panels.page(columns, sum(heights) + (len(rows) - 1) * SPACE, explanations[0])
    for row, tall in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            cell.draw(canvas, MARGIN + column * (PANEL + SPACE), y, cell.explanation)
        y += tall + SPACE
    return canvas


def _by_target(explanations: Sequence[Explanation]) -> list[list[Explanation]]:
    groups: dict[str, list[Explanation]] = {}
    for explanation in explanations:
        groups.setdefault(_topic(explanation.target), []).append(explanation)
    return list(groups.values())


def _topic(target: Target) -> str:
    """What a row of pictures is about: a class and what it is set against, of any kind."""
    against = f" {target.contrast}" if isinstance(target, ClassScore) else ""
    return target.stem + against


def _rows(group: list[Explanation]) -> list[list[_Cell]]:
    photo = _Cell(group[0], panels.photo_panel, panels.photo_panel_height(group[0]))
    maps = [_Cell(e, panels.map_panel, panels.map_panel_height(e)) for e in group]
    cells = [photo, *maps]
    return [cells[k : k + COLUMNS] for k in range(0, len(cells), COLUMNS)]
