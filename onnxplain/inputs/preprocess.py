"""The preprocessing of a model, and recipes that go by a name."""

from __future__ import annotations

from typing import Any

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.inputs.recipe import Preprocess

__all__ = ["PRESETS", "Preprocess", "is_preset", "preset", "preset_channels"]

_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CLIP_MEAN, _CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
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
    "clip": {"scale": _UNIT, "mean": _CLIP_MEAN, "std": _CLIP_STD},
}


# Behind the name of a preset: the same with blue first.
BGR = "-bgr"
# Middle of the 256 values of a byte: bytes with a sign are pixels minus this.
_MIDDLE = 128.0


def is_preset(name: object) -> bool:
    """Whether something is the name of a preset."""
    return isinstance(name, str) and _base(name) in PRESETS


def _base(name: str) -> str:
    """Name of a preset without the ending that swaps red and blue."""
    base = name.removesuffix(BGR)
    swapped = PRESETS.get(base, {}).get("color") == "BGR"
    return name if swapped else base


def preset_channels(name: object) -> int | None:
    """How many channels a preset is for, if it treats them differently; else ``None``."""
    if not isinstance(name, str) or not is_preset(name):
        return None
    base = _base(name)
    return 3 if base != name or len(set(PRESETS[base].get("mean", ()))) > 1 else None


def preset(
    name: str, layout: str, size: tuple[int, int], channels: int = 3, dtype: str = "float32"
) -> Preprocess:
    """Return a named recipe for a given tensor shape.

    Parameters
    ----------
    name : str
        A key of `PRESETS`; with ``-bgr`` appended, blue comes first.
    layout, size, channels, dtype
        The tensor's layout, height and width, channel count and element type. For one
        channel the values of the first colour channel are taken; for a number other than
        1 or 3 the channels are bands of the file, treated alike.

    Raises
    ------
    UnknownNameError
        If there is no preset of that name.
    UsageError
        If it treats colours differently, and there are other channels.
    """
    if not is_preset(name):
        listed = f"presets: {', '.join(PRESETS)}; NAME{BGR} puts blue first"
        raise UnknownNameError("preset", name, PRESETS, listed)
    base = _base(name)
    values = {"mean": (0.0,) * 3, "std": (1.0,) * 3} | PRESETS[base]
    if base != name:
        turned = {key: values[key][::-1] for key in ("mean", "std")}
        values |= {"color": "BGR", **turned}
    if dtype == "int8" and not PRESETS[base]:
        values["mean"] = (_MIDDLE,) * 3
    if channels == 1:
        values |= {"color": "gray", "mean": values["mean"][:1], "std": values["std"][:1]}
    elif channels != 3:
        if preset_channels(name):
            raise UsageError(
                f"preset {name!r} works for red, green and blue only, the model takes {channels} "
                "channels; declare a --preprocess file with color 'bands' and one mean and std "
                "for each channel"
            )
        each = {k: values[k][:1] * channels for k in ("mean", "std")}
        values |= {"color": "bands", **each}
    return Preprocess(name=name, layout=layout, size=size, dtype=dtype, **values)  # type: ignore[arg-type]
