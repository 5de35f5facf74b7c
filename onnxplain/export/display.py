"""Maps as pictures show them, in ONNX nodes: channels summed, enlarged, scaled.

What is computed here is what `onnxplain.explanations.display` computes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from onnxplain.explanations.spread import Spread
from onnxplain.render.overlay import PERCENTILE
from onnxplain.symbolic.builder import Builder

# Maps of single pixels end their colours at this percentile.
_PERCENT = round(PERCENTILE)


@dataclass(frozen=True)
class Form:
    """What has to be known of a map to show it.

    Attributes
    ----------
    display : {"signed", "positive", "magnitude"}
        Which part of the numbers pictures show.
    grid : (int, int)
        Height and width of the map.
    channels : int, optional
        Axis of its channels, if it has some.
    at_layer : bool
        Whether it was read at a layer rather than at the pixels.
    size : (int, int)
        Height and width of the model's input.
    spread : Spread, optional
        Where it lies, if not evenly on all of the picture.
    """

    display: str
    grid: tuple[int, int]
    channels: int | None
    at_layer: bool
    size: tuple[int, int]
    spread: Spread | None = None

    @property
    def percentile(self) -> float:
        """Percentile of the magnitudes at which colours end."""
        return 100.0 if self.at_layer else float(_PERCENT)


def flat(build: Builder, form: Form, raw: str) -> str:
    """Sum a map over its channels, (N, height, width)."""
    if form.channels is None:
        return raw
    return build.reduce("ReduceSum", raw, [form.channels], keep=False)


def shown_part(build: Builder, form: Form, x: str) -> str:
    """The part of a map that pictures show."""
    operator = {"positive": "Relu", "magnitude": "Abs"}.get(form.display)
    return x if operator is None else build.add(operator, x)


def unit(build: Builder, top: str, x: str) -> str:
    """Divide a map by where its colours end; zeros stay zeros."""
    nothing = build.add("Equal", top, build.number(0.0))
    divisor = build.add("Where", nothing, build.number(1.0), top)
    scaled = build.add("Div", x, divisor)
    return build.add("Clip", scaled, build.number(-1.0), build.number(1.0))


def limit(build: Builder, form: Form, x: str) -> str:
    """Magnitude at which the colours of each map end, (N, 1, 1)."""
    magnitude = build.add("Abs", x)
    if form.at_layer:
        return build.reduce("ReduceMax", magnitude, [1, 2])
    return _percentile(build, magnitude, form.grid[0] * form.grid[1])


def _percentile(build: Builder, magnitude: str, total: int) -> str:
    """The percentile of those that are not zero, between two of them by linear interpolation."""
    rows = build.add("Reshape", magnitude, build.integers(-1, total))
    # The wanted one is among the largest hundredth.
    count = min(total, (total - 1) * (100 - _PERCENT) // 100 + 2)
    largest = build.many("TopK", [rows, build.integers(count)], 2, axis=1)[0]
    present = build.add("Cast", build.add("Greater", rows, build.number(0.0)), to=TensorProto.INT64)
    last = build.add("Sub", build.reduce("ReduceSum", present, [1]), build.integer(1))
    hundredths = build.add("Mul", last, build.integer(_PERCENT))
    below = build.add("Div", hundredths, build.integer(100))
    rest = build.add("Mod", hundredths, build.integer(100))
    share = build.add("Cast", rest, to=TensorProto.FLOAT)
    share = build.add("Div", share, build.number(100.0))
    zero = build.integer(0)
    lower = build.add("Max", build.add("Sub", last, below), zero)
    upper = build.add("Max", build.add("Sub", lower, build.integer(1)), zero)
    low = build.add("GatherElements", largest, lower, axis=1)
    high = build.add("GatherElements", largest, upper, axis=1)
    found = build.add("Add", low, build.add("Mul", build.add("Sub", high, low), share))
    return build.add("Reshape", found, build.integers(-1, 1, 1))


def enlarged(build: Builder, form: Form, x: str) -> str:
    """Resize a map to the model's input, bilinearly, to where it lies on the picture."""
    if form.spread is None and form.grid == form.size:
        return x
    for axis, (first, second) in enumerate(zip(*_positions(form), strict=True)):
        x = _along(build, x, axis + 1, first, second)
    return x


# Index of a cell and its weight, for each pixel of an axis.
_Cells = tuple[NDArray[np.int64], NDArray[np.float32]]


def _positions(form: Form) -> tuple[list[_Cells], list[_Cells]]:
    """The two cells that each row, and each column, of the picture lies between."""
    if form.spread is None:
        places = [
            (np.arange(new) + 0.5) * old / new - 0.5
            for old, new in zip(form.grid, form.size, strict=True)
        ]
        seen: list[NDArray[np.bool_]] = [np.ones(n, bool) for n in form.size]
    else:
        places = list(form.spread.positions(form.grid, form.size))
        both = form.spread.sees(form.size)
        seen = [np.asarray(both.any(axis=1)), np.asarray(both.any(axis=0))]
    lower, upper = [], []
    for at, visible, count in zip(places, seen, form.grid, strict=True):
        kept = np.clip(at, 0.0, count - 1.0)
        below = np.floor(kept).astype(np.int64)
        share = (kept - below) * visible
        lower.append((below, ((1.0 - (kept - below)) * visible).astype(np.float32)))
        upper.append((np.minimum(below + 1, count - 1), share.astype(np.float32)))
    return lower, upper


def _along(build: Builder, x: str, axis: int, first: _Cells, second: _Cells) -> str:
    parts = []
    for cells, weights in (first, second):
        picked = build.add("Gather", x, build.constant(cells), axis=axis)
        shape = (-1, 1) if axis == 1 else (1, -1)
        parts.append(build.add("Mul", picked, build.constant(weights.reshape(shape))))
    return build.add("Add", *parts)
