"""From a picture to the tensor that a model was trained on, as declared data.

A pixel value of 0..255 becomes ``(pixel * scale - mean) / std``, per channel. Because
this is data and not a function, "black", "white" and the box of possible values can be
worked out for every model.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
_CHOICES: dict[str, tuple[str, ...]] = {
    "layout": ("NCHW", "NHWC"),
    "dtype": ("float32", "float16", "float64", "uint8", "int8"),
    "color": ("RGB", "BGR", "gray"),
    "resize": ("crop", "stretch", "pad"),
    "interpolation": ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"),
}


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
    color : {"RGB", "BGR", "gray"}
        Channel order.
    size : (int, int)
        Height and width of the tensor, in pixels.
    resize : {"crop", "stretch", "pad"}
        ``crop`` takes the largest central region of the tensor's aspect ratio, shrunk by
        `crop_fraction`; ``stretch`` ignores the aspect ratio; ``pad`` keeps the whole
        picture and fills up with black.
    crop_fraction : float
        In (0, 1]; 0.875 is "resize to 256, centre crop 224".
    interpolation : str
        Resampling filter.
    scale : float
        Factor on the 0..255 pixel value.
    mean, std : tuple of float
        Per channel, in the tensor's channel order, in scaled units.
    """

    name: str
    layout: Literal["NCHW", "NHWC"]
    size: tuple[int, int]
    color: Literal["RGB", "BGR", "gray"] = "RGB"
    dtype: str = "float32"
    resize: Literal["crop", "stretch", "pad"] = "crop"
    crop_fraction: float = 1.0
    interpolation: str = "bicubic"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

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

    @property
    def channels(self) -> int:
        """Number of colour channels of the tensor."""
        return 1 if self.color == "gray" else 3

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of one image as a tensor, batch axis included."""
        height, width = self.size
        if self.layout == "NCHW":
            return (1, self.channels, height, width)
        return (1, height, width, self.channels)

    def seen(self, image: Image.Image) -> NDArray[np.uint8]:
        """Pixels the model gets to see, before their values are scaled.

        Parameters
        ----------
        image : PIL.Image.Image
            Mode ``"RGB"`` or ``"L"``, any size.

        Returns
        -------
        (H, W, 3) or (H, W, 1) uint8 array
            RGB order whatever `color` says, or grey.
        """
        from PIL import Image, ImageOps

        height, width = self.size
        plain = image.convert("L" if self.color == "gray" else "RGB")
        filter_ = Image.Resampling[self.interpolation.upper()]
        if self.resize == "pad":
            fitted = ImageOps.pad(plain, (width, height), method=filter_)
        else:
            box = self._box(*plain.size) if self.resize == "crop" else None
            fitted = plain.resize((width, height), filter_, box=box)
        return np.asarray(fitted, np.uint8).reshape(height, width, self.channels)

    def encode(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn (N, H, W, C) RGB or grey pixels of 0..255 into the model's input."""
        values = pixels[..., ::-1] if self.color == "BGR" else pixels
        values = values.astype(np.float64) * self.scale
        values = (values - np.asarray(self.mean)) / np.asarray(self.std)
        if self.layout == "NCHW":
            values = np.moveaxis(values, -1, 1)
        if np.dtype(self.dtype).kind in "iu":
            info = np.iinfo(self.dtype)
            values = np.clip(np.round(values), info.min, info.max)
        return np.ascontiguousarray(values, self.dtype)

    def decode(self, x: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn model inputs back into (N, H, W, 3) or (N, H, W, 1) pixels for display."""
        values = np.moveaxis(x, 1, -1) if self.layout == "NCHW" else x
        values = (values.astype(np.float64) * self.std + self.mean) / self.scale
        values = values[..., ::-1] if self.color == "BGR" else values
        return np.clip(np.round(values), 0, 255).astype(np.uint8)

    def apply(self, image: Image.Image) -> NDArray[Any]:
        """Turn a picture into the model's input, shape `shape`."""
        return self.encode(self.seen(image)[None])

    def bounds(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Smallest and largest possible input, each broadcastable to `shape`."""
        box = np.array([0.0, 255.0])[:, None, None, None, None] * np.ones((1, 1, 1, self.channels))
        low, high = (self.encode(b) for b in box)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back."""
        return {"version": VERSION, **dataclasses.asdict(self)}

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
            values = {k: _from_json(k, data[k]) for k in fields if k in data}
            return cls(**values)
        except (TypeError, ValueError) as error:
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

    @property
    def sha256(self) -> str:
        """Digest of everything that changes the tensor (the name does not)."""
        data = {k: v for k, v in self.to_dict().items() if k != "name"}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

    def region(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Part of a picture that the model sees: left, top, right and bottom edge in pixels.

        With ``pad`` it reaches beyond the picture, up to what was filled up.

        Parameters
        ----------
        width, height : int
            Size of the picture.
        """
        if self.resize == "crop":
            return self._box(width, height)
        if self.resize == "stretch":
            return (0.0, 0.0, float(width), float(height))
        rows, columns = self.size
        unit = max(width / columns, height / rows)
        across, down = (columns * unit - width) / 2, (rows * unit - height) / 2
        return (-across, -down, width + across, height + down)

    def _box(self, width: int, height: int) -> tuple[float, float, float, float]:
        rows, columns = self.size
        unit = min(width / columns, height / rows) * self.crop_fraction
        w, h = columns * unit, rows * unit
        left, top = (width - w) / 2, (height - h) / 2
        return (left, top, left + w, top + h)


def _from_json(key: str, value: Any) -> Any:
    if key == "size":
        if any(int(v) != v for v in value):
            raise ValueError(f"size {value} is not a whole number of pixels")
        return tuple(int(v) for v in value)
    if key in ("mean", "std"):
        return tuple(float(v) for v in value)
    return value


_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_UNIT = 1 / 255
# What the training frameworks document for their own pretrained models.
PRESETS: dict[str, dict[str, Any]] = {
    "imagenet-torch": {"scale": _UNIT, "mean": _TORCH_MEAN, "std": _TORCH_STD}
    | {"crop_fraction": 0.875},
    "keras-torch": {"scale": _UNIT, "mean": _TORCH_MEAN, "std": _TORCH_STD, "resize": "stretch"},
    "keras-tf": {"mean": (127.5,) * 3, "std": (127.5,) * 3, "resize": "stretch"},
    "keras-caffe": {"color": "BGR", "mean": (103.939, 116.779, 123.68), "resize": "stretch"},
    "minus-one-one": {"mean": (127.5,) * 3, "std": (127.5,) * 3},
    "zero-one": {"scale": _UNIT},
    "raw": {},
}


def preset(
    name: str, layout: str, size: tuple[int, int], channels: int = 3, dtype: str = "float32"
) -> Preprocess:
    """Return a named recipe for a given tensor shape.

    Parameters
    ----------
    name : str
        A key of `PRESETS`.
    layout, size, channels, dtype
        The tensor's layout, height and width, channel count and element type. For one
        channel the values of the first colour channel are taken.

    Raises
    ------
    UnknownNameError
        If there is no preset of that name.
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS, f"presets: {', '.join(PRESETS)}")
    values = {"mean": (0.0,) * 3, "std": (1.0,) * 3} | PRESETS[name]
    if channels == 1:
        values |= {"color": "gray", "mean": values["mean"][:1], "std": values["std"][:1]}
    return Preprocess(name=name, layout=layout, size=size, dtype=dtype, **values)  # type: ignore[arg-type]
