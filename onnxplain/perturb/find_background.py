"""The background that a person names: a stored one, one fitted on a folder, or the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.inputs.datasets import read_datasets
from onnxplain.inputs.source import model_input
from onnxplain.network.context import Context
from onnxplain.perturb.background import CROPS, Background, fit_background

Size = tuple[int, int]
_PADDING = 2
# Patches of one picture overlap: more of them would not say more.
_OWN_CROPS = 5000


def find_background(
    context: Context,
    x: NDArray[Any] | None,
    source: str | Sequence[str] | None,
    sampler: str | None,
    window: Size | int | None,
    padding: int | None,
) -> Background:
    """Load or fit a background.

    Parameters
    ----------
    context : Context
        The model.
    x : (C, H, W) or (H, W, C) array, optional
        The picture explained, which stands in for others if there is no source.
    source : str or sequence of str, optional
        Not needed if there is a picture; see `onnxplain.methods.prediction_difference`. Several
        are data sets alone.
    sampler, window, padding
        What is wanted; of a stored background they are known.

    Raises
    ------
    UsageError
        If a stored background is of another model, or was fitted otherwise than is wanted.
    """
    if isinstance(source, str) and Path(source).suffix == ".npz":
        return _stored(context, source, sampler, window, padding)
    if source is None:
        assert x is not None
        pictures: Sequence[NDArray[Any]] = [channels_first(context, x)]
    else:
        pictures = Pictures(context, [s.path for s in read_datasets(source)])
    height, width = context.network.image.size
    eighth = (max(1, height // 8), max(1, width // 8))
    return fit_background(
        pictures,
        # A Gaussian of one small picture knows it by heart, and draws it again.
        sampler or ("marginal" if source is None else "conditional"),
        pair("window", window, eighth, (height, width)),
        _PADDING if padding is None else padding,
        preprocess=context.preprocess.sha256,
        crops=_OWN_CROPS if source is None else CROPS,
        seed=context.seed,
    )


def channels_first(context: Context, x: NDArray[Any]) -> NDArray[Any]:
    """One input as (C, H, W)."""
    return x if context.channel_axis == 1 else np.moveaxis(x, -1, 0)


def pair(what: str, value: Size | int | None, default: Size, largest: Size) -> Size:
    """Height and width that a person means by one number, two, or none.

    Raises
    ------
    UsageError
        If they are below 1 or above the largest.
    """
    found = default if value is None else (value, value) if isinstance(value, int) else value
    if not all(1 <= v <= m for v, m in zip(found, largest, strict=True)):
        raise UsageError(
            f"{what} {tuple(found)} is out of range; allowed: 1 to {largest[0]} high, "
            f"1 to {largest[1]} wide"
        )
    return (int(found[0]), int(found[1]))


class Pictures(Sequence[NDArray[Any]]):
    """Image files as inputs with channels first, read when they are asked for.

    Parameters
    ----------
    context : Context
        Its preprocessing makes inputs of them.
    paths : sequence of Path
        The files.
    """

    def __init__(self, context: Context, paths: Sequence[Path]) -> None:
        self._context, self._paths = context, paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> Any:
        x = model_input(self._paths[index], self._context.preprocess)[0]
        return channels_first(self._context, x)


def _stored(
    context: Context,
    path: str,
    sampler: str | None,
    window: Size | int | None,
    padding: int | None,
) -> Background:
    found = Background.load(path)
    image = context.network.image
    if found.shape != (image.channels, *image.size):
        raise UsageError(f"{path!r} was fitted on inputs of shape {found.shape}")
    if found.preprocess != context.preprocess.sha256:
        raise UsageError(
            f"{path!r} was fitted with another preprocessing; fit it again with "
            "`onnxplain background`"
        )
    wanted = {
        "sampler": (sampler, found.sampler),
        "window": (pair("window", window, found.window, image.size), found.window),
        "padding": (padding, found.padding),
    }
    for name, (asked, known) in wanted.items():
        if asked is not None and asked != known:
            raise UsageError(f"{path!r} was fitted with {name} {known}, not {asked}")
    return found
