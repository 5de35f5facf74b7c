"""The summaries of a record, computed again from the pictures that it lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.audit.summaries import sums_of_classes, sums_of_entries
from onnxplain.audit.summary import summarise_classes
from onnxplain.audit.verify.check import Check
from onnxplain.audit.verify.recorded import Recorded
from onnxplain.audit.verify.suspects import strengths
from onnxplain.errors import UsageError

# Rounding of sums, and of the six digits that curves have.
_TOLERANCE = 1e-6
# What a class's entry, and the alarms, say without any map.
_OF_CLASSES = ("index", "method", "count", "evidence")
_OFF_THE_OBJECT = "outside the mask"


def resummed(record: Mapping[str, Any], examples: int) -> list[Check]:
    """Compare each summary that needs no maps with what the record's pictures give.

    Parameters
    ----------
    record : mapping
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
        found = sums_of_entries(results, examples)
        found |= sums_of_classes(results, summarise_classes(results), examples)
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"the record's pictures cannot be summed up, their entries do not fit each other: "
            f"{type(error).__name__}: {error}"
        ) from error
    checks = [_check("pictures examined", record["data"]["examined"], len(record["pictures"]))]
    for key in ("predictions", "measures", "curves", "sanity", "failures"):
        # Records of format 1 have no curves.
        if key in record:
            checks.append(_check(key, record[key], found[key]))
    said, again = ([{k: c[k] for k in _OF_CLASSES} for c in s["classes"]] for s in (record, found))
    checks.append(_check("classes", said, again))
    said, again = (
        [s for s in sums["suspects"] if s["kind"] == _OFF_THE_OBJECT] for sums in (record, found)
    )
    checks.append(_check("suspects outside the mask", said, again))
    return [*checks, strengths(record)]


def _check(name: str, known: Any, found: Any) -> Check:
    check = Check(f"{name} (summed again)", _TOLERANCE)
    check.all(known, found, name)
    return check
