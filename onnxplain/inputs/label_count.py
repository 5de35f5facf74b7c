"""Are there as many names as classes, and if not, what may be the matter?"""

from __future__ import annotations

from collections.abc import Sequence

# What a class that stands for nothing in particular is called, at index 0.
_BACKGROUND = frozenset(
    "background __background__ _background_ dummy none n/a void other unlabeled unlabelled".split()
)
_IMAGENET = 1000


def misfit(names: Sequence[str], counts: Sequence[int]) -> str:
    """Say why so many names do not fit; empty if they do.

    Parameters
    ----------
    names : sequence of str
        In class order.
    counts : sequence of int
        How many would fit.
    """
    found = len(names)
    if found in counts:
        return ""
    fit = " or ".join(map(str, counts)) or "no"
    said = f"{found:d} names, but the model has {fit} classes"
    if len(counts) != 1:
        return said
    (wanted,) = counts
    background = bool(names) and names[0].strip().lower() in _BACKGROUND
    if found == wanted + 1 and (background or wanted == _IMAGENET):
        return f"{said}; remove {names[0]!r} at the top if the model has no background class"
    if found == wanted - 1 and not background:
        return (
            f"{said}; if class 0 is a background class, as in TensorFlow's models, put "
            "'background' before the names"
        )
    return said
