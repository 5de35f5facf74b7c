"""The first lines of a report: what was asked, what was found, and what failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onnxplain.audit.answers import wilson
from onnxplain.audit.records.answers import AnswerSums
from onnxplain.audit.records.record import Head
from onnxplain.audit.records.summaries import SanitySum
from onnxplain.evaluate.telling import says_little
from onnxplain.report.answer_words import of_classes, of_groups, of_sureness
from onnxplain.report.answers import why_not_calibrated

_FAILS, _DOUBTFUL, _UNTOLD, _PASSES = "fails", "doubtful", "cannot tell", "passes"


@dataclass(frozen=True)
class Verdict:
    """What an audit comes to.

    Attributes
    ----------
    asked : str
        The question, in one sentence.
    found : list of str
        The answers.
    failed : list of str
        What went wrong, or forbids to rely on a map.
    open : list of str
        What is not known, or to be read with care.
    """

    asked: str
    found: list[str]
    failed: list[str]
    open: list[str]


def verdict(record: Head, told: AnswerSums | None, judged: int) -> Verdict:
    """Sum up an audit.

    Parameters
    ----------
    record : Head
        The record.
    told : AnswerSums or None
        Right and wrong answers, if there are labels.
    judged : int
        How many classes have enough pictures to be suspected of a shortcut.
    """
    methods = " and ".join(m for m in record.questions.methods if m in record.methods)
    asked = (
        f"Does {record.model.name} classify {record.data.pictures} pictures correctly, where does "
        f"it look, and can the maps of {methods} be believed?"
    )
    found = list(_found(record, told, judged))
    return Verdict(asked, found, list(_failed(record)), list(_open(record, told, judged)))


def trusted_first(record: Head) -> list[str]:
    """Methods that ran: those that failed a sanity check last, else in the order asked for."""
    failed = untrusted_methods(record)
    ran = [m for m in record.questions.methods if m in record.methods]
    return sorted(ran, key=lambda m: m in failed)


def untrusted_methods(record: Head) -> list[str]:
    """Methods that failed a sanity check."""
    return [s.method for s in record.sanity if _is(s, _FAILS)]


def passed(record: Head) -> list[str]:
    """Methods whose maps passed every sanity check that was made of them."""
    return [s.method for s in record.sanity if all(v.startswith(_PASSES) for v in _verdicts(s))]


def untrusted(record: Head) -> list[str]:
    """Say of each method that failed a sanity check that it did."""
    return [
        f"sanity check of {s.method}: {_why(s, _FAILS)}; do not use its maps as evidence"
        for s in record.sanity
        if _is(s, _FAILS)
    ]


def silent_measures(record: Head) -> dict[tuple[str, str], str]:
    """Why a measure says little of a method on these pictures, by method and measure."""
    unit = record.predictions.target_unit
    told = {(c.method, c.measure): says_little(c.measure, c.mean, unit) for c in record.curves}
    return {key: text for key, text in told.items() if text}


def _found(record: Head, told: AnswerSums | None, judged: int) -> Iterator[str]:
    said = record.predictions
    if said.labelled and said.accuracy is not None:
        low, high = wilson(said.right, said.labelled)
        yield (
            f"{said.right} of {said.labelled} labelled pictures are classified correctly: "
            f"{100 * said.accuracy:.1f} %; on further pictures of this kind {100 * low:.0f} to "
            f"{100 * high:.0f} % can be expected (95 % interval)"
        )
    if told is not None:
        yield from of_classes(record, told)
        yield from of_groups(record, told)
        yield from of_sureness(told.calibration)
    if record.boxes is not None:
        hits = sum(c.hits for c in record.boxes.classes)
        objects = sum(c.objects for c in record.boxes.classes)
        wrong = sum(c.false_positives for c in record.boxes.classes)
        yield f"{hits} of {objects} objects are found, with {wrong} false positives"
    if judged:
        suspect = len({s.index for s in record.suspects})
        yield (
            f"{suspect} of {judged} classes may be recognised by a shortcut: see the suspects"
            if suspect
            else f"none of {judged} judged classes is suspected of a shortcut"
        )
    learned = [s.method for s in record.sanity if s.verdict.startswith(_PASSES)]
    if learned:
        yield (
            f"the maps of {' and '.join(learned)} depend on what the network has learned (sanity "
            "check passed)"
        )


def _failed(record: Head) -> Iterator[str]:
    if not record.complete:
        yield (
            f"the audit was stopped after {record.data.examined} of {record.data.pictures} "
            "pictures; run the same command to resume"
        )
    yield from untrusted(record)
    if record.failures:
        count = len(record.failures)
        yield f"{count} picture{'s' if count != 1 else ''} could not be examined"
    yield from (f"model warning: {text}" for text in record.model.warnings)


def _open(record: Head, told: AnswerSums | None, judged: int) -> Iterator[str]:
    if not record.predictions.labelled and record.boxes is None and record.model.task == "classes":
        yield "no labels are known, so answers cannot be judged right or wrong"
    if told is not None and (why := why_not_calibrated(record)):
        yield f"whether the probabilities are kept is not known: {why}"
    if not judged:
        yield "shortcuts are not judged: too few pictures of each class"
    if not record.sanity:
        yield "whether the maps depend on the model was not checked (sanity_pictures is 0)"
    for s in record.sanity:
        for word in (_DOUBTFUL, _UNTOLD):
            if _is(s, word):
                yield f"sanity check of {s.method}: {_why(s, word)}"
    whys: dict[str, list[str]] = {}
    for (method, measure), text in silent_measures(record).items():
        whys.setdefault(f"{measure} {text.partition(':')[0]}", []).append(method)
    for text, methods in whys.items():
        yield f"{text} ({', '.join(methods)}): see the curves"
    for m in record.measures:
        if m.measure == "warnings" and m.mean > 0:
            yield f"{100 * m.mean:.2g} % of the maps of {m.method} carry a warning"
    yield from (f"left out: {text}" for text in record.left_out)


def _is(checked: SanitySum, word: str) -> bool:
    return any(v.startswith(word) for v in _verdicts(checked))


def _why(checked: SanitySum, word: str) -> str:
    return "; ".join(v for v in _verdicts(checked) if v.startswith(word))


def _verdicts(checked: SanitySum) -> Sequence[str]:
    other = checked.other_class_verdict
    return (checked.verdict,) if other is None else (checked.verdict, other)
