"""Do the parts of a record fit each other, as far as a report puts them together?

A record may come from anybody. Its schema tells the form of each part, and not that one part
speaks of what another one has.
"""

from __future__ import annotations

from collections.abc import Iterator

from onnxplain.audit.records.record import Head
from onnxplain.audit.records.summaries import BESIDE
from onnxplain.errors import UsageError


def require_fit(record: Head) -> None:
    """Refuse a record that no report can be made of.

    Raises
    ------
    UsageError
        If a part of the record speaks of what the record does not have.
    """
    for problem in _misfits(record):
        raise UsageError(
            f"the record cannot be shown, because its parts contradict each other: {problem}; "
            "onnxplain did not write it like this"
        )


def _misfits(record: Head) -> Iterator[str]:
    if not any(name in record.methods for name in record.questions.methods):
        yield "none of the methods in its questions is among its methods"
    classes = {(c.index, c.method) for c in record.classes}
    for k, suspect in enumerate(record.suspects):
        if suspect.kind != BESIDE and (suspect.index, suspect.method) not in classes:
            yield f"suspects[{k}] is of a class and a method that are not among its classes"
    for k, checked in enumerate(record.sanity):
        if len(checked.spearman) != len(checked.layers):
            yield f"sanity[{k}] has {len(checked.layers)} layers and {len(checked.spearman)} values"
    if record.predictions.labelled and record.predictions.accuracy is None:
        yield "predictions count labels and have no accuracy"
