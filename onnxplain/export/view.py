"""In which form an exported file takes its picture and gives its maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onnxplain.errors import UsageError

SIZES = ("layer", "input")
SCALES = ("raw", "unit")


@dataclass(frozen=True)
class View:
    """Form of the pictures and maps of an exported file.

    Attributes
    ----------
    map_size : {"layer", "input"}
        The method's own grid, or height and width of the model's input with channels summed.
    map_scale : {"raw", "unit"}
        The method's own numbers, or the part that pictures show divided by where their colours
        end: 0 to 1, of signed maps -1 to 1.
    overlay : bool
        Whether the picture with the map laid over it is an output as well.
    uint8 : bool
        Whether the file takes pixels of 0 to 255, and computes the model's input itself.
    """

    map_size: str = "layer"
    map_scale: str = "raw"
    overlay: bool = False
    uint8: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("map size", self.map_size, SIZES),
            ("map scale", self.map_scale, SCALES),
        ):
            if value not in known:
                raise UsageError(f"{what} {value!r} is not known; allowed: {', '.join(known)}")

    @property
    def changes(self) -> bool:
        """Whether anything is other than the model and the methods have it."""
        return self != View()

    @property
    def flattens(self) -> bool:
        """Whether maps lose their channels."""
        return (self.map_size, self.map_scale) != ("layer", "raw")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the file's metadata."""
        return {"map_size": self.map_size, "map_scale": self.map_scale}
