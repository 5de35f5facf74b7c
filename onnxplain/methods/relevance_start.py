"""What relevance starts with at the output."""

from __future__ import annotations

from dataclasses import replace

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

STARTS = ("score", "others")


def seeded(target: Target, start: str) -> Target:
    """Return the target whose score relevance starts with.

    Parameters
    ----------
    target : Target
        What the user asked for.
    start : str
        ``score`` for the target's own score, distributed over its classes as it is summed;
        ``others`` for the class score minus the mean of all others.

    Raises
    ------
    UnknownNameError
        If there is no such start.
    MethodRefusedError
        If the target is another difference already, or there is no other class.
    """
    if start not in STARTS:
        raise UnknownNameError("start", start, STARTS, f"start: {', '.join(STARTS)}")
    if start == "score":
        return target
    if (
        not isinstance(target, ClassScore)
        or not (target.others or target.is_plain)
        or target.classes < 2
    ):
        raise MethodRefusedError(
            "start=others needs one plain class among several: no contrast, margin or negative"
        )
    return replace(target, others=True)
