"""From a picture to the tensor that a model was trained on, as declared data.

A pixel value of 0..255 becomes ``(pixel * scale - mean) / std``, per channel. Because
this is data and not a function, "black", "white" and the box of possible values can be
worked out for every model. Pictures of more than 8 bits are brought to the same 0..255,
with fractions.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.inputs.bands import bands_of, chosen_bands, to_pixels
from onnxplain.inputs.framing import Colour, Framing
from onnxplain.inputs.recipe_values import bands_problem, framing_problem, from_json

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
_CHOICES: dict[str, tuple[str, ...]] = {
    "layout": ("NCHW", "NHWC"),
    "dtype": tuple(
        """
        float32 float16 float64 uint8 int8 uint16 int16 int32 uint32 int64 uint64
        """.split()
    ),
    "color": ("RGB", "BGR", "gray", "bands"),
    "resize": ("crop", "stretch", "pad", "pad-first", "none"),
    "interpolation": ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"),
}


# Attributes that came later than the first version of the format.
_LATER = frozenset({"resize_to", "fill", "position", "bands", "shown", "white"})


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes the model's input.

    Attributes
    ----------
    name : str
        What this recipe is called in records.
    layout : {"NCHW", "NHWC"}
        Axis order of the tensor.
    dtype : str
        Element type of the tensor.
    color : {"RGB", "BGR", "gray", "bands"}
        Channel order. ``bands`` takes the channels of the file as they are, with all their
        bits; there are as many as `mean` has values.
    size : (int, int)
        Height and width of the tensor, in pixels.
    resize : {"crop", "stretch", "pad", "pad-first", "none"}
        ``crop`` takes the largest central region of the tensor's aspect ratio, shrunk by
        `crop_fraction`, or with `resize_to` the middle of the resized picture; ``stretch``
        ignores the aspect ratio; ``pad`` keeps the whole picture and fills up with `fill`;
        ``pad-first`` fills it up to the aspect ratio before it is resized (pad to square);
        ``none`` cuts the middle out of the picture as it is, and fills up what it lacks.
    crop_fraction : float
        In (0, 1]; 0.875 is "resize to 256, centre crop 224". With ``stretch`` and ``pad``
        this share of height and of width is used.
    interpolation : str
        Resampling filter.
    scale : float
        Factor on the 0..255 pixel value.
    mean, std : tuple of float
        Per channel, in the tensor's channel order, in scaled units.
    resize_to : int or (int, int), optional
        With ``crop``: the picture is first resized to this shorter side, or to this height
        and width, rounded as torchvision does.
    fill : tuple of float
        What is beside the picture, of 0..255: one value, or one for each channel, red first.
    position : (float, float)
        Which share of what is left over goes above and to the left of what is seen:
        (0.5, 0.5) is the middle, (0, 0) the top left corner.
    bands : tuple of int
        Bands of the file that the channels take, counted from 0; all in order if empty.
    shown : tuple of int
        One or three channels that pictures show; the first three, or the first of fewer
        than three, if empty.
    white : float, optional
        Value in the file that becomes 255; if not given, 255 of 8 bits, 65535 of 16 bits
        and 1 of floating-point numbers. `bands`, `shown` and `white` go with color
        ``bands``.
    """

    name: str
    layout: Literal["NCHW", "NHWC"]
    size: tuple[int, int]
    color: Literal["RGB", "BGR", "gray", "bands"] = "RGB"
    dtype: str = "float32"
    resize: Literal["crop", "stretch", "pad", "pad-first", "none"] = "crop"
    crop_fraction: float = 1.0
    interpolation: str = "bicubic"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    resize_to: int | tuple[int, int] | None = None
    fill: tuple[float, ...] = (0.0,)
    position: tuple[float, float] = (0.5, 0.5)
    bands: tuple[int, ...] = ()
    shown: tuple[int, ...] = ()
    white: float | None = None

    def __post_init__(self) -> None:
        for key, allowed in _CHOICES.items():
            if getattr(self, key) not in allowed:
                raise UsageError(
                    f"preprocess {self.name!r}: {key} is {getattr(self, key)!r}, "
                    f"allowed: {', '.join(allowed)}"
                )
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise UsageError(
                f"preprocess {self.name!r}: color {self.color} needs {self.channels} values of "
                f"mean and std, got {len(self.mean)} and {len(self.std)}"
            )
        if len(self.size) != 2 or min(self.size) < 1:
            raise UsageError(f"preprocess {self.name!r}: size {self.size} is not (height, width)")
        finite = all(map(math.isfinite, (self.scale, *self.mean, *self.std)))
        if not (finite and 0 < self.crop_fraction <= 1 and self.scale > 0 and min(self.std) > 0):
            raise UsageError(
                f"preprocess {self.name!r}: crop_fraction must be in (0, 1], mean finite, "
                "scale and std finite and above 0"
            )
        problem = framing_problem(
            self.resize, self.resize_to, self.crop_fraction, self.position
        ) or bands_problem(self.color, self.channels, self.fill, self.bands, self.shown, self.white)
        if problem:
            raise UsageError(f"preprocess {self.name!r}: {problem}")

    @property
    def takes_bands(self) -> bool:
        """Whether the channels are bands of the file rather than colours."""
        return self.color == "bands"

    @property
    def channels(self) -> int:
        """Number of channels of the tensor."""
        if self.takes_bands:
            return max(1, len(self.mean))
        return 1 if self.color == "gray" else 3

    @property
    def shown_channels(self) -> tuple[int, ...]:
        """One or three channels that stand for all in a picture, in the order of `seen`."""
        return self.shown or ((0, 1, 2) if self.channels > 2 else (0,))

    @property
    def framing(self) -> Framing:
        """Which part of a picture is seen, and at which size."""
        return Framing(
            self.size,
            self.resize,
            self.crop_fraction,
            self.resize_to,
            self.position,
            self.interpolation,
        )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of one image as a tensor, batch axis included."""
        height, width = self.size
        if self.layout == "NCHW":
            return (1, self.channels, height, width)
        return (1, height, width, self.channels)

    def seen(self, image: Image.Image | NDArray[Any]) -> NDArray[Any]:
        """Pixels the model gets to see, before their values are scaled.

        Parameters
        ----------
        image : PIL.Image.Image or (H, W, C) array
            Mode ``"RGB"`` or ``"L"``, any size; with color ``bands`` any bands, as an
            array in the file's own values.

        Returns
        -------
        (H, W, C) array
            uint8 in RGB order whatever `color` says, or grey; bands of more than 8 bits
            as float64 of 0..255.

        Raises
        ------
        ImageError
            If the bands are too few or too many, or their values out of range.
        """
        height, width = self.size
        if self.takes_bands:
            pixels = self.select(image if isinstance(image, np.ndarray) else bands_of(image))
            return self.framing.apply_to_planes(pixels, self.fill)
        assert not isinstance(image, np.ndarray)
        plain = image.convert("L" if self.color == "gray" else "RGB")
        levels = tuple(round(v) for v in self.fill)
        fill: Colour = levels[0] if plain.mode == "L" else levels * (3 // len(levels))
        framed = self.framing.apply(plain, fill)
        return np.asarray(framed, np.uint8).reshape(height, width, self.channels)

    def select(self, values: NDArray[Any]) -> NDArray[Any]:
        """Bands of a file that the channels take, on the scale of 0..255.

        Raises
        ------
        ImageError
            If there are too few or too many, or their values are out of range.
        """
        return to_pixels(chosen_bands(values, self.bands, self.channels), self.white)

    def display(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Those of some pixels (..., C) that a person is shown: (..., 3) or (..., 1)."""
        if self.takes_bands:
            pixels = pixels[..., list(self.shown_channels)]
        if pixels.dtype == np.uint8:
            return pixels
        return np.clip(np.round(pixels), 0, 255).astype(np.uint8)

    def encode(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn (N, H, W, C) pixels of 0..255 as `seen` returns them into the model's input."""
        ordered = pixels[..., ::-1] if self.color == "BGR" else pixels
        if pixels.dtype == np.uint8:
            # What each byte becomes is reckoned once, not for each pixel.
            levels = np.arange(256)[:, None].repeat(pixels.shape[-1], axis=1)
            tables, planes = self._scaled(levels).T, np.moveaxis(ordered, -1, 0)
            found = [table[plane] for table, plane in zip(tables, planes, strict=True)]
            values = np.moveaxis(np.stack(found), 0, -1)
        else:
            values = self._scaled(ordered)
        if self.layout == "NCHW":
            values = np.moveaxis(values, -1, 1)
        return np.ascontiguousarray(values)

    def _scaled(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn levels of 0..255 (..., C) into what the model takes, in its type of number."""
        values = pixels.astype(np.float64) * self.scale
        values = (values - np.asarray(self.mean)) / np.asarray(self.std)
        if np.dtype(self.dtype).kind in "iu":
            info = np.iinfo(self.dtype)
            values = np.clip(np.round(values), info.min, info.max)
        return values.astype(self.dtype)

    def decode(self, x: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn model inputs back into (N, H, W, 3) or (N, H, W, 1) pixels for display."""
        return self.display(self.levels(x))

    def levels(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Undo `encode`: (N, H, W, C) levels, of 0..255 if `x` is within `bounds`."""
        values = np.moveaxis(x, 1, -1) if self.layout == "NCHW" else x
        values = (values.astype(np.float64) * self.std + self.mean) / self.scale
        return values[..., ::-1] if self.color == "BGR" else values

    def apply(self, image: Image.Image | NDArray[Any]) -> NDArray[Any]:
        """Turn a picture into the model's input, shape `shape`."""
        return self.encode(self.seen(image)[None])

    def bounds(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Smallest and largest possible input, each broadcastable to `shape`."""
        box = np.array([0.0, 255.0])[:, None, None, None, None] * np.ones((1, 1, 1, self.channels))
        low, high = (self.encode(b) for b in box)
        return low, high

    def of_masks(self) -> Preprocess:
        """Return a recipe that frames a grey mask as this one frames its picture."""
        return Preprocess(
            name=self.name,
            layout=self.layout,
            size=self.size,
            color="gray",
            resize=self.resize,
            crop_fraction=self.crop_fraction,
            interpolation="nearest",
            mean=(0.0,),
            std=(1.0,),
            resize_to=self.resize_to,
            position=self.position,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back."""
        data = dataclasses.asdict(self)
        # Absent as before they existed, so that the digests of older recipes stay.
        later = {f.name: f.default for f in dataclasses.fields(self) if f.name in _LATER}
        kept = {k: v for k, v in data.items() if k not in later or v != later[k]}
        return {"version": VERSION, **kept}

    @classmethod
    def from_dict(cls, data: Any, where: str = "preprocess") -> Preprocess:
        """Build from plain data.

        Raises
        ------
        UsageError
            If a key is unknown or missing, or a value is not allowed.
        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        if not isinstance(data, dict):
            raise UsageError(f"{where}: expected a JSON object with {', '.join(fields)}")
        unknown = set(data) - set(fields) - {"version"}
        missing = {"name", "layout", "size"} - set(data)
        if unknown or missing or data.get("version", VERSION) != VERSION:
            raise UsageError(
                f"{where}: version {VERSION} allows the keys {', '.join(fields)}"
                + (f"; unknown: {', '.join(sorted(unknown))}" if unknown else "")
                + (f"; missing: {', '.join(sorted(missing))}" if missing else "")
            )
        try:
            values = {k: from_json(k, data[k]) for k in fields if k in data}
            return cls(**values)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"{where}: {error}") from error

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        from onnxplain.files import write_text

        write_text(path, json.dumps(self.to_dict(), indent=2) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Preprocess:
        """Read from JSON.

        Raises
        ------
        UsageError
            If the file cannot be read or does not declare a valid recipe.
        """
        from onnxplain.files import read_json

        return cls.from_dict(read_json(path, "preprocess"), str(path))

    @cached_property
    def sha256(self) -> str:
        """Digest of everything that changes the tensor (name and `shown` do not)."""
        data = {k: v for k, v in self.to_dict().items() if k not in ("name", "shown")}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

    def region(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Part of a picture that the model sees: left, top, right and bottom edge in pixels.

        Where it was filled up, it reaches beyond the picture.

        Parameters
        ----------
        width, height : int
            Size of the picture.
        """
        return self.framing.region(width, height)
