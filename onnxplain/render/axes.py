"""What the curve of each measure is drawn against: the same words in every picture of it."""

from __future__ import annotations

from collections.abc import Mapping

# By the measure's name: the horizontal and the vertical axis; empty for what the target is.
_AXES: Mapping[str, tuple[str, str]] = {
    "deletion": ("share of pixels removed", ""),
    "insertion": ("share of pixels inserted", ""),
    "road": ("share of pixels imputed, strongest first", ""),
    "road-least-first": ("share of pixels imputed, weakest first", ""),
    "randomisation": ("layers randomised, from the output", "rank correlation left"),
    "randomisation-ssim": ("layers randomised, from the output", "structural similarity left"),
    "mean-iou": ("threshold", "intersection over union"),
}


def axes_of(measure: str, unit: str) -> tuple[str, str]:
    """Words for the horizontal and the vertical axis of a measure's curve.

    Parameters
    ----------
    measure : str
        Its name; an unknown one has no words.
    unit : str
        What the explained numbers are: ``probability``, ``value``, ...
    """
    if measure not in _AXES:
        return "", ""
    across, up = _AXES[measure]
    return across, up or unit
