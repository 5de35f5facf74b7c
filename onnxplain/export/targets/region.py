"""Which places of a dense answer count, in nodes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onnxplain.export.targets.explained import REGION, Given, Pass, write_cast


def region_input(places: tuple[int, ...]) -> Given:
    """The input that says which places count; none of them means: choose yourself."""
    names = ("rows", "columns") if len(places) == 2 else [f"axis{k}" for k in range(len(places))]
    return Given(REGION, np.zeros((1,) * (1 + len(places)), bool), ("regions", *names))


def write_shares(
    at: Pass, given: str, default: str, places: tuple[int, ...], real: np.dtype[Any]
) -> str:
    """Write what each place counts, (N, 1, M); they add up to one.

    Parameters
    ----------
    at : Pass
        The pass.
    given : str
        The input of `region_input`; lengths of one stand for all places.
    default : str
        (N, 1, M) of zeros and ones: what counts where `given` names no place. Where that is
        nothing either, all shares are NaN.
    places : tuple of int
        Lengths of the axes of the places.
    real : numpy.dtype
        Type of the shares.
    """
    build = at.build
    marked = build.add("Expand", write_cast(build, given, real), build.integers(1, *places))
    marked = build.add("Reshape", marked, build.integers(-1, 1, math.prod(places)))
    some = build.add("Greater", build.reduce("ReduceMax", marked, [2]), _zero(at, real))
    counting = build.add("Where", some, marked, default)
    return build.add("Div", counting, build.reduce("ReduceSum", counting, [2]))


def _zero(at: Pass, real: np.dtype[Any]) -> str:
    return at.build.constant(np.asarray(0, real))
