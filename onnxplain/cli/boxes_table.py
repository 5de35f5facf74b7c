"""What became of the boxes of a detector, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.cli.console import line, table
from onnxplain.evaluate.boxes.score import DetectionScore

_COLUMNS = (
    "class", "objects", "hits", "misses", "false positives", "precision", "recall", "AP50",
    "AP50-95",
)  # fmt: skip


def show_boxes(found: DetectionScore, labels: Sequence[str]) -> None:
    """Print hits, misses, false positives and precision of each class."""
    rows = [
        [
            labels[c.index] if c.index < len(labels) else str(c.index),
            c.objects, c.hits, c.misses, c.false_positives,
            c.precision, c.recall, c.ap50, c.ap50_95,
        ]
        for c in found.classes
    ]  # fmt: skip
    title = f"boxes with a score of at least {found.least:g}; hits overlap by at least one half"
    table(title, _COLUMNS, rows)
    empty = f", {found.empty} of them without objects" if found.empty else ""
    line(f"{found.pictures} annotated pictures{empty} ({found.form})")
    if found.map50 is not None and found.map50_95 is not None:
        line(f"mAP50 {found.map50:.3f}, mAP50-95 {found.map50_95:.3f}")
    for note in found.notes:
        line(f"({note})")
    line()
