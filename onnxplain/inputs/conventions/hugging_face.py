"""The ``preprocessor_config.json`` of Hugging Face's image processors.

Each class has defaults of its own; what the file does not say is taken from those of
transformers' documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.inputs.conventions.convention import (
    ROUNDED_DOWN,
    UNIT,
    Convention,
    before_cut,
    filter_of,
    numbers,
    truth,
    whole,
)

_HALF = (0.5, 0.5, 0.5)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_SQUARE_224 = {"height": 224, "width": 224}
_SQUARE_256 = {"height": 256, "width": 256}


def _like(
    mean_std: tuple[Any, Any] | None, size: Any, resample: str, **more: Any
) -> dict[str, Any]:
    mean, std = mean_std or (None, None)
    return {"image_mean": mean, "image_std": std, "size": size, "resample": resample, **more}


_PLAIN = _like((_HALF, _HALF), _SQUARE_224, "bilinear")
_CROPS = {"do_center_crop": True, "crop_size": 224}
# By the first word of the class: what transformers' image processors do if nothing is said.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ViT": _PLAIN,
    "CLIP": _like(_CLIP, {"shortest_edge": 224}, "bicubic", **_CROPS),
    "ChineseCLIP": _like(_CLIP, {"shortest_edge": 224}, "bicubic", **_CROPS),
    "Bit": _like(_CLIP, {"shortest_edge": 224}, "bicubic", **_CROPS),
    "ViTHybrid": _like((_HALF, _HALF), {"shortest_edge": 448}, "bicubic",
                       do_center_crop=True, crop_size=448),
    "DeiT": _like(_IMAGENET, _SQUARE_256, "bicubic", **_CROPS),
    "Beit": _like((_HALF, _HALF), _SQUARE_256, "bicubic", **_CROPS),
    "ConvNext": _like((_HALF, _HALF), {"shortest_edge": 384}, "bicubic", crop_pct=224 / 256),
    "Levit": _like(_IMAGENET, {"shortest_edge": 224}, "bicubic", **_CROPS),
    "PoolFormer": _like(_IMAGENET, {"shortest_edge": 224}, "bicubic", crop_pct=0.9, **_CROPS),
    "MobileNetV1": _like((_HALF, _HALF), {"shortest_edge": 256}, "bilinear", **_CROPS),
    "MobileNetV2": _like((_HALF, _HALF), {"shortest_edge": 256}, "bilinear", **_CROPS),
    "MobileViT": _like(None, {"shortest_edge": 224}, "bilinear", do_center_crop=True,
                       crop_size=256, do_flip_channel_order=True, do_normalize=False),
    "Segformer": _like(_IMAGENET, {"height": 512, "width": 512}, "bilinear"),
    "EfficientNet": _like((_HALF, _HALF), {"height": 346, "width": 346}, "nearest",
                          crop_size=289, include_top=True),
    "EfficientFormer": _like(_IMAGENET, _SQUARE_224, "bicubic", **_CROPS),
    "Siglip": _like((_HALF, _HALF), _SQUARE_224, "bicubic"),
    "Perceiver": _like(_IMAGENET, _SQUARE_224, "bicubic", do_center_crop=True, crop_size=256),
    "Blip": _like(_CLIP, {"height": 384, "width": 384}, "bicubic"),
    "Flava": _like(_CLIP, _SQUARE_224, "bicubic", **_CROPS),
}  # fmt: skip
# A size that is one number is the shorter side.
_SHORTER = frozenset(
    """
    CLIP ChineseCLIP Bit ViTHybrid ConvNext Levit PoolFormer MobileNetV1 MobileNetV2 MobileViT
    """.split()
)
_MARKS = (
    "image_processor_type",
    "feature_extractor_type",
    "image_mean",
    "do_resize",
    "do_normalize",
)


def belongs(data: Mapping[str, Any]) -> bool:
    """Whether a JSON object is that of an image processor."""
    kind = str(data.get("image_processor_type") or data.get("feature_extractor_type") or "")
    marked = any(key in data for key in _MARKS)
    heard = "sampling_rate" in data or "num_mel_bins" in data
    return marked and not heard and not kind.startswith("TimmWrapper")


def read(data: Mapping[str, Any], file: str) -> Convention:
    """Read the JSON object of an image processor.

    Raises
    ------
    ValueError
        If a value is not what it has to be.
    """
    said = str(data.get("image_processor_type") or data.get("feature_extractor_type") or "")
    kind = said.removesuffix("Fast").removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    told = {key: value for key, value in data.items() if value is not None}
    usual = _DEFAULTS.get(kind, _PLAIN)
    merged: dict[str, Any] = {k: v for k, v in usual.items() if v is not None} | told
    doubts: list[str] = []
    if kind not in _DEFAULTS and "size" not in told and "crop_size" not in told:
        merged.pop("size", None)
    framing, size = _framing(merged, kind, doubts)
    values = framing | _values(merged, kind, doubts)
    whose = f"Hugging Face, {said}" if said else "Hugging Face"
    return Convention("hugging-face", f"{file} ({whose})", values, size, tuple(doubts))


def _values(data: Mapping[str, Any], kind: str, doubts: list[str]) -> dict[str, Any]:
    """Scale, mean, deviation and order of the channels."""
    rescales, normalises = (truth(data.get(k, True)) for k in ("do_rescale", "do_normalize"))
    (scale,) = numbers(data.get("rescale_factor", UNIT)) if rescales else (1.0,)
    if scale <= 0:
        raise ValueError(f"rescale_factor is {scale}")
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    if normalises and "image_mean" in data and "image_std" in data:
        mean, std = numbers(data["image_mean"]), numbers(data["image_std"])
        if min(std) <= 0:
            raise ValueError(f"image_std is {std}")
        if not rescales and max(mean) <= 1 and max(std) <= 1:
            scale = UNIT
            doubts.append(
                "it does not rescale, but its mean and deviation are for 0..1; the pixels are "
                "assumed to be scaled to 0..1 first"
            )
    if rescales and truth(data.get("rescale_offset", False)):
        mean = tuple(m + 1.0 for m in mean)
    if kind == "EfficientNet" and normalises and truth(data.get("include_top", False)):
        std = tuple(s * s for s in std)  # it divides a second time
    flipped = truth(data.get("do_flip_channel_order", False))
    if flipped or str(data.get("data_format", "")).lower() == "bgr":
        return {"scale": scale, "mean": mean, "std": std, "color": "BGR"}
    return {"scale": scale, "mean": mean, "std": std}


def _framing(
    data: Mapping[str, Any], kind: str, doubts: list[str]
) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """How the picture is resized and cut, and the size of the tensor."""
    filter_ = filter_of(data.get("resample"), "bilinear")
    framing: dict[str, Any] = {"interpolation": filter_}
    resizes = truth(data.get("do_resize", True))
    crops = truth(data.get("do_center_crop", False)) and "crop_size" in data
    crop = _edges(data["crop_size"], square=True)[0] if crops else None
    exact, shorter, longer = None, None, None
    if resizes and "size" in data:
        known = kind in _DEFAULTS or not crops
        exact, shorter, longer = _edges(data["size"], square=known and kind not in _SHORTER)
    if not resizes:
        return framing | {"resize": "none", "position": ROUNDED_DOWN}, crop
    if kind == "Perceiver" and crop and exact:
        # The middle is cut out first, in proportion of the shorter side, and then resized.
        share = min(exact[0] / crop[0], 1.0)
        return framing | {"resize": "crop", "crop_fraction": share}, exact
    if kind == "ConvNext" and shorter is not None:
        return _of_convnext(framing, shorter, float(numbers(data.get("crop_pct", 0.875))[0]))
    if kind == "PoolFormer" and crop and data.get("crop_pct") is not None:
        (share,) = numbers(data["crop_pct"])
        base = shorter if shorter is not None else exact[0] if exact else crop[0]
        return framing | _cut(before_cut(base, share)), crop
    if kind == "Levit" and shorter is not None:
        return framing | _cut(int(256 / 224 * shorter)), crop or (shorter, shorter)
    if crop and (exact or shorter):
        return framing | _cut(exact or shorter), crop
    if exact:
        if truth(data.get("do_pad", False)) or truth(data.get("keep_aspect_ratio", False)):
            doubts.append("it keeps the proportions of the picture; onnxplain stretches it instead")
        return framing | {"resize": "stretch"}, exact
    if shorter is not None:
        # The tensor is as long as the picture, which a file of one size cannot take.
        doubts.append("it keeps the whole picture; onnxplain crops the middle instead")
        return framing | _cut(shorter), (shorter, shorter)
    if longer is not None:
        doubts.append("the padding is assumed to be black, below the picture and to its right")
        return framing | {"resize": "pad", "position": (0.0, 0.0)}, (longer, longer)
    return framing | {"resize": "stretch"}, crop


def _of_convnext(
    framing: dict[str, Any], shorter: int, share: float
) -> tuple[dict[str, Any], tuple[int, int]]:
    size = (shorter, shorter)
    if shorter >= 384:
        return framing | {"resize": "stretch"}, size
    return framing | _cut(before_cut(shorter, share)), size


def _cut(to: int | tuple[int, int] | None) -> dict[str, Any]:
    return {"resize": "crop", "resize_to": to, "position": ROUNDED_DOWN}


def _edges(value: Any, square: bool) -> tuple[tuple[int, int] | None, int | None, int | None]:
    """Exact height and width, or the shorter side, or the longer one."""
    if isinstance(value, Mapping):
        if "height" in value and "width" in value:
            return (whole(value["height"]), whole(value["width"])), None, None
        if value.get("shortest_edge") is not None:
            return None, whole(value["shortest_edge"]), None
        if value.get("longest_edge") is not None:
            return None, None, whole(value["longest_edge"])
        raise ValueError(f"size {dict(value)} has neither height and width nor an edge")
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return (whole(value[0]), whole(value[1])), None, None
    edge = whole(value)
    return ((edge, edge), None, None) if square else (None, edge, None)
