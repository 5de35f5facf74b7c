"""Lines of a small chart, in the coordinates of its drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 520, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes
    ----------
    name : str
        What it is of.
    points : list of (float, float)
        In the drawing, from the left.
    style : int
        Which colour and dashes.
    """

    name: str
    points: list[tuple[float, float]]
    style: int

    @property
    def path(self) -> str:
        """The points as SVG writes them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


def lines(
    values: Mapping[str, Sequence[float]], low: float = -1.0, high: float = 1.0
) -> list[Line]:
    """Place rows of numbers, each spread over the whole width.

    Parameters
    ----------
    values : mapping of str to sequence of float
        By name.
    low, high : float
        Ends of the vertical axis; numbers beyond them stay at the edge.
    """
    found = []
    for style, (name, numbers) in enumerate(values.items()):
        last = max(len(numbers) - 1, 1)
        points = [(_across(k / last), height(v, low, high)) for k, v in enumerate(numbers)]
        found.append(Line(name, points, style))
    return found


def height(value: float, low: float = -1.0, high: float = 1.0) -> float:
    """Where a number stands on the vertical axis, from the top."""
    share = (min(max(value, low), high) - low) / (high - low)
    return TOP + (1.0 - share) * (HEIGHT - TOP - BOTTOM)


def _across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)
