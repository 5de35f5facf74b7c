"""The reliability diagram: how often answers of each probability are right."""

from __future__ import annotations

from onnxplain.audit.records.answers import Calibration
from onnxplain.report.chart import SQUARE, Bar, Chart, Frame, Line, Tick

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability(told: Calibration) -> Chart:
    """Draw accuracy over probability, with 95 % intervals, and the line where both are equal.

    Parameters
    ----------
    told : Calibration
        Of a record.
    """
    frame = Frame(SQUARE, _TICKS[0], _TICKS[-1])
    dots = [(frame.right(b.sure), frame.down(b.right / b.count)) for b in told.bins]
    bars = [
        Bar(x, frame.down(b.low), frame.down(b.high), y)
        for (x, y), b in zip(dots, told.bins, strict=True)
    ]
    corner = [(frame.right(v), frame.down(v)) for v in (0.0, 1.0)]
    lines = [
        Line("as often right as claimed", corner, 4),
        Line("this model, with 95 % intervals", dots, 0, bars=bars),
    ]
    anchors = {0.0: "start", 1.0: "end"}
    across = [Tick(frame.right(t), f"{t:g}", anchors.get(t, "middle")) for t in _TICKS]
    up = [Tick(frame.down(t), f"{t:g}", "end", t == 0) for t in _TICKS]
    title = (
        "Reliability diagram: share of right answers over the probability that the model gives "
        "them. The table below holds the numbers."
    )
    return Chart(title, SQUARE, lines, up, across, ("probability of the answer", "right"))
