"""Deletion and insertion in a report: the means of the methods, and those of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnxplain.audit.curves import SHARES
from onnxplain.audit.records.pictures import Done
from onnxplain.audit.records.summaries import CurveSum
from onnxplain.evaluate.measures import MEASURES
from onnxplain.render.axes import axes_of
from onnxplain.report.chart import SMALL, Chart, chart

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_ACROSS = ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %"))
# Every so many points stand in tables; all of them are in the record.
_EACH, _EACH_OF_PICTURE = 4, 8


@dataclass(frozen=True)
class Table:
    """Numbers behind a chart.

    Attributes
    ----------
    columns : list of str
        What each column is of.
    rows : list of (float, list of str)
        Share of the pixels exchanged, and the score of each column there.
    """

    columns: list[str]
    rows: list[tuple[float, list[str]]]


@dataclass(frozen=True)
class Curves:
    """A chart with its numbers.

    Attributes
    ----------
    name : str
        The measure, or the method.
    reading : str
        Which lines are better; empty where nothing is to be said.
    chart : Chart
        The drawing.
    table : Table
        Some of its numbers.
    """

    name: str
    reading: str
    chart: Chart
    table: Table


def mean_curves(found: Sequence[CurveSum], methods: Sequence[str], unit: str) -> list[Curves]:
    """One chart for each measure, with a line for each method and its quartiles around it.

    Parameters
    ----------
    found : sequence of CurveSum
        The record's ``curves``.
    methods : sequence of str
        In their order; curves of others, which only an edited record has, are left out.
    unit : str
        What the explained numbers are.
    """
    curves = []
    found = [c for c in found if c.method in methods]
    for measure in dict.fromkeys(c.measure for c in found):
        by_method = {c.method: c for c in found if c.measure == measure}
        here = {m: by_method[m] for m in methods if m in by_method}
        means = {m: c.mean for m, c in here.items()}
        bands = {m: (c.lower_quartile, c.upper_quartile) for m, c in here.items()}
        axes = axes_of(measure, unit)
        drawn = chart(
            f"{measure}: mean {axes[1]} of each method against the {axes[0]}, with quartiles. "
            "The table below holds the numbers.",
            means,
            ticks=_ticks([v for band in bands.values() for row in band for v in row]),
            across=_ACROSS,
            axes=axes,
            bands=bands,
        )
        rows = [
            (float(SHARES[k]), [_with_quartiles(c, k) for c in here.values()])
            for k in range(0, len(SHARES), _EACH)
        ]
        known = MEASURES.get(measure)
        reading = f"{known.better} lines are better" if known else ""
        curves.append(Curves(measure, reading, drawn, Table(list(here), rows)))
    return curves


def picture_curves(entry: Done) -> list[Curves]:
    """One small chart for each method that has curves of a picture.

    Parameters
    ----------
    entry : Done
        What the record says of the picture.
    """
    curves = []
    for method, result in entry.methods.items():
        lines = result.curves
        if not lines:
            continue
        values = [value for scores in lines.values() for value in scores]
        drawn = chart(
            f"{' and '.join(lines)} of {entry.name} by {method}. The table below "
            "holds the numbers.",
            lines,
            ticks=_ticks(values),
            across=_ACROSS,
            axes=("share of pixels", entry.target_unit),
            size=SMALL,
        )
        rows = [
            (float(SHARES[k]), [f"{scores[k]:.3f}" for scores in lines.values()])
            for k in range(0, len(SHARES), _EACH_OF_PICTURE)
        ]
        curves.append(Curves(method, "", drawn, Table(list(lines), rows)))
    return curves


def _ticks(values: Sequence[float]) -> tuple[float, ...]:
    """Probabilities have their whole range; a score of another kind its own."""
    low, high = min(values), max(values)
    if low >= -1e-6 and high <= 1 + 1e-6:
        return _TICKS
    return tuple(low + ((high - low) or 1.0) * tick for tick in _TICKS)


def _with_quartiles(curve: CurveSum, k: int) -> str:
    low, high = curve.lower_quartile[k], curve.upper_quartile[k]
    return f"{curve.mean[k]:.3f} ({low:.3f} to {high:.3f})"
