"""Cut a picture, resize it and fill it up to the size of the model's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Region = tuple[float, float, float, float]
# What a fill is made of: one number for a plane, one for each colour else.
Colour = float | tuple[int, ...]


@dataclass(frozen=True)
class Framing:
    """Which part of a picture is seen, and at which size.

    Attributes
    ----------
    size : (int, int)
        Height and width that come out.
    resize : {"crop", "stretch", "pad", "none"}
        See `onnxplain.inputs.preprocess.Preprocess`.
    crop_fraction : float
        Share of height and width that is used at most.
    resize_to : int or (int, int), optional
        Size of the whole picture before its part is cut out: its shorter side, or height
        and width.
    position : (float, float)
        Share of what is left over, vertically and horizontally, that goes above and to the
        left.
    interpolation : str
        Name of a filter of Pillow.
    """

    size: tuple[int, int]
    resize: str
    crop_fraction: float
    resize_to: int | tuple[int, int] | None
    position: tuple[float, float]
    interpolation: str

    @property
    def _cuts(self) -> bool:
        """Whether the part is cut out of pixels, rather than resized to fit."""
        return self.resize == "none" or self.resize_to is not None

    def apply(self, image: Image.Image, fill: Colour) -> Image.Image:
        """Frame an image of mode ``"L"``, ``"RGB"`` or ``"F"``; `fill` is what is beside it."""
        from PIL import Image, ImageOps

        rows, columns = self.size
        filter_ = Image.Resampling[self.interpolation.upper()]
        if self._cuts:
            whole, left, top = self._cut(*image.size)
            scaled = image if whole == image.size else image.resize(whole, filter_)
            framed = Image.new(image.mode, (columns, rows), fill)
            framed.paste(scaled, (-left, -top))
            return framed
        if self.resize == "pad-first":
            (width, height), left, top = self._canvas(*image.size)
            whole_picture = Image.new(image.mode, (width, height), fill)
            whole_picture.paste(image, (left, top))
            return whole_picture.resize((columns, rows), filter_)
        box = self._box(*image.size)
        if self.resize != "pad":
            return image.resize((columns, rows), filter_, box=box)
        if self.crop_fraction < 1:
            left, top, right, bottom = map(round, box)
            image = image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
        centring = (self.position[1], self.position[0])
        # Pillow fills floating-point planes with fractions as well, whatever its types say.
        color: Any = fill
        return ImageOps.pad(image, (columns, rows), method=filter_, color=color, centering=centring)

    def apply_to_planes(self, pixels: NDArray[Any], fill: Sequence[float]) -> NDArray[Any]:
        """Frame each channel of (H, W, C) pixels as a picture of its own.

        No channel weighs on another one, as alpha would in Pillow. uint8 is rounded as
        Pillow rounds; floating-point numbers are not.
        """
        from PIL import Image

        planes = []
        for k in range(pixels.shape[-1]):
            plane, beside = np.ascontiguousarray(pixels[..., k]), fill[k % len(fill)]
            if plane.dtype == np.uint8:
                framed = self.apply(Image.fromarray(plane), round(beside))
            else:
                framed = self.apply(Image.fromarray(plane.astype(np.float32)), beside)
            planes.append(np.asarray(framed))
        stacked = np.stack(planes, axis=-1)
        return stacked if stacked.dtype == np.uint8 else stacked.astype(np.float64)

    def region(self, width: int, height: int) -> Region:
        """Part of a picture that is seen; see `Preprocess.region`."""
        rows, columns = self.size
        if self._cuts:
            (across, down), first, upper = self._cut(width, height)
            x, y = width / across, height / down
            return (first * x, upper * y, (first + columns) * x, (upper + rows) * y)
        if self.resize == "pad-first":
            (whole_width, whole_height), first, upper = self._canvas(width, height)
            return (-first, -upper, whole_width - first, whole_height - upper)
        box = self._box(width, height)
        if self.resize != "pad":
            return box
        wide, high = box[2] - box[0], box[3] - box[1]
        unit = max(wide / columns, high / rows)
        left = box[0] - (columns * unit - wide) * self.position[1]
        top = box[1] - (rows * unit - high) * self.position[0]
        return (left, top, left + columns * unit, top + rows * unit)

    def _box(self, width: int, height: int) -> Region:
        rows, columns = self.size
        if self.resize == "crop":
            unit = min(width / columns, height / rows) * self.crop_fraction
            w, h = columns * unit, rows * unit
        else:
            w, h = width * self.crop_fraction, height * self.crop_fraction
        # Rounding may lead beyond the picture, which Pillow refuses.
        w, h = min(w, width), min(h, height)
        left, top = (width - w) * self.position[1], (height - h) * self.position[0]
        return (left, top, min(left + w, width), min(top + h, height))

    def _canvas(self, width: int, height: int) -> tuple[tuple[int, int], int, int]:
        """Size of the picture once filled up to the aspect ratio, and where in it it is."""
        rows, columns = self.size
        wide = max(width, -(-height * columns // rows))
        high = max(height, -(-width * rows // columns))
        left, top = (
            round(surplus * share)
            for surplus, share in zip(
                (wide - width, high - height), reversed(self.position), strict=True
            )
        )
        return (wide, high), left, top

    def _cut(self, width: int, height: int) -> tuple[tuple[int, int], int, int]:
        """Width and height of the whole once resized, and where in it the part begins."""
        if isinstance(self.resize_to, tuple):
            height, width = self.resize_to
        elif self.resize_to is not None:
            # As torchvision and Hugging Face do: the longer side is cut off to whole pixels.
            short, long = min(width, height), max(width, height)
            longer = max(1, int(self.resize_to * long / short))
            width, height = (
                (self.resize_to, longer) if width <= height else (longer, self.resize_to)
            )
        rows, columns = self.size
        down, right = self.position
        return (width, height), _start(width - columns, right), _start(height - rows, down)


# A share just below a half, or a third, is meant to be one.
_ALMOST = 0.01


def _start(surplus: int, share: float) -> int:
    # What is cut off is rounded, what is filled up is cut to whole pixels: as torchvision does.
    return round(surplus * share) if surplus >= 0 else -int(-surplus * share + _ALMOST)
