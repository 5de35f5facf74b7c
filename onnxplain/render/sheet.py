"""Side by side: one picture, several methods, one block of rows for each target."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from onnxplain.errors import UsageError
from onnxplain.render import panels
from onnxplain.render.canvas import Canvas
from onnxplain.render.captions import class_name
from onnxplain.render.look import Look
from onnxplain.render.panels import MARGIN, PANEL, SPACE
from onnxplain.render.text import broken
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

COLUMNS = 4
# Of a block of panels, which are taller than wide: so it has about a slide's proportions.
_WIDER = 1.5


@dataclass(frozen=True)
class _Cell:
    explanation: Explanation
    draw: Callable[[Canvas, float, float, Explanation], None]
    height: float


def sheet(
    explanations: Sequence[Explanation], *, look: Look | None = None, columns: int | None = None
) -> Canvas:
    """Draw explanations of one picture side by side.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of the same picture: several methods, several targets, the same method with several
        values of its parameters, or all of them.
    look : Look, optional
        How maps are drawn.
    columns : int, optional
        Most panels in a row: 2 suit a page of a paper, where letters keep their size. If not
        given, 4, and of several targets of one method as many as make a block of a slide's
        proportions.

    Returns
    -------
    Canvas
        What the model saw with its most probable classes, then the maps. Several targets of
        one method fill a block about as wide as a slide; of several methods each target has
        a block of its own.

    Raises
    ------
    UsageError
        If there is nothing to draw, or it belongs to several pictures, or no panel fits.
    """
    if not explanations:
        raise UsageError("a sheet needs at least one explanation")
    if len({e.provenance.get("input_sha256") for e in explanations}) > 1:
        raise UsageError("a sheet shows one picture; these explanations belong to several")
    if columns is not None and columns < 1:
        raise UsageError(f"{columns} columns are out of range; allowed: 1 or more")
    look, titles = look or Look(), _titles(explanations)
    groups = _by_target(explanations)
    if len(groups) > 1 and all(len(group) == 1 for group in groups):
        groups = [list(explanations)]
        titles = {id(e): _of_target(e, titles[id(e)]) for e in explanations}
        columns = columns or min(COLUMNS, math.ceil(math.sqrt(_WIDER * (len(explanations) + 1))))
    columns = columns or COLUMNS
    rows = [row for group in groups for row in _rows(group, look, titles, columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    most = max(len(row) for row in rows)
    canvas, y = panels.page(most, sum(heights) + (len(rows) - 1) * SPACE, explanations[0])
    for row, tall in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            cell.draw(canvas, MARGIN + column * (PANEL + SPACE), y, cell.explanation)
        y += tall + SPACE
    return canvas


def _of_target(explanation: Explanation, title: str) -> str:
    target = explanation.target
    if isinstance(target, ClassScore):
        title = f"{title}: {class_name(explanation.labels, target.index)}"
    return broken([title], PANEL, panels.HEADING, "bold")[0]


def _titles(explanations: Sequence[Explanation]) -> dict[int, str]:
    """Name of the method, with the parameters that tell several maps of one target apart."""
    kin: dict[tuple[str, str], list[Explanation]] = {}
    for e in explanations:
        kin.setdefault((e.method, _topic(e.target)), []).append(e)
    titles = {}
    for group in kin.values():
        names = dict.fromkeys(name for e in group for name in e.parameters)
        telling = [n for n in names if len({repr(e.parameters.get(n)) for e in group}) > 1]
        for e in group:
            said = [f"{name}={e.parameters.get(name)}" for name in telling]
            titles[id(e)] = "  ".join([e.method, *said])
    return titles


def _by_target(explanations: Sequence[Explanation]) -> list[list[Explanation]]:
    groups: dict[str, list[Explanation]] = {}
    for explanation in explanations:
        groups.setdefault(_topic(explanation.target), []).append(explanation)
    return list(groups.values())


def _topic(target: Target) -> str:
    """What a row of pictures is about: a class and what it is set against, of any kind."""
    against = f" {target.contrast}" if isinstance(target, ClassScore) else ""
    return target.stem + against


def _rows(
    group: list[Explanation], look: Look, titles: Mapping[int, str], columns: int
) -> list[list[_Cell]]:
    photo = _Cell(
        group[0],
        partial(panels.photo_panel, explained=group),
        panels.photo_panel_height(group[0], group),
    )
    maps = [
        _Cell(
            e,
            partial(panels.map_panel, look=look, title=titles[id(e)]),
            panels.map_panel_height(e, look),
        )
        for e in group
    ]
    cells = [photo, *maps]
    return [cells[k : k + columns] for k in range(0, len(cells), columns)]
