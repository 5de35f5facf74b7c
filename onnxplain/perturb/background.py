"""What other pictures look like: fitted once on a folder, stored, and drawn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.explanations.npz import read_npz
from onnxplain.files import whole_file

SAMPLERS = ("conditional", "joint", "marginal")
FORMAT = 1
_WHAT = "stored background"
# As in the authors' code.
CROPS = 20_000
# The covariance of more numbers takes more than 300 MB.
_MOST = 6000
_AT_ONCE = 512
Size = tuple[int, int]


@dataclass(frozen=True)
class Background:
    """Statistics of pictures, as inputs of one model, with channels first.

    Attributes
    ----------
    sampler : {"conditional", "joint", "marginal"}
        Gaussian for each channel by itself, Gaussian for all channels together, or
        pieces of the pictures themselves.
    window : (int, int)
        Height and width of what is drawn.
    padding : int
        Pixels around the window that a Gaussian is conditioned on.
    shape : (int, int, int)
        Channels, height and width of the pictures.
    count : int
        How many there were.
    preprocess : str
        Digest of the preprocessing that made inputs of them.
    low, high : (C,) array
        Smallest and largest value of each channel.
    mean, covariance : (G, d), (G, d, d) array
        Of patches, flattened, for each group of channels; G = 0 for ``marginal``.
    pictures : (n, C, H, W) array
        For ``marginal``; else n = 0.
    """

    sampler: str
    window: Size
    padding: int
    shape: tuple[int, int, int]
    count: int
    preprocess: str
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    pictures: NDArray[np.float32]

    @property
    def patch(self) -> Size:
        """Height and width of a window with its padding, at most those of the picture."""
        return patch_size(self.shape, self.window, self.padding)

    def save(self, path: str | Path) -> None:
        """Write to ``.npz``; nothing is pickled.

        Raises
        ------
        UsageError
            If the file name has another ending.
        OutputError
            If the file cannot be written.
        """
        if Path(path).suffix != ".npz":
            raise UsageError(f"{str(path)!r}: a background is stored as .npz")
        with whole_file(path) as file:
            np.savez_compressed(file, format=np.array(FORMAT), **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> Background:
        """Read what `save` wrote.

        Raises
        ------
        UsageError
            If it is no such file.
        """
        arrays: dict[str, Any] = read_npz(path, _WHAT)
        try:
            if arrays.pop("format") != FORMAT:
                raise ValueError("it was written by another version")
            plain = {k: v.tolist() for k, v in arrays.items() if k in _PLAIN}
            pairs = {k: tuple(plain[k]) for k in ("window", "shape")}
            found = cls(**{**arrays, **plain, **pairs})
            _require_sound(found)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{str(path)!r} is not a {_WHAT}: {error}") from error
        return found


_PLAIN = ("sampler", "window", "padding", "shape", "count", "preprocess")


def fit_background(
    pictures: Sequence[NDArray[Any]],
    sampler: str,
    window: Size,
    padding: int,
    *,
    preprocess: str = "",
    crops: int = CROPS,
    seed: int = 0,
) -> Background:
    """Fit a background on pictures.

    Parameters
    ----------
    pictures : sequence of (C, H, W) array
        Inputs of one model, with channels first; read one at a time, the Gaussian ones twice.
    sampler, window, padding
        See `Background`.
    preprocess : str
        Digest of their preprocessing.
    crops : int
        Patches that Gaussians are fitted on, at random places.
    seed : int
        Seed of these places.

    Raises
    ------
    UnknownNameError
        If there is no such sampler.
    UsageError
        If there is no picture, or the window does not fit.
    """
    if sampler not in SAMPLERS:
        raise UnknownNameError("sampler", sampler, SAMPLERS, f"allowed: {', '.join(SAMPLERS)}")
    if not len(pictures):
        raise UsageError("a background needs at least one picture")
    shape = np.asarray(pictures[0]).shape
    channels, height, width = shape
    fits = 1 <= window[0] <= height and 1 <= window[1] <= width and padding >= 0
    if not fits:
        raise UsageError(
            f"window {window} with padding {padding} is out of range; allowed: a window of 1 to "
            f"{height} high, 1 to {width} wide, a padding of 0 or more"
        )
    groups, together = (channels, 1) if sampler == "conditional" else (1, channels)
    patch = patch_size(shape, window, padding)
    length = together * patch[0] * patch[1]
    if sampler != "marginal" and length > _MOST:
        raise UsageError(
            f"a covariance of {length} numbers is too large (at most {_MOST}); take a smaller "
            "window or sampler=conditional"
        )
    ends = [(p.min(axis=(1, 2)), p.max(axis=(1, 2))) for p in map(np.asarray, pictures)]
    low, high = np.min([a for a, _ in ends], axis=0), np.max([b for _, b in ends], axis=0)
    made = Background(
        sampler, window, padding, (channels, height, width), len(pictures), preprocess,
        low.astype(np.float64), high.astype(np.float64),
        np.zeros((0, 0)), np.zeros((0, 0, 0)), np.zeros((0, *shape), np.float32),
    )  # fmt: skip
    if sampler == "marginal":
        return dataclasses.replace(made, pictures=np.stack(list(pictures)).astype(np.float32))
    mean, covariance = _moments(pictures, groups, patch, crops, np.random.default_rng(seed))
    return dataclasses.replace(made, mean=mean, covariance=covariance)


def patch_size(shape: Sequence[int], window: Size, padding: int) -> Size:
    """Height and width of a window with its padding, at most those of the picture."""
    return (
        min(window[0] + 2 * padding, shape[1]),
        min(window[1] + 2 * padding, shape[2]),
    )


def _moments(
    pictures: Sequence[NDArray[Any]],
    groups: int,
    patch: Size,
    crops: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of patches at random places, spread evenly over the pictures."""
    shares = np.full(len(pictures), crops // len(pictures))
    shares[: crops % len(pictures)] += 1
    total: Any = 0.0
    products: Any = 0.0
    pivot: Any = None
    for picture, share in zip(pictures, shares, strict=True):
        views = np.lib.stride_tricks.sliding_window_view(np.asarray(picture), patch, axis=(1, 2))
        channels, rows, columns = views.shape[:3]
        for start in range(0, int(share), _AT_ONCE):
            count = min(_AT_ONCE, int(share) - start)
            tops, lefts = random.integers(rows, size=count), random.integers(columns, size=count)
            found = views[:, tops, lefts].reshape(channels, count, -1)
            # Groups x crops x numbers, with the channels of a group side by side.
            split = found.reshape(groups, channels // groups, count, -1).swapaxes(1, 2)
            flat = split.reshape(groups, count, -1).astype(np.float64)
            if pivot is None:
                # Products of numbers far from zero would lose their differences.
                pivot = flat.mean(axis=1, keepdims=True)
            flat = flat - pivot
            total = total + flat.sum(axis=1)
            products = products + flat.swapaxes(1, 2) @ flat
    mean = total / crops
    covariance = products / crops - mean[:, :, None] * mean[:, None, :]
    return mean + pivot[:, 0], covariance


def _require_sound(found: Background) -> None:
    channels, height, width = found.shape
    groups = {"conditional": channels, "joint": 1, "marginal": 0}[found.sampler]
    length = (channels // max(groups, 1)) * found.patch[0] * found.patch[1] if groups else 0
    count = found.count if found.sampler == "marginal" else 0
    expected = {
        "low": (channels,),
        "high": (channels,),
        "mean": (groups, length),
        "covariance": (groups, length, length),
        "pictures": (count, channels, height, width),
    }
    for name, shape in expected.items():
        values = getattr(found, name)
        if values.shape != shape or not np.isfinite(values).all():
            raise ValueError(f"{name} is not a finite array of shape {shape}")
