"""Right and wrong answers of an audit, as its command prints them."""

from __future__ import annotations

from onnxplain.audit.records.answers import Part
from onnxplain.cli.console import line, table
from onnxplain.report.answer_words import group_name, of_sureness
from onnxplain.report.content import Content

# Rows of a table; the report has more, and the record all.
_CLASSES, _CONFUSIONS, _GROUPS = 12, 5, 20


def show_answers(shown: Content) -> None:
    """Print accuracy by class and group, the most frequent errors, and if probabilities are kept.

    Parameters
    ----------
    shown : Content
        What the report shows.
    """
    if shown.answers is None:
        return
    told = shown.answers.told
    worst = sorted(told.classes, key=lambda c: (c.right - c.count, c.index))[:_CLASSES]
    kept = sorted(worst, key=lambda c: c.index)
    some = f", the {len(kept)} with the most errors" if len(kept) < len(told.classes) else ""
    rows = [[shown.name(c.index), *_cells(c)] for c in kept]
    table(f"Answers by class{some}", ("class", "pictures", "right", "95 % interval"), rows)
    line()
    wrong = shown.answers.confusions[:_CONFUSIONS]
    if wrong:
        pairs: list[list[object]] = [
            [shown.name(c.label), _answer(shown, c.predicted), c.count] for c in wrong
        ]
        table("The most frequent errors", ("true", "answered", "pictures"), pairs)
        line()
    if told.groups:
        rows = [[group_name(g), *_cells(g)] for g in shown.answered_groups[:_GROUPS]]
        names = ("group", "pictures", "right", "95 % interval")
        table(f"Answers by {shown.record.data.groups}", names, rows)
        line()
    for text in of_sureness(told.calibration):
        line(f"probabilities: {text}")
    if told.calibration is None:
        line(f"probabilities: not compared with the labels, because {shown.not_calibrated}")
    line()


def _cells(part: Part) -> list[object]:
    span = f"{100 * part.low:.0f} to {100 * part.high:.0f} %"
    return [part.count, f"{100 * part.share:.1f} %", span]


def _answer(shown: Content, predicted: int | None) -> str:
    return "nothing" if predicted is None else shown.name(predicted)
