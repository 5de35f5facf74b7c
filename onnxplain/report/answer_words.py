"""What right and wrong answers come to, in words: which classes, which groups, how sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxplain.audit.records.answers import AnswerSums, Calibration, GroupAnswers
from onnxplain.audit.records.record import Head
from onnxplain.report.answers import standing_out
from onnxplain.report.words import class_name

_LISTED = 3
# An expected calibration error of so many times what chance gives is told.
_TIMES = 2.0


def of_classes(record: Head, told: AnswerSums) -> Iterator[str]:
    """Say which classes are answered worse than the others.

    Parameters
    ----------
    record : Head
        The record.
    told : AnswerSums
        Its answers.
    """
    worse = standing_out(told.classes, worse=True)
    if worse:
        parts = []
        for c in worse[:_LISTED]:
            taken = f", most often taken for {class_name(record, c.taken_for)}"
            also = "" if c.taken_for is None else taken
            parts.append(f"{class_name(record, c.index)} ({c.right} of {c.count} right{also})")
        yield (
            f"answered worse than the other classes, by more than chance explains: "
            f"{', '.join(parts)}{_more(len(worse))}"
        )
    elif len(told.classes) > 1 and any(c.right < c.count for c in told.classes):
        yield "no class is answered worse than the others by more than chance explains"


def of_groups(record: Head, told: AnswerSums) -> Iterator[str]:
    """Say which groups are answered worse than the others; see `of_classes`."""
    if told.groups is None:
        return
    worse = standing_out(told.groups, worse=True)
    column = record.data.groups or "group"
    if worse:
        listed = ", ".join(
            f"{group_name(g)} ({g.right} of {g.count} right)" for g in worse[:_LISTED]
        )
        yield (
            f"answered worse than the other groups of {column}, by more than chance explains: "
            f"{listed}{_more(len(worse))}; groups may hold different classes, which alone can "
            "make a difference"
        )
    elif len(told.groups) > 1:
        lowest = min(told.groups, key=lambda g: g.share)
        yield (
            f"no group of {column} is answered worse than the others by more than chance "
            f"explains; the lowest is {group_name(lowest)}, with {lowest.right} of "
            f"{lowest.count} right"
        )


def group_words(record: Head, group: GroupAnswers) -> str:
    """Say of which group pictures are: of COLUMN NAME, or of none."""
    return f"of {record.data.groups or 'group'} {group.group}" if group.group else "of no group"


def group_name(group: GroupAnswers) -> str:
    """Name of a group."""
    return "none named" if group.group is None else group.group


def worse_parts(record: Head, told: AnswerSums) -> list[str]:
    """Names of the classes and groups that are answered worse than the others."""
    classes = standing_out(told.classes, worse=True)
    groups = standing_out(told.groups or (), worse=True)
    names = [f"“{class_name(record, c.index)}”" for c in classes]
    return names + [f"pictures {group_words(record, g)}" for g in groups]


def is_off(told: Calibration) -> int:
    """1 if answers claim more than they keep, -1 if less, 0 if these pictures do not show it."""
    return int(told.sure > told.high) - int(told.sure < told.low)


def of_sureness(told: Calibration | None) -> Iterator[str]:
    """Say whether probabilities are kept."""
    if told is None:
        return
    claim = f"the answers claim {percent(told.sure)} on average and are right in "
    claim += f"{percent(told.right)} of the cases"
    error = (
        f"expected calibration error {percent(told.error)}; true probabilities would give "
        f"{percent(told.by_chance)} by chance"
    )
    if off := is_off(told):
        interval = f"95 % interval {percent(told.low)} to {percent(told.high)}"
        verdict = "too sure of itself" if off > 0 else "right more often than it claims"
        yield f"{claim} ({interval}): the model is {verdict} ({error})"
    elif told.error > _TIMES * told.by_chance:
        yield f"{claim}, but answers of some probabilities are not kept: {error}"
    else:
        yield f"{claim}: no more difference than these pictures give by chance ({error})"


def percent(share: float) -> str:
    """Write a share with one decimal."""
    return f"{100 * share:.1f} %"


def listed(names: Sequence[str]) -> str:
    """Names of a few, and how many more there are."""
    return ", ".join(names[:_LISTED]) + _more(len(names))


def _more(count: int) -> str:
    return f" and {count - _LISTED} more" if count > _LISTED else ""
