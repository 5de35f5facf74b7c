"""What a person writes for a target: a class, a rank, its negative, a place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from onnxplain.targets.boxes.request import BoxRequest

# Python refuses to read very long numbers; longer ones are no target.
_LONGEST_INDEX = 18
LIKE = "like="
RANKED = re.compile(r"top-([1-9]\d{0,17})", re.IGNORECASE)
_MASKS = (".png", ".npy", ".bmp", ".tif", ".tiff", ".gif")
_PLACE = re.compile(r"\d{1,18}(\s*,\s*\d{1,18})*")


@dataclass(frozen=True)
class TargetRequest:
    """One or several targets of one picture.

    Attributes
    ----------
    index : int or None
        Class index; ``None`` for the most probable classes.
    top : int
        How many of those.
    negative : bool
        "Not this class".
    position : tuple of int
        Place in a dense output.
    region : str
        Several places of a dense output: ``everywhere`` or the path of a mask; those where the
        class is predicted if it is empty and there is no position.
    like : str
        What an embedding is compared with: a picture, or a ``.npy`` file.
    element : str
        An element or slice of a tensor, ``NAME[INDEX]``.
    reference : (D,) array, optional
        The vector that `like` stands for.
    box : BoxRequest, optional
        Which boxes of a detector.
    part : str
        Which number of a box; empty for the score of its class.
    by_match : bool
        Whether how well any box matches is explained, which has no slope.
    match : str
        How boxes are compared then, see `BoxMatch`; empty for the method's own way.
    """

    index: int | None = None
    top: int = 1
    negative: bool = False
    position: tuple[int, ...] = ()
    region: str = ""
    like: str = ""
    element: str = ""
    reference: NDArray[Any] | None = field(default=None, compare=False)
    box: BoxRequest | None = None
    part: str = ""
    by_match: bool = False
    match: str = ""


# What stands for a target in the library's functions.
TargetLike = str | int | TargetRequest | None


def read_target(said: str | int | None, labels: Sequence[str], classes: int) -> TargetRequest:
    """Read a target as people write it.

    Parameters
    ----------
    said : str, int or None
        ``282`` or ``tiger cat``, a class; ``top-3``, the three most probable ones (also
        ``None``, the most probable one); ``not-wolf``, the negative of a class; any of these
        with ``@ROW,COLUMN``, at a place of a dense output. A class that bears exactly such a
        name comes first.
    labels : sequence of str
        Display names in class order; may be empty.
    classes : int
        Number of classes.

    Raises
    ------
    UsageError
        If it cannot be read.
    UnknownNameError
        If no class has that name.
    """
    if said is None:
        return TargetRequest()
    text = str(said).strip()
    names = {label.lower() for label in labels}
    if text.lower() in names:
        return TargetRequest(class_index(text, labels, classes))
    position: tuple[int, ...] = ()
    region = ""
    if "@" in text:
        text, _, place = text.rpartition("@")
        position, region = _place(place.strip())
    text = text.strip() or "top-1"
    if ranked := RANKED.fullmatch(text):
        top = min(int(ranked[1]), classes)
        return TargetRequest(top=top, position=position, region=region)
    negative = text.lower().startswith("not-") and text.lower() not in names
    name = text[4:] if negative else text
    return TargetRequest(
        class_index(name, labels, classes), negative=negative, position=position, region=region
    )


def split_file(said: str) -> tuple[str, str, bool]:
    """Take a target apart where it names a file.

    Returns
    -------
    str
        What stands before the file's path.
    str
        The path; empty if it names none.
    bool
        Whether it is what an embedding is compared with, and no mask.
    """
    text = said.strip()
    if text.lower().startswith(LIKE):
        return text[: len(LIKE)], text[len(LIKE) :], True
    head, at, place = text.rpartition("@")
    if at and place.strip().lower().endswith(_MASKS):
        return head + at, place.strip(), False
    return text, "", False


def _place(said: str) -> tuple[tuple[int, ...], str]:
    """Read a position or a region."""
    if _PLACE.fullmatch(said):
        return tuple(int(p) for p in said.split(",")), ""
    if said == "everywhere" or said.lower().endswith(_MASKS):
        return (), said
    raise UsageError(
        f"place {said!r} is not understood; write CLASS@ROW,COLUMN, CLASS@everywhere, or "
        f"CLASS@MASK with a file ending in {', '.join(_MASKS)}"
    )


def class_index(name: str | int, labels: Sequence[str], classes: int) -> int:
    """Class index that a person means by a number or a name.

    Parameters
    ----------
    name : str or int
        An index, or a class name (case does not matter).
    labels : sequence of str
        Display names in class order; may be empty.
    classes : int
        Number of classes.

    Raises
    ------
    UsageError
        If the index is out of range, or several classes have that name.
    UnknownNameError
        If no class has that name; the nearest names are offered.
    """
    text = str(name).strip()
    if re.fullmatch(r"-?[0-9]+", text):
        # Python refuses to read numbers of thousands of digits, which no class has.
        index = int(text) if len(text) < _LONGEST_INDEX else -1
        if not 0 <= index < classes:
            said = text if len(text) < 2 * _LONGEST_INDEX else f"of {len(text)} digits"
            raise UsageError(f"class index {said} is out of range: the model has 0..{classes - 1}")
        return index
    wanted = text.lower()
    matches = [i for i, label in enumerate(labels) if label.lower() == wanted]
    if len(matches) > 1:
        raise UsageError(f"class name {text!r} has several indices, {matches}; give one of them")
    if not matches:
        hint = f"an index 0..{classes - 1} works as well"
        if not labels:
            hint = f"the model has no class names: give an index 0..{classes - 1} or --labels FILE"
        raise UnknownNameError("class", text, labels, hint)
    return matches[0]
