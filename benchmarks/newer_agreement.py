"""How far the results of two codes of one method agree, in a few words for a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


def _both(theirs: NDArray[Any], ours: NDArray[Any]) -> str:
    """Correlation of all numbers, and the largest difference once the largest of each is one."""
    one, other = (np.asarray(m, np.float64) / np.abs(m).max() for m in (theirs, ours))
    alike = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    return f"correlation {alike:.3f}, largest difference {np.abs(one - other).max():.2g}"


def close(theirs: NDArray[Any], ours: Any) -> str:
    """Maps; theirs has its colours last."""
    own = ours.attribution
    return _both(theirs, np.moveaxis(own, 0, -1) if own.ndim == 3 else own)


def same_channels(theirs: tuple[Sequence[int], NDArray[Any]], ours: Any) -> str:
    """Maps of the channels that both chose."""
    channels, maps = theirs
    common = [k for k in channels if k in ours.channels]
    one = np.stack([maps[channels.index(k)] for k in common])
    other = np.stack([ours.maps[ours.channels.index(k)] for k in common])
    return f"{len(common)} of {len(channels)} channels, {_both(one, other)}"


def shares(theirs: Any, ours: Any) -> str:
    """TCAV scores, mean over the random sets."""
    found = [
        float(scores["sign_count"][0]) for layers in theirs.values() for scores in layers.values()
    ]
    return f"scores {np.mean(found):.2f} and {ours.tests[0].scores.mean():.2f}"


def concepts(theirs: NDArray[Any], ours: Any) -> str:
    """Mean cosine of the concepts, each beside its own one of the other side."""
    one, other = (
        b / np.linalg.norm(b, axis=1, keepdims=True) for b in (np.asarray(theirs), ours.basis)
    )
    cosines = one @ other.T
    return f"mean cosine of the concepts {cosines[linear_sum_assignment(-cosines)].mean():.2f}"


def order(theirs: Sequence[int], ours: Any) -> str:
    """Regions in the order found."""
    places = {
        int(r): int(o)
        for r, o in zip(ours.maps["regions"].flat, ours.maps["order"].flat, strict=True)
    }
    own = sorted(places, key=lambda region: places[region])
    same = sum(a == b for a, b in zip(theirs, own, strict=True))
    return f"{same} of {len(own)} regions in the same place"
