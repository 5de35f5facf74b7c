"""What a person writes for a box: its number, its class, a place in it, or its sides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.targets.request import RANKED, class_index

# Whole numbers that Python reads: it refuses superscripts and very long ones.
_WHOLE = r"\d{1,18}"
_NUMBERED = re.compile(r"(?P<name>.*)#(?P<number>[1-9]\d{0,17})")
_FLOAT = r"[-+]?\d+(?:\.\d*)?"
_AT = re.compile(rf"(?P<name>.*)@\s*(?P<x>{_FLOAT})\s*,\s*(?P<y>{_FLOAT})")
_DRAWN = re.compile(rf"(?P<name>.+?)\s+in\s+(?P<sides>{_FLOAT}(?:\s*,\s*{_FLOAT}){{3}})")
_FORMS = (
    "the model is a detector: write 2 (a box's number), top-3, CLASS, CLASS#2, CLASS@x,y or "
    "'CLASS in left,top,right,bottom'"
)


@dataclass(frozen=True)
class BoxRequest:
    """One or several boxes of a picture.

    Attributes
    ----------
    label : int or None
        Their class; any if not given.
    top : int
        How many, the strongest first.
    number : int
        Only the box of this number among those of the class, counted from 1; 0 for none.
    point : tuple of float
        Only boxes that hold this point, x and y in pixels of the photo; may be empty.
    sides : tuple of float
        A box that a person draws: left, top, right and bottom in pixels of the photo; may be
        empty.
    """

    label: int | None = None
    top: int = 1
    number: int = 0
    point: tuple[float, ...] = ()
    sides: tuple[float, ...] = ()


def read_box(said: str | int | None, labels: Sequence[str], count: int) -> BoxRequest:
    """Read which box is meant.

    Parameters
    ----------
    said : str, int or None
        ``3``, the box of that number in the table; ``car``, the strongest of a class, and
        ``car#2`` the second; ``car@120,80``, the strongest that holds a point of the photo;
        ``car in 10,20,110,220``, a box that a person draws; ``top-3``, the three strongest;
        ``None``, the strongest one.
    labels : sequence of str
        Names of the classes; may be empty.
    count : int
        Number of classes; 0 if unknown.

    Raises
    ------
    UsageError
        If it cannot be read.
    UnknownNameError
        If no class has that name.
    """
    if said is None:
        return BoxRequest()
    text = str(said).strip()
    if re.fullmatch(_WHOLE, text):
        if int(text) == 0:
            raise UsageError("boxes are numbered from 1")
        return BoxRequest(number=int(text))
    if ranked := RANKED.fullmatch(text):
        return BoxRequest(top=int(ranked[1]))

    def label(name: str) -> int | None:
        if not name.strip():
            return None
        known = {n.lower() for n in labels}
        if name.strip().lower() not in known and not re.fullmatch(_WHOLE, name.strip()):
            raise UnknownNameError("class", name.strip(), labels, _FORMS)
        return class_index(name, labels, count or 10**6)

    if drawn := _DRAWN.fullmatch(text):
        sides = tuple(float(n) for n in drawn["sides"].split(","))
        if sides[0] >= sides[2] or sides[1] >= sides[3]:
            raise UsageError(
                f"box {drawn['sides']} is empty; write left, top, right and bottom in pixels of "
                "the photo"
            )
        return BoxRequest(label(drawn["name"]), sides=sides)
    if at := _AT.fullmatch(text):
        return BoxRequest(label(at["name"]), point=(float(at["x"]), float(at["y"])))
    if numbered := _NUMBERED.fullmatch(text):
        return BoxRequest(label(numbered["name"]), number=int(numbered["number"]))
    return BoxRequest(label(text))
