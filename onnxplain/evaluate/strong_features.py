"""Does the class survive on the strongest pixels alone, and does it go with them?

The random control has its answer in the control map ``random``: as many pixels, drawn
without looking.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.case import Case


def strongest(heatmap: NDArray[Any], share: float) -> NDArray[np.bool_]:
    """Mask of the strongest pixels; of equal ones the first.

    Parameters
    ----------
    heatmap : (H, W) array
        The map.
    share : float
        How many of the pixels, in (0, 1].
    """
    count = max(1, round(share * heatmap.size))
    kept = np.zeros(heatmap.size, bool)
    kept[np.argsort(-heatmap, axis=None, kind="stable")[:count]] = True
    return kept.reshape(heatmap.shape)


def whole(case: Case) -> float:
    """1 if the picture itself is classified right, else 0."""
    return _right(case, np.ones(case.heatmap.shape, bool))


def only_strong(case: Case) -> float:
    """1 if it still is with all but the strongest pixels black, else 0.

    References
    ----------
    Kumar, Wong, Taylor 2017, arXiv:1704.04133, section 4.
    """
    return _right(case, strongest(case.heatmap, case.settings.strong))


def without_strong(case: Case) -> float:
    """1 if it still is with the strongest pixels black, else 0."""
    return _right(case, ~strongest(case.heatmap, case.settings.strong))


def _right(case: Case, kept: NDArray[np.bool_]) -> float:
    mask = np.expand_dims(kept[None], case.context.channel_axis)
    x = np.where(mask, case.picture.x, case.filled(case.settings.deleted))
    task = case.model.task
    values = case.model.network.ort.activations(x, task.tensors)
    return float(task.predict(values, case.position).winner == case.label)
