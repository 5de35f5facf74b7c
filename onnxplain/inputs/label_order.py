"""Names in class order: what one name is, and what the indices beside names must be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from onnxplain.errors import UsageError

# Under which an entry of several fields holds its display name, the plainest first.
NAME_KEYS = (
    "name", "class_name", "classname", "label_name", "category_name", "display_name", "label",
    "class", "category", "description", "title", "text", "tag",
)  # fmt: skip
_LONGEST = 500


def refusal(where: str, problem: str) -> UsageError:
    """Return the one-line error of a source of labels."""
    return UsageError(f"labels {where!r}: {problem}")


def name_of(value: Any, what: str, where: str) -> str:
    """Display name that an entry holds.

    Parameters
    ----------
    value : str, number, pair or mapping
        The name; or an identifier and the name, as Keras' ``imagenet_class_index.json`` has
        them; or fields of which one is called like a name.
    what, where : str
        Which entry of which source it is, for the message.

    Raises
    ------
    UsageError
        If it is no name.
    """
    if isinstance(value, Mapping):
        value = next((value[k] for k in NAME_KEYS if k in value), None)
    elif is_pair(value):
        value = value[1]
    if isinstance(value, bool) or not isinstance(value, (str, Real)):
        said = {None: "null", True: "true", False: "false"}.get(value) if _plain(value) else None
        raise refusal(where, f"{what} has {said or 'no text'} for a name; write a name in quotes")
    name = str(value).strip()
    if len(name) > _LONGEST:
        raise refusal(
            where, f"the name of {what} has {len(name):,} characters, {_LONGEST} are allowed"
        )
    return name


def is_pair(value: Any) -> bool:
    """Whether a value is an identifier with a name after it."""
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(part, str) for part in value)
    )


def by_index(entries: Iterable[tuple[int, Any]], where: str) -> list[str]:
    """Put names in the order of their indices.

    Parameters
    ----------
    entries : iterable of (int, value)
        An index, and what `name_of` reads.
    where : str
        The source, for the message.

    Raises
    ------
    UsageError
        If the indices are not 0, 1, 2, ... each once, or a name is none.
    """
    names: dict[int, str] = {}
    for index, value in entries:
        name = name_of(value, f"index {index}", where)
        if index in names:
            raise refusal(where, f"index {index} appears twice: {names[index]!r} and {name!r}")
        names[index] = name
    rule = "indices must be 0, 1, 2, ... without gaps"
    if not names:
        return []
    low, high = min(names), max(names)
    if low < 0:
        raise refusal(where, f"index {low} is negative ({names[low]!r}); {rule}")
    if low == 1 and high == len(names):
        raise refusal(
            where,
            f"the indices count from 1 to {high}; {rule}: subtract 1, or add index 0 if the model "
            "has a background class there",
        )
    if high + 1 != len(names):
        missing = next(k for k in range(high) if k not in names)
        raise refusal(where, f"index {missing} is missing, the highest is {high}; {rule}")
    return [names[k] for k in range(len(names))]


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)
