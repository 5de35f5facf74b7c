"""The summaries of a record, computed again from the pictures that it lists."""

from __future__ import annotations

from typing import Any

from onnxplain.audit.boxes.sums import count_again
from onnxplain.audit.records.plain import plain
from onnxplain.audit.records.record import Record
from onnxplain.audit.records.summaries import BESIDE, OUTSIDE_THE_MASK, ClassSum
from onnxplain.audit.summaries import class_summaries, summarise_entries
from onnxplain.audit.summary import summarise_classes
from onnxplain.audit.verify.check import Check
from onnxplain.audit.verify.recorded import Recorded
from onnxplain.audit.verify.suspects import strengths
from onnxplain.errors import UsageError

# Rounding of sums, and of the six digits that curves have.
_TOLERANCE = 1e-6


def check_summaries(record: Record, examples: int) -> list[Check]:
    """Compare each summary that needs no maps with what the record's pictures give.

    Parameters
    ----------
    record : Record
        See `onnxplain.audit.record.read_record`.
    examples : int
        How many pictures of each kind the record's lists have at most.

    Raises
    ------
    UsageError
        If the record's entries do not fit each other, so that they have no sums.
    """
    results = Recorded(record)
    try:
        found = summarise_entries(results, examples, record.model.task)
        of_classes = class_summaries(results, summarise_classes(results), examples)
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(
            "the record's pictures cannot be summarised, because their entries contradict each "
            f"other: {type(error).__name__}: {error}"
        ) from error
    checks = [
        _check("pictures examined", record.data.examined, len(record.pictures)),
        _check("predictions", record.predictions, found.predictions),
        _check("measures", record.measures, found.measures),
    ]
    if record.tells_of_answers:
        checks.append(_check("answers", record.answers, found.answers))
    if record.said_curves is not None:
        checks.append(_check("curves", record.curves, found.curves))
    checks.append(_check("sanity", record.sanity, found.sanity))
    checks.append(_check("failures", record.failures, found.failures))
    # What a class's entry, and the alarms, say without any map.
    said, found_without = ([_without_map(c) for c in s.classes] for s in (record, of_classes))
    checks.append(_check("classes", said, found_without))
    for name, kind in (("outside the mask", OUTSIDE_THE_MASK), ("beside objects", BESIDE)):
        suspects, suspects_found = (
            [s for s in summary.suspects if s.kind == kind] for summary in (record, of_classes)
        )
        checks.append(_check(f"suspects {name}", suspects, suspects_found))
    if record.boxes is not None:
        checks.append(_check("boxes", record.boxes, count_again(results, record.boxes)))
    return [*checks, strengths(record)]


def _without_map(summary: ClassSum) -> dict[str, Any]:
    return {k: v for k, v in plain(summary).items() if k != "mean_map"}


def _check(name: str, known: Any, found: Any) -> Check:
    check = Check(f"{name} (from the pictures)", _TOLERANCE)
    check.all(plain(known), plain(found), name)
    return check
