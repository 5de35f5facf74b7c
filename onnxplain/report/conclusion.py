"""What an audit comes to, in a few sentences that its figures write."""

from __future__ import annotations

from collections.abc import Iterator

from onnxplain.audit.records.answers import AnswerSums
from onnxplain.audit.records.record import Head
from onnxplain.report.answer_words import is_off, listed, percent, worse_parts
from onnxplain.report.verdict import passed, untrusted_methods
from onnxplain.report.words import class_name


def conclusion(record: Head, told: AnswerSums | None, judged: int) -> list[str]:
    """Sum up an audit for somebody who reads nothing else of it.

    Parameters
    ----------
    record : Head
        The record.
    told : AnswerSums or None
        Right and wrong answers, if there are labels.
    judged : int
        How many classes have enough pictures to be suspected of a shortcut.

    Returns
    -------
    list of str
        Sentences.
    """
    return [
        *_extent(record),
        *_answers(record, told),
        *_shortcuts(record, judged),
        *_maps(record),
    ]


def _extent(record: Head) -> Iterator[str]:
    if not record.complete:
        yield (
            f"This audit was stopped: it saw {record.data.examined} of {record.data.pictures} "
            "pictures."
        )


def _answers(record: Head, told: AnswerSums | None) -> Iterator[str]:
    name = record.model.name
    if record.boxes is not None:
        hits, objects = (
            sum(getattr(c, what) for c in record.boxes.classes) for what in ("hits", "objects")
        )
        if objects:
            yield f"{name} finds {hits} of {objects} objects ({percent(hits / objects)})."
        return
    if told is None:
        if record.model.task in (None, "classes", "yes-no", "labels"):
            yield f"How often {name} is right is not known, because no picture has a label."
        return
    low, high = round(100 * told.low), round(100 * told.high)
    span = f"{low}" if low == high else f"{low} to {high}"
    yield f"Of 100 further pictures of this kind, {name} will answer about {span} correctly."
    if worse := worse_parts(record, told):
        yield f"It is weaker than elsewhere on {listed(worse)}."
    if told.calibration is not None:
        sure, right = percent(told.calibration.sure), percent(told.calibration.right)
        off = is_off(told.calibration)
        if off > 0:
            yield f"It is too sure of itself: it claims {sure} and is right in {right}."
        elif off < 0:
            yield f"It is right more often ({right}) than it claims ({sure})."


def _shortcuts(record: Head, judged: int) -> Iterator[str]:
    # Names may be numbers, which would read as a count.
    names = list(dict.fromkeys(f"“{class_name(record, s.index)}”" for s in record.suspects))
    if names:
        yield (
            f"Look at the shortcut suspects first: {listed(names)} may be recognised by "
            "something that is not the object."
        )
    elif judged:
        yield (
            "The search found no shortcut, but it does not see all kinds (see “What the search "
            "cannot see”)."
        )
    else:
        yield "Shortcuts could not be searched for: each class has too few pictures."


def _maps(record: Head) -> Iterator[str]:
    good, bad = passed(record), untrusted_methods(record)
    if good:
        yield f"The maps of {' and '.join(good)} show what the model has learned."
    if bad:
        yield f"Do not use the maps of {' and '.join(bad)} as evidence."
    if not good and not bad:
        yield "Whether the maps can be believed is open."
