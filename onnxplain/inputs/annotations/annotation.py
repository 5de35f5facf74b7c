"""What a person has drawn on one picture: boxes with classes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from onnxplain.errors import ImageError

# Left, top, right and bottom edge.
Sides = tuple[float, float, float, float]
Form = Literal["COCO", "YOLO", "Pascal VOC", "plain"]
# Why an object counts neither as found nor as missed.
Aside = Literal["", "crowd", "difficult"]


@dataclass(frozen=True)
class Marked:
    """One object that is drawn on a picture.

    Attributes
    ----------
    label : str or int
        Name of its class; a number is the model's, where a format has no names.
    sides : Sides
        Left, top, right and bottom edge.
    aside : {"", "crowd", "difficult"}
        Why it counts neither as found nor as missed; empty if it counts.
    """

    label: str | int
    sides: Sides
    aside: Aside = ""


@dataclass(frozen=True)
class Annotation:
    """All objects of one picture.

    Attributes
    ----------
    objects : tuple of Marked
        May be empty: somebody looked, and there is nothing.
    shares : bool
        Whether sides are shares of the picture's width and height, and not pixels.
    size : (int, int), optional
        Width and height of the picture that was drawn on, if the annotation says it.
    """

    objects: tuple[Marked, ...] = ()
    shares: bool = False
    size: tuple[int, int] | None = None

    def in_pixels(self, size: tuple[int, int]) -> tuple[Marked, ...]:
        """Return the objects with their sides in pixels, cut at the edges of the picture.

        An object that lies beside the picture is left out.

        Parameters
        ----------
        size : (int, int)
            Width and height of the picture.

        Raises
        ------
        ImageError
            If the annotation says that it belongs to a picture of another size.
        """
        if self.size is not None and self.size != size:
            raise ImageError(
                f"its boxes are for {self.size[0]} x {self.size[1]} pixels, but the picture has "
                f"{size[0]} x {size[1]}; use the pictures that were annotated"
            )
        width, height = size
        across, down = size if self.shares else (1, 1)
        found = []
        for one in self.objects:
            left, top, right, bottom = one.sides
            left, right = (min(max(x * across, 0.0), width) for x in (left, right))
            top, bottom = (min(max(y * down, 0.0), height) for y in (top, bottom))
            if left < right and top < bottom:
                found.append(replace(one, sides=(left, top, right, bottom)))
        return tuple(found)

    def to_list(self) -> list[object]:
        """Plain data that tells two annotations apart."""
        objects = [[o.label, list(o.sides), o.aside] for o in self.objects]
        return [objects, self.shares, self.size and list(self.size)]


@dataclass
class Read:
    """What a reader found, before it is known which picture each entry belongs to.

    Attributes
    ----------
    form : str
        The format.
    names : list of str
        Classes that are annotated: an object of another class is not drawn, though it may be
        there.
    entries : list of (str, Annotation or None)
        Path of the picture, or of the file that speaks of it; ``None`` if that cannot be read,
        so that nobody knows what is on the picture.
    by_stem : bool
        Whether those paths end otherwise than the pictures' do.
    problems : list of str
        What was left out, and why.
    notes : list of str
        What was taken for granted.
    """

    form: Form
    names: list[str] = field(default_factory=list)
    entries: list[tuple[str, Annotation | None]] = field(default_factory=list)
    by_stem: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def sides_of(values: Iterable[object]) -> Sides | None:
    """Four finite numbers, each left or top before its right or bottom; else ``None``."""
    found = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    try:
        numbers = [float(v) for v in found]
    except OverflowError:  # a whole number beyond all floats
        return None
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        return None
    left, top, right, bottom = numbers
    return (left, top, right, bottom) if left < right and top < bottom else None
