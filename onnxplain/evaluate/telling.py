"""Whether deletion and insertion can tell maps apart on the data at hand.

Insertion starts from a blurred picture. On small pictures the blur leaves so much that the
model knows the class from the start: then any map, a blind one too, gets nearly the whole
area, and the figure is one about the data. The same holds for deletion where the score hardly
falls when everything is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

# Of the whole picture's score: where half of it is there whatever the order of the pixels,
# less than half of the area is left for maps to differ in.
LEAST = 0.5
_BOUNDED = ("probability", "area")
_OF_THE_MAP = ("complexity", "sparseness")


def says_little(measure: str, scores: Sequence[float], unit: str) -> str:
    """Say why a measure says little, or nothing if it tells maps apart.

    Parameters
    ----------
    measure : str
        Its name; of others than deletion and insertion nothing is said.
    scores : sequence of float
        Its mean curve, from no pixel exchanged to all of them.
    unit : str
        What the scores are: only of a probability or an area a part is half of the whole.
    """
    if measure not in ("deletion", "insertion") or len(scores) < 2:
        return ""
    whole, rest = (scores[-1], scores[0]) if measure == "insertion" else (scores[0], scores[-1])
    blank = "blurred" if measure == "insertion" else "emptied"
    if rest >= whole:
        return (
            f"says nothing here: the {blank} picture scores {rest:.3g}, the whole one {whole:.3g}"
        )
    if unit not in _BOUNDED or rest <= LEAST * whole:
        return ""
    result = "well" if measure == "insertion" else "badly"
    return (
        f"says little here: the {blank} picture alone scores {rest:.3g} of {whole:.3g}, so that "
        f"any order of the pixels, a random one too, does {result}"
    )


def never_asks(measure: str) -> str:
    """Say of a measure that never runs the model what its figure cannot tell, else nothing."""
    if measure not in _OF_THE_MAP:
        return ""
    return (
        "says nothing about the model: it looks at the map alone, and a map of one pixel, right or "
        "wrong, has the best figure"
    )
