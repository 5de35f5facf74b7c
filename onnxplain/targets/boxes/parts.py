"""Numbers of a box that gradient and relevance methods explain."""

from __future__ import annotations

from typing import Literal, get_args

BoxPart = Literal["class", "score", "left", "top", "right", "bottom", "x", "y", "width", "height"]
PARTS: tuple[BoxPart, ...] = get_args(BoxPart)
