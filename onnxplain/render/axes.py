"""What the curve of each measure is drawn against: the same words in every picture of it."""

from __future__ import annotations

from collections.abc import Mapping

# By the measure's name: the horizontal and the vertical axis.
AXES: Mapping[str, tuple[str, str]] = {
    "deletion": ("share of pixels taken away", "probability"),
    "insertion": ("share of pixels put in", "probability"),
    "randomisation": ("layers from the output on", "rank correlation left"),
    "randomisation-ssim": ("layers from the output on", "structural similarity left"),
    "mean-iou": ("threshold", "intersection over union"),
}
