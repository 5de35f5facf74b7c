"""What else an output may be, and how a person declares what it is."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping

_DECLARE = "declare it with --task, or with --scores logits|probabilities|raw"
OPAQUE = "name another output with --output"
NUMBERS = f"{OPAQUE}, or explain the numbers as they are with --task values"
SELECTED = (
    "nothing says that a Softmax of these numbers gives probabilities; declare it with --scores "
    "logits, or keep to the raw numbers with --scores raw"
)
DECIDED = (
    "nothing says that a Sigmoid of these numbers gives probabilities; declare it with --scores "
    "logits, or keep to the raw numbers with --scores raw"
)
PICTURE = (
    "these may be a picture, values at each place, or scores of classes or labels at each place; "
    f"{_DECLARE}"
)
DRAWN = "these may also be values, such as a depth or grey values; declare it with --task values"
TOGETHER = (
    "one Softmax runs over several axes together, classes and places alike; if a Softmax at each "
    "place is meant, explain the numbers before it (--task values, --target NAME[INDEX])"
)
TWO_NAMES = "the number is taken as a logit; declare it with --scores"
NAMED = f"these may also be scores of classes; {_DECLARE}"
MIXED = "its numbers mean different things; --output names another output"


def raw_numbers(metadata: Mapping[str, str], count: int) -> str:
    """K numbers without a final activation."""
    if len(names(metadata)) == count:
        return (
            f"the metadata names {count} classes, but nothing says whether one or several of them "
            f"apply; {_DECLARE}"
        )
    return (
        "these are raw numbers: logits of one class out of several, of several labels, values "
        f"or an embedding; {_DECLARE}"
    )


def one_number(dense: bool) -> str:
    """One number without a final activation."""
    kind = "a mask" if dense else "a yes/no answer"
    return f"this may also be the logit of {kind}; declare it with --task yes-no"


def values(count: int, dense: bool, negative: bool = False) -> str:
    """Numbers that a function bounds, which is not how classes end; some of them below zero."""
    if count == 1:
        return one_number(dense) if negative else ""
    what = "feature maps" if dense else "an embedding"
    return f"these may also be scores of classes or {what}; {_DECLARE}"


def scaled(count: int, scale: float) -> str:
    """A Sigmoid that is multiplied."""
    kind = "a yes/no answer" if count == 1 else "labels"
    return f"this may also be {kind} that counts to {scale:.6g}; {_DECLARE}"


def names(metadata: Mapping[str, str]) -> list[str]:
    """Class names of a model's metadata under ``names``; empty if there are none."""
    text = metadata.get("names", "")
    if not 0 < len(text) < 1_000_000:
        return []
    for read in (ast.literal_eval, json.loads):
        try:
            found = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(found, dict):
            return [str(v) for v in found.values()]
        if isinstance(found, list):
            return [str(v) for v in found]
    return []
