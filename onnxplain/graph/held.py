"""What is held several times, and in double precision: the picture, and a layer's maps."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.graph.budget import budget, over

# Of most numbers; smaller ones are made larger by what reads them.
BYTES = 4


def require_held(where: str, sides: Sequence[int], numbers: int) -> None:
    """Refuse a picture, or a layer, that is too long or too large to be held several times.

    Parameters
    ----------
    where : str
        Its kind and name.
    sides : sequence of int
        Pixels, or places, from top to bottom and from left to right.
    numbers : int
        All of its numbers.

    Raises
    ------
    UnsupportedModelError
        If a budget is passed.
    """
    if max(sides) > budget().side:
        places = " x ".join(f"{n:,}" for n in sides)
        raise over("side", where, f"one side of {places} is too long")
    if (size := BYTES * numbers) > budget().picture_bytes:
        raise over("picture_bytes", where, f"it takes {size:,} bytes")
