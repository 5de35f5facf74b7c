"""Occlusion: cover one window after the other, and watch the score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.adapters.changes import WindowChanges, engine_named
from onnxplain.errors import UsageError
from onnxplain.explanation import Attribution
from onnxplain.methods.registry import method
from onnxplain.perturb.fills import fill
from onnxplain.subject import Subject
from onnxplain.target import Target

Size = tuple[int, int]


@method(
    name="occlusion",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    display="signed",
    summary="How much the score falls when a window of the picture is covered.",
    reference="Zeiler, Fergus 2014, arXiv:1311.2901, section 4.2",
    meaning="score units (probability unless told otherwise); positive: covering it lowers the "
    "score",
    class_discriminative=True,
    promises="the effect of the very change that was made; nothing is approximated",
    failures="the fill is itself a feature; evidence that stands in two places hides behind the "
    "other one",
)
def occlusion(
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    *,
    window: Size | int | None = None,
    stride: Size | int | None = None,
    fill_with: str = "mean",
    engine: str = "auto",
) -> Attribution:
    """Importance of a pixel: mean over the windows that cover it of S(x) - S(x, covered).

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    window : int or (int, int), optional
        Height and width of the window in pixels; an eighth of the input if not given.
    stride : int or (int, int), optional
        Step between windows in pixels; half a window if not given. The last window of a
        row or column is cut off by the border.
    fill_with : str
        See `onnxplain.perturb.fills.fill`.
    engine : {"auto", "incremental", "brute-force"}
        Compute only what a window can change, or every covered picture as a whole. The map
        is the same up to rounding; ``auto`` takes what should be faster, and the record's
        note ``engine`` says which it was, and why.

    Returns
    -------
    Attribution
        (N, H, W), signed, in score units. Maps, one value per window position:
        ``score`` (score with the window covered), ``difference`` (fall of the score) and
        ``predicted_class`` (class index that wins then).

    Raises
    ------
    UsageError
        If window or stride do not fit the input, or the engine is not known or not possible.
    """
    height, width = (x.shape[a] for a in subject.spatial_axes)
    size = _pair("window", window, (max(1, height // 8), max(1, width // 8)), (height, width))
    step = _pair("stride", stride, (max(1, size[0] // 2), max(1, size[1] // 2)), size)
    rows, columns = _extents(height, size[0], step[0]), _extents(width, size[1], step[1])
    windows = np.array([(*r, *c) for r in rows for c in columns])
    grid = (len(rows), len(columns))
    covered = fill(subject, x, fill_with)
    base = subject.score(x, target)
    chosen = engine_named(engine)
    scores, winners = np.empty((len(x), len(windows))), np.empty((len(x), len(windows)), np.int64)
    for n in range(len(x)):
        changes = WindowChanges.from_picture(windows, covered[n], subject.network.image.spatial)
        run = subject.windowed_scores(x[n], changes, target, engine=chosen)
        for indices, found in run.blocks:
            scores[n, indices] = target.select(found)
            winners[n, indices] = found.argmax(axis=1)
    falls = base[:, None] - scores
    return Attribution(
        _spread(falls, windows, (height, width)),
        ("H", "W"),
        parameters={"window": list(size), "stride": list(step)},
        notes={"engine": dict(run.engine)},
        maps={
            "score": scores.reshape(-1, *grid),
            "difference": falls.reshape(-1, *grid),
            "predicted_class": winners.reshape(-1, *grid),
        },
    )


def _spread(
    falls: NDArray[np.float64], windows: NDArray[np.int64], size: Size
) -> NDArray[np.float64]:
    """Mean over the windows that cover each pixel."""
    total, count = np.zeros((len(falls), *size)), np.zeros(size)
    for k, (top, bottom, left, right) in enumerate(windows):
        total[:, top:bottom, left:right] += falls[:, k, None, None]
        count[top:bottom, left:right] += 1
    return total / count


def _extents(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    """Begin and end of the windows along one axis."""
    # ceil((length - window) / stride) + 1 positions: the last one reaches the border.
    positions = -(-(length - window) // stride) + 1
    return [(k * stride, min(k * stride + window, length)) for k in range(positions)]


def _pair(what: str, value: Size | int | None, default: Size, largest: Size) -> Size:
    pair = default if value is None else (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(1 <= v <= m for v, m in zip(pair, largest, strict=True)):
        raise UsageError(
            f"{what} {pair} is not possible; allowed: 1 to {largest[0]} high, "
            f"1 to {largest[1]} wide"
        )
    return (int(pair[0]), int(pair[1]))
