"""Arithmetic of windows that is wrong by one: what a comparison of sections has to see."""

import numpy as np

from onnxplain.adapters.incremental import plan as planning
from onnxplain.adapters.incremental.plan import Side
from onnxplain.graph import sections
from onnxplain.graph.windows import Crops, affected, clamped_crops, unpadded_crops

SIDE = planning._side


def shifted(begin, end, length, stride):
    """Crops that begin one stride too late, where there is room."""
    crops = clamped_crops(begin, end, length, stride)
    room = crops.origin + crops.length + stride <= length
    return Crops(crops.origin + stride * room, crops.length, crops.first + room)


def early(begin, end, cells, need):
    """Crops without padding that begin one cell too early, where there is room."""
    crops = unpadded_crops(begin, end, cells, need)
    room = crops.origin + need.before > 0
    return Crops(crops.origin - room, crops.length, crops.first)


def shortened(section, axis, reached):
    """Sides that keep one cell less than a window reaches."""
    side = SIDE(section, axis, reached)
    return Side(side.crops, side.begin, np.maximum(side.begin + 1, side.end - 1))


def narrow(begin, end, step, length):
    """Windows that reach one cell less at each operator."""
    first, last = affected(begin, end, step, length)
    return first, np.maximum(first + 1, last - 1)


# Module, name there, and what to put in its place.
MUTATIONS = [
    (planning, "clamped_crops", shifted),
    (planning, "unpadded_crops", early),
    (planning, "_side", shortened),
    (sections, "affected", narrow),
]


def largest_difference(case, plans):
    """Of what the plans give, from whole inputs; infinite where pieces do not even fit."""
    try:
        return max(case.difference(plan) for plan in plans)
    except ValueError as error:  # NumPy's, about the shapes of two pieces
        if "broadcast" not in str(error):
            raise
        return np.inf
