"""Whether a file of another form gives what the product makes of the plain file's maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import ParityError
from onnxplain.explanations.display import displayed, limit, reduce_channels, upsample
from onnxplain.export.check import Arrays, run
from onnxplain.export.display import Form
from onnxplain.export.view import View
from onnxplain.export.write import Written
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.inputs.source import as_picture
from onnxplain.render.colors import blend

# What float32 may cost, as a share of the largest number that is added up.
_CLOSE = 1e-5
# Where a map is that close to the border between two colours, either is right.
_LEVEL = 1


@dataclass(frozen=True)
class ViewCheck:
    """How far a file is from the product's own display of the same numbers.

    Attributes
    ----------
    map_error : float
        Largest difference of a map, as a share of its largest number.
    overlay_levels : int
        Largest difference of an overlay, in levels of 255.
    overlay_share : float
        Share of the overlay's numbers that differ by more than one level: on the border
        between two colours of the table.
    """

    map_error: float = 0.0
    overlay_levels: int = 0
    overlay_share: float = 0.0


def bytes_and_inputs(
    recipe: Preprocess, seen: NDArray[Any], batch: int | None
) -> list[tuple[NDArray[np.uint8], NDArray[Any]]]:
    """Pixels on which the scores are compared, and the model's input of each.

    A picture and one of random bytes, in which each channel has all of them.
    """
    channels = recipe.channels if recipe.takes_bands else 3
    pixels = np.clip(np.round(seen), 0, 255).astype(np.uint8)
    pixels = np.broadcast_to(pixels, (*recipe.size, channels))
    noise = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    found = []
    for chosen in ([pixels] * (batch or 1), [pixels, noise] * ((batch or 2) // 2)):
        if len(chosen) in (batch, 1, 2):
            stacked = np.stack(chosen)
            found.append((stacked, np.concatenate([_input(recipe, p) for p in chosen])))
    return found


def _input(recipe: Preprocess, pixels: NDArray[np.uint8]) -> NDArray[Any]:
    if recipe.color != "gray":
        return recipe.encode(pixels[None])
    as_it_is = replace(recipe, resize="none", crop_fraction=1.0, resize_to=None)
    return as_it_is.apply(as_picture(pixels, as_it_is))


def compare_view(
    plain: tuple[Any, Written],
    dressed: tuple[Any, Written],
    feeds: tuple[Arrays, Arrays],
    forms: Mapping[str, Form],
    view: View,
    photos: NDArray[np.uint8],
) -> ViewCheck:
    """Compare maps and overlays of two files with the product's display.

    Parameters
    ----------
    plain, dressed : (session, Written)
        The file with the methods' own numbers, and that of another form.
    feeds : (mapping, mapping)
        What each gets.
    forms : mapping of str to Form
        Of each method's map.
    view : View
        The form of the second one.
    photos : (N, H, W, 1 or 3) uint8 array
        The pictures as a person is shown them.

    Raises
    ------
    ParityError
        If one differs by more than rounding explains.
    """
    (session, own), (other, shown) = plain, dressed
    numbers = run(session, feeds[0], list(own.outputs.values()))
    found = run(other, feeds[1], [*shown.outputs.values(), *shown.overlays.values()])
    check = ViewCheck()
    for method, form in forms.items():
        for k, raw in enumerate(numbers[own.outputs[method]].astype(np.float64)):
            ours = found[shown.outputs[method]][k]
            check = replace(check, map_error=max(check.map_error, _map(method, form, view, raw,
                                                                       ours)))  # fmt: skip
            if shown.overlays:
                picture = found[shown.overlays[method]][k]
                levels, share = _overlay(method, form, raw, photos[k], picture)
                check = replace(
                    check,
                    overlay_levels=max(check.overlay_levels, levels),
                    overlay_share=max(check.overlay_share, share),
                )
    return check


def _map(
    method: str, form: Form, view: View, raw: NDArray[np.float64], ours: NDArray[Any]
) -> float:
    """Largest difference of a map as a share of its largest number."""
    expected = raw
    rounding = float(np.abs(raw).max())
    if view.flattens:
        expected = _flat(form, raw)
        rounding = float(np.abs(raw).sum(form.channels - 1).max()) if form.channels else rounding
    if view.map_scale == "unit":
        expected = displayed(expected, form.display)
        top = limit(expected, form.percentile)
        rounding /= top or 1.0
    if view.map_size == "input":
        expected = upsample(expected, form.size, form.spread)
    if view.map_scale == "unit":
        expected = np.clip(expected / (top or 1.0), -1.0, 1.0)
    if ours.shape != expected.shape:
        raise ParityError(
            f"the map of {method} in the file has shape {ours.shape}, that of `explain` "
            f"{expected.shape}"
        )
    error = float(np.abs(ours - expected).max(initial=0.0))
    if not error <= _CLOSE * rounding:
        raise ParityError(
            f"the map of {method} in the file differs by {error:.2g} from what `explain` would "
            "show; nothing was written"
        )
    return error / (float(np.abs(expected).max(initial=0.0)) or 1.0)


def _overlay(
    method: str,
    form: Form,
    raw: NDArray[np.float64],
    photo: NDArray[np.uint8],
    ours: NDArray[np.uint8],
) -> tuple[int, float]:
    """Largest difference in levels, and the share of numbers with more than one."""
    part = displayed(_flat(form, raw), form.display)
    top = limit(part, form.percentile) or 1.0
    values = np.clip(upsample(part, form.size, form.spread) / top, -1.0, 1.0)
    slack = _CLOSE * float(np.abs(raw).max()) / top
    around = [blend(photo, np.clip(values + d, -1, 1), form.display).astype(int)
              for d in (-slack, 0.0, slack)]  # fmt: skip
    low, high = np.min(around, axis=0) - _LEVEL, np.max(around, axis=0) + _LEVEL
    if ours.shape != low.shape or not ((low <= ours) & (ours <= high)).all():
        raise ParityError(
            f"the overlay of {method} in the file differs from that of `explain`; nothing "
            "was written"
        )
    apart = np.abs(ours.astype(int) - around[1])
    return int(apart.max()), float((apart > _LEVEL).mean())


def _flat(form: Form, raw: NDArray[np.float64]) -> NDArray[np.float64]:
    if form.channels is None:
        return raw
    return reduce_channels(raw, ("C", "H", "W") if form.channels == 1 else ("H", "W", "C"))
