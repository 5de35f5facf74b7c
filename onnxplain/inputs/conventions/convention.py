"""A preprocessing as somebody else's file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.preprocess import Preprocess

# Half, but an odd pixel goes below and to the right: how Hugging Face and letterboxes round.
ROUNDED_DOWN = (0.49999, 0.49999)
# Pillow's filters by their numbers.
FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
UNIT = 1 / 255
_LONGEST_LINE = 300


@dataclass(frozen=True)
class Convention:
    """What a file or its metadata says, before it is known which input it is for.

    Attributes
    ----------
    name : str
        Of the recipe that is made of it.
    source : str
        The file, or the metadata, and whose custom it is.
    values : mapping of str to value
        Attributes of `Preprocess`.
    size : (int, int), optional
        Height and width of the tensor.
    doubts : tuple of str
        What it leaves open or cannot be followed in.
    """

    name: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    doubts: tuple[str, ...] = ()

    def recipe(self, image: ImageInput) -> Preprocess:
        """Make the preprocessing of an input.

        Raises
        ------
        UsageError
            If it is for another number of channels, or a value cannot be used.
        """
        values = dict(self.values)
        to = values.get("resize_to")
        if to is not None and self.size is not None and self.size != image.size:
            # The picture is cut in the same proportion.
            pairs = zip(image.size, self.size, strict=True)
            ratio = [now / then for now, then in pairs]
            values["resize_to"] = (
                tuple(int(side * r) for side, r in zip(to, ratio, strict=True))
                if isinstance(to, tuple)
                else int(to * max(ratio))
            )
        count = image.channels
        for key, neutral in (("mean", 0.0), ("std", 1.0)):
            given = tuple(values.get(key, (neutral,)))
            if len(given) not in (1, count):
                raise UsageError(f"it gives {len(given)} values of {key} for {count} channels")
            values[key] = given * count if len(given) == 1 else given
        if count not in (1, 3):
            values["color"] = "bands"
        elif count == 1 or values.get("color") == "gray":
            values["color"] = "gray"
        dtype = image.dtype
        return Preprocess(self.name, image.layout, image.size, dtype=dtype, **values)


def one_line(error: Exception) -> str:
    """What is wrong with a file, in one line of moderate length: it may quote the file."""
    return " ".join(str(error)[: 4 * _LONGEST_LINE].split())[:_LONGEST_LINE]


def numbers(value: Any, count: int | None = None) -> tuple[float, ...]:
    """Read a number or a list of numbers, as JSON or as text.

    Raises
    ------
    ValueError
        If it is none, or one is not finite.
    """
    if isinstance(value, str):
        plain = value.strip().strip("[]()").replace(",", " ").replace(";", " ")
        value = plain.split()
    if not isinstance(value, (list, tuple)):
        value = [value]
    if not value or any(isinstance(v, bool) for v in value):
        raise ValueError(f"{value} are not numbers")
    try:
        found = tuple(float(v) for v in value)
    except (TypeError, OverflowError):
        raise ValueError(f"{value} are not numbers") from None
    if not all(-1e9 < v < 1e9 for v in found) or (count and len(found) not in (1, count)):
        raise ValueError(f"{value} are not {count or 'finite'} numbers")
    return found


def whole(value: Any) -> int:
    """Read a whole number of pixels.

    Raises
    ------
    ValueError
        If it is none.
    """
    (number,) = numbers(value)
    if number != int(number) or not 1 <= number <= 1 << 16:
        raise ValueError(f"{value} is not a number of pixels")
    return int(number)


def before_cut(side: float, share: float) -> int:
    """Side of the whole picture out of which a share is cut.

    Raises
    ------
    ValueError
        If there is no such share, or it asks for a picture that no memory holds.
    """
    if not share > 0:
        raise ValueError(f"crop_pct is {share}")
    return whole(side / share // 1)


def sides(value: Any) -> tuple[int, int]:
    """Read height and width: one number for both, or a pair.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = numbers(value)
    if len(found) not in (1, 2):
        raise ValueError(f"{value} is not a height and a width")
    return (whole(found[0]), whole(found[-1]))


def truth(value: Any) -> bool:
    """Read a truth value, as JSON or as text.

    Raises
    ------
    ValueError
        If it is none.
    """
    text = str(value).strip().lower()
    if text in ("true", "yes", "1"):
        return True
    if text in ("false", "no", "0", "none"):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def filter_of(value: Any, usual: str) -> str:
    """Read a resampling filter: Pillow's number, or a name.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if value is None:
        return usual
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value < len(FILTERS):
            return FILTERS[value]
        raise ValueError(f"unknown filter {value}")
    name = str(value).strip().lower().rpartition(".")[2].removeprefix("inter_")
    known = {"linear": "bilinear", "cubic": "bicubic", "lanczos3": "lanczos", "lanczos5": "lanczos"}
    known |= {"lanczos4": "lanczos", "area": "box", "random": "bilinear", "antialias": "lanczos"}
    name = known.get(name, name)
    if name.isdecimal():
        return filter_of(int(name), usual)
    if name not in FILTERS:
        raise ValueError(f"unknown filter {value!r}")
    return name
