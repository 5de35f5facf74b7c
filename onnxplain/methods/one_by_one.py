"""Feature maps taken one by one, the strongest first, until there is no more time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.layers import SpatialLayer
from onnxplain.perturb.anytime import Limits, Sampling


def channel_limits(
    method: str, spatial: SpatialLayer, channels: int | None, max_seconds: float | None
) -> Limits:
    """Return the limits of a method that looks at each feature map alone.

    Raises
    ------
    UsageError
        If the layer has not so many maps.
    """
    count = spatial.channels if channels is None else channels
    if not 1 <= count <= spatial.channels:
        raise UsageError(
            f"{method}: channels {count} is out of range; {spatial.name!r} has {spatial.channels}"
        )
    return Limits(count, max_seconds, least=1)


def strongest_first(maps: NDArray[Any]) -> NDArray[np.int64]:
    """Order (C, h, w) feature maps by their norm, the largest first."""
    return np.argsort(-np.linalg.norm(maps, axis=(1, 2)), kind="stable")


def taken_together(
    maps: Sequence[NDArray[np.float64]], spatial: SpatialLayer, samplings: Sequence[Sampling]
) -> Attribution:
    """Join the (h, w) maps of all pictures, and record how many feature maps each looked at.

    Nothing is drawn at random, so that there is no standard error: a map that ended early is
    the very one of fewer channels.
    """
    counts = [s.done for s in samplings]
    return Attribution(
        np.stack(maps),
        ("H", "W"),
        layer=spatial.name,
        parameters={"channels": max(counts)},
        measures={"channels": np.array(counts, np.float64)},
        notes={"sampling_ended": [s.end for s in samplings]},
    )
