"""Which places of a dense answer are meant: one, those of a class, those of a mask, all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NowhereError, UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.inputs.array_file import read_array
from onnxplain.inputs.image import open_image

EVERYWHERE = "everywhere"
#: How captions call the places of one picture at which a class is predicted.
PREDICTED = "its predicted region"


@dataclass(frozen=True)
class Places:
    """Some places of a dense answer.

    Attributes
    ----------
    indices : tuple of (M,) int array
        For each axis of the places.
    weights : (M,) array
        Share of each; they add up to one.
    words : str
        What they are, for captions.
    """

    indices: tuple[NDArray[np.int64], ...]
    weights: NDArray[np.float64]
    words: str


def require_position(answer: Answer, given: tuple[int, ...], region: str = "") -> tuple[int, ...]:
    """Check a position that a person gave.

    Parameters
    ----------
    answer : Answer
        The dense answer, or one without places.
    given : tuple of int
        One index for each axis of places, or for each of those longer than one; may be empty.
    region : str
        Several places that a person named in its stead.

    Returns
    -------
    tuple of int
        One index for each axis of places; empty if none was given.

    Raises
    ------
    UsageError
        If an answer without places has a position, or it is out of range.
    """
    places = answer.places
    if not (given or region):
        return ()
    if not places:
        raise UsageError(
            f"output {answer.output!r} has one score for each class and no places; drop the "
            "position"
        )
    if not given:
        return ()
    longer = [n for n in places if n > 1]
    wanted = "ROW,COLUMN" if len(longer) == 2 else f"{len(longer)} numbers"
    if len(given) == len(longer) != len(places):
        rest = iter(given)
        given = tuple(next(rest) if n > 1 else 0 for n in places)
    inside = len(given) == len(places) and all(
        0 <= p < n for p, n in zip(given, places, strict=True)
    )
    if not inside:
        sizes = " x ".join(map(str, longer))
        raise UsageError(
            f"position {','.join(map(str, given))} is outside the output: {answer.output!r} "
            f"has {sizes} places ({wanted}, counted from 0)"
        )
    return given


def region_of(region: str, answer: Answer, predicted: NDArray[np.bool_]) -> Places:
    """Places that a person's words stand for.

    Parameters
    ----------
    region : str
        ``everywhere``; the path of a mask, a picture that is bright where it counts or a
        ``.npy`` array; or empty, for where the class is predicted.
    answer : Answer
        The dense answer.
    predicted : bool array
        Where the class is predicted, in the shape of the places.

    Raises
    ------
    UsageError
        If no place is left, or the mask cannot be used.
    NowhereError
        If the class is predicted at no place of this picture, and no region is given.
    """
    if region == EVERYWHERE:
        return _places(np.ones(answer.places, bool), "all places")
    if region:
        return _places(_mask(Path(region), answer), f"the mask {Path(region).name}")
    if not predicted.any():
        raise NowhereError(
            "the class is predicted at no place of this picture: name a place "
            "(CLASS@ROW,COLUMN), a mask (CLASS@mask.png), or all places (CLASS@everywhere)"
        )
    return _places(predicted, PREDICTED)


def _places(mask: NDArray[np.bool_], words: str) -> Places:
    indices = tuple(np.nonzero(mask))
    count = int(mask.sum())
    if not count:
        raise UsageError(f"{words} holds no place of the answer; choose another region")
    return Places(indices, np.full(count, 1.0 / count), words)


def _mask(path: Path, answer: Answer) -> NDArray[np.bool_]:
    places = answer.places
    if path.suffix.lower() == ".npy":
        try:
            found = np.asarray(read_array(path)) != 0
        except ValueError as error:
            raise UsageError(f"cannot read mask {str(path)!r}: {error}") from error
        if found.shape != places:
            raise UsageError(
                f"mask {str(path)!r} must have the shape of the answer's places, {list(places)}, "
                f"not {list(found.shape)}"
            )
        return found
    rows, columns = _plane(places, path)
    drawn: Any = open_image(path).convert("L").resize((columns, rows), resample=0)
    return np.asarray(drawn).reshape(places) > 127


def _plane(places: tuple[int, ...], path: Path) -> tuple[int, int]:
    longer = [n for n in places if n > 1]
    if len(longer) > 2:
        raise UsageError(
            f"mask {str(path)!r} is a picture, and the answer has {len(places)} axes of places: "
            "give a .npy array of their shape"
        )
    if len(longer) == 2:
        return longer[0], longer[1]
    return (1, longer[0]) if longer else (1, 1)
