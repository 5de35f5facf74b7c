"""Does a detector find an object by what lies beside it?

Each of eight places around a box is covered, one at a time, and the box itself is left alone. An
object that is known by itself is found all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.network.context import Context
from onnxplain.perturb.fills import fill
from onnxplain.targets.boxes.box_match import BoxMatch

# A place is half as long and wide as the box, and at least this part of the input's side.
_REACH, _LEAST = 1 / 2, 1 / 12
# How far from the box it begins: the pixels at an object's edge are the object's.
_GAP = 1 / 96
_ACROSS, _DOWN = ("left", "", "right"), ("above", "", "below")


def places(
    sides: tuple[float, float, float, float], size: tuple[int, int]
) -> dict[str, tuple[slice, slice]]:
    """Rows and columns of the eight places around a box, those beside the input left out.

    Parameters
    ----------
    sides : tuple of float
        Left, top, right and bottom in pixels of the input.
    size : (int, int)
        Height and width of the input.
    """
    left, top, right, bottom = sides
    columns = dict(zip(_ACROSS, _parts(left, right, size[1]), strict=True))
    rows = dict(zip(_DOWN, _parts(top, bottom, size[0]), strict=True))
    found = {}
    for down in _DOWN:
        for across in _ACROSS:
            row, column = rows[down], columns[across]
            if (down or across) and row.start < row.stop and column.start < column.stop:
                found[f"{down} {across}".strip()] = (row, column)
    return found


def lost_beside(model: Model, picture: Picture, target: BoxMatch) -> Mapping[str, float]:
    """Share of a box's match that is lost when each place beside it is covered.

    Parameters
    ----------
    model : Model
        The detector.
    picture : Picture
        What it sees.
    target : BoxMatch
        The box.

    Returns
    -------
    mapping of str to float
        1 where nothing of the match is left, 0 where nothing happens; negative where the match
        gets better. Places are covered with the picture's mean.
    """
    context = Context(model.network, model.preprocess)
    around = places(target.sides, model.network.image.size)
    whole = float(context.score(picture.x, target)[0])
    if not around or whole <= 0:
        return {}
    rows, columns = context.spatial_axes
    absent = fill(context, picture.x, "mean")
    covered: list[NDArray[np.float64]] = []
    for row, column in around.values():
        changed = picture.x.copy()
        index: list[slice] = [slice(None)] * changed.ndim
        index[rows], index[columns] = row, column
        changed[tuple(index)] = absent[tuple(index)]
        covered.append(changed)
    scores = context.score(np.concatenate(covered), target)
    return {name: 1 - float(s) / whole for name, s in zip(around, scores, strict=True)}


def _parts(first: float, last: float, length: int) -> tuple[slice, slice, slice]:
    """What lies in front of a range, the range, and what lies after it."""
    reach = max(_REACH * (last - first), _LEAST * length)
    gap = max(1.0, _GAP * length)
    edges = (first - gap - reach, first - gap, last + gap, last + gap + reach)
    before, start, stop, after = (min(max(round(e), 0), length) for e in edges)
    inner = (min(max(round(e), 0), length) for e in (first, last))
    return slice(before, start), slice(*inner), slice(stop, after)
