"""What of a box is explained: one of its numbers, or how well other boxes match it."""

from __future__ import annotations

from typing import Literal, get_args

BoxPart = Literal["class", "score", "left", "top", "right", "bottom", "x", "y", "width", "height"]
PARTS: tuple[BoxPart, ...] = get_args(BoxPart)

# Overlap times the score of the explained class; overlap times the likeness of all scores, as
# D-RISE has it.
Match = Literal["score", "likeness"]
MATCHES: tuple[Match, ...] = get_args(Match)
