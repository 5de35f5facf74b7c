"""Small charts: where lines, ticks and words stand in a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Point = tuple[float, float]
_STYLES = 6


class Size(NamedTuple):
    """A drawing's width and height, and what its edges leave for words."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


WIDE = Size(520, 250, 44, 14, 30, 48)
SQUARE = Size(320, 320, 44, 14, 30, 48)
# About as wide as it is shown, below a photo: letters keep their size.
SMALL = Size(180, 156, 34, 10, 24, 40)


class Bar(NamedTuple):
    """A point with an interval: its x, both ends of the interval, and its y."""

    x: float
    low: float
    high: float
    y: float


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
    band : list of (float, float)
        Outline of what lies around it, if anything does.
    bars : list of Bar
        Points that are marked, with their intervals.
    """

    name: str
    points: list[Point]
    style: int
    band: list[Point] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where it stands, what it says, and which end of that is there."""

    at: float
    text: str
    anchor: str
    zero: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart that is ready to be drawn.

    Attributes
    ----------
    title : str
        What it shows, for those who cannot see it.
    size : Size
        Of the drawing.
    lines : list of Line
        What is drawn.
    up, across : list of Tick
        Marks of the vertical and of the horizontal axis.
    axes : (str, str)
        What the horizontal and the vertical axis measure.
    """

    title: str
    size: Size
    lines: list[Line]
    up: list[Tick]
    across: list[Tick]
    axes: tuple[str, str]


@dataclass(frozen=True)
class Frame:
    """Where numbers stand in a drawing.

    Attributes
    ----------
    size : Size
        Of the drawing.
    low, high : float
        Range of the vertical axis; numbers beyond it stay at the edge.
    """

    size: Size
    low: float
    high: float

    def right(self, share: float) -> float:
        """Place of a share of the width."""
        return self.size.left + share * (self.size.width - self.size.left - self.size.right)

    def down(self, value: float) -> float:
        """Place of a number of the vertical axis."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.size.top + (1.0 - share) * (self.size.height - self.size.top - self.size.bottom)


def chart(
    title: str,
    values: Mapping[str, Sequence[float]],
    *,
    ticks: Sequence[float],
    across: Sequence[tuple[float, str]],
    axes: tuple[str, str] = ("", ""),
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    size: Size = WIDE,
) -> Chart:
    """Place rows of numbers, each spread over the whole width.

    Parameters
    ----------
    title : str
        What the chart shows.
    values : mapping of str to sequence of float
        By name; numbers beyond the outer ticks stay at the edge.
    ticks : sequence of float
        Marks of the vertical axis, the lowest first: they are its range.
    across : sequence of (float, str)
        Marks of the horizontal axis: share of the width, and what stands there.
    axes : (str, str)
        What the horizontal and the vertical axis measure.
    bands : mapping of str to (sequence, sequence) of float, optional
        Lower and upper end of what lies around a line.
    size : Size
        Of the drawing.
    """
    frame = Frame(size, ticks[0], ticks[-1])
    right, down = frame.right, frame.down

    def points(numbers: Sequence[float]) -> list[Point]:
        last = max(len(numbers) - 1, 1)
        return [(right(k / last), down(value)) for k, value in enumerate(numbers)]

    lines = []
    for number, (name, numbers) in enumerate(values.items()):
        lower, upper = (bands or {}).get(name, ((), ()))
        outline = [*points(lower), *reversed(points(upper))]
        lines.append(Line(name, points(numbers), number % _STYLES, outline))
    up = [Tick(down(tick), f"{tick:g}", "end", tick == 0) for tick in ticks]
    anchors = {0.0: "start", 1.0: "end"}
    marks = [Tick(right(share), text, anchors.get(share, "middle")) for share, text in across]
    return Chart(title, size, lines, up, marks, axes)


def path(points: Sequence[Point]) -> str:
    """Points as SVG writes them, to a tenth."""
    return " ".join(f"{round(x, 1):g},{round(y, 1):g}" for x, y in points)
