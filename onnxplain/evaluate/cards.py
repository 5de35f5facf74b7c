"""Where the values of each measure lie, and when they mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """What to know of a measure's values.

    Attributes
    ----------
    values : str
        Their range.
    silent : str
        When a value means nothing, or less than it seems to.
    """

    values: str
    silent: str


_MASK = Card("0 .. 1", "where the mask covers nearly the whole picture: any map scores high")
_SANITY = Card("-1 .. 1", "for a map that is constant (0 then), or of one place alone")
_RIGHT = Card("0 or 1", "where the model is wrong about the picture as it is")
_KEPT = (
    "where the emptied picture has the probability of the whole one (left out then), and for a map "
    "that keeps the whole picture: a flat one loses nothing"
)
_ROAD = Card(
    "as the score",
    "where the picture keeps its score with nine of ten pixels imputed at random (left out then); "
    "scattered pixels are restored well, so compare with the control centre rather than random",
)
_RELATIVE = Card(
    "0 or more",
    "where a zero of the map changes or the answer stays (left out then); pixels next to zero "
    "decide it, and a map that never looks at the picture has 0",
)
_ALONE = (
    "about the model: it looks at the map alone, and a blind map can have the best figure; "
    "compare maps of one size and one blur only"
)
CARDS: Mapping[str, Card] = {
    "mean-iou": _MASK,
    "best-iou": _MASK,
    "iou-at-area": _MASK,
    "pointing-game": Card("0 or 1", _MASK.silent),
    "energy-in-mask": _MASK,
    "rank-accuracy": _MASK,
    "roc-auc": Card("0 .. 1, chance is 0.5", "for a mask that covers everything"),
    "grid-pointing": Card("0 .. 1, chance is 0.25", "for a class that the model does not tell"),
    "deletion": Card("as the score", "where the emptied picture scores like the whole one"),
    "insertion": Card("as the score", "where the blurred picture scores like the whole one"),
    "sensitivity-n": Card("-1 .. 1, chance is 0", "where the score hardly changes (0 then)"),
    "infidelity": Card("0 or more, 1 is the area alone", "where the score never changes (1 then)"),
    "completeness": Card("0 or more", "where the black picture scores like the whole one"),
    "max-sensitivity": Card("0 or more", "for a map that never looks at the model: it can have 0"),
    "shift-consistency": Card("-1 .. 1", "for a map of the picture's edges: it follows any shift"),
    "jpeg-consistency": Card("-1 .. 1", "for a map that never looks at the model: it can have 1"),
    "randomisation": _SANITY,
    "randomisation-ssim": _SANITY,
    "other-class": _SANITY,
    "accuracy": Card("0 or 1", "about a map: it is the model's own accuracy"),
    "accuracy-strong-only": _RIGHT,
    "accuracy-without-strong": _RIGHT,
    "single-deletion": Card(
        "-1 .. 1, chance is 0",
        "where no single patch changes the score (left out then), as where the model is certain "
        "and several patches say the same",
    ),
    "road": _ROAD,
    "road-least-first": _ROAD,
    "imputed-regions": Card(
        "-1 .. 1, chance is 0",
        "where no region changes the score (left out then), and for parts smaller than a sixteenth "
        "of the picture: imputing them from their neighbours brings much of them back",
    ),
    "relative-input-stability": _RELATIVE,
    "relative-output-stability": _RELATIVE,
    "average-drop": Card("0 .. 1", _KEPT),
    "increase-in-confidence": Card("0 or 1", _KEPT),
    "complexity": Card("0 .. ln(pixels)", _ALONE),
    "sparseness": Card("0 .. 1 - 1/pixels", _ALONE),
}
