"""The loops: perturbed inputs, a batch at a time, through an open session, and the map."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Scores of a batch of inputs, (N,).
Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
CELLS, REGIONS = 7, 50


def occlusion(
    run: Run, x: NDArray[np.float32], batch: int, windows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Zeros in each window; a pixel's number is the mean over the windows that cover it."""
    found = []
    for start in range(0, len(windows), batch):
        part = windows[start : start + batch]
        inputs = np.repeat(x, len(part), axis=0)
        for one, (top, bottom, left, right) in zip(inputs, part, strict=True):
            one[..., top:bottom, left:right] = 0
        found.append(run(inputs))
    total, covered = np.zeros(x.shape[2:]), np.zeros(x.shape[2:])
    for fall, (top, bottom, left, right) in zip(
        run(x) - np.concatenate(found), windows, strict=True
    ):
        total[top:bottom, left:right] += fall
        covered[top:bottom, left:right] += 1
    return total / np.maximum(covered, 1)


def rise(run: Run, x: NDArray[np.float32], batch: int, count: int) -> NDArray[np.float64]:
    """The paper's masks: coarse grids, enlarged bilinearly by Pillow and cut at random."""
    rng = np.random.default_rng(0)
    height, width = x.shape[2:]
    cell = -(-height // CELLS), -(-width // CELLS)
    total = np.zeros((height, width))
    for start in range(0, count, batch):
        some = min(batch, count - start)
        kept = (rng.random((some, CELLS, CELLS)) < 0.5).astype(np.float32)
        masks = np.empty((some, height, width), np.float32)
        for k, coarse in enumerate(kept):
            top, left = (int(rng.integers(c)) for c in cell)
            large = Image.fromarray(coarse).resize(
                ((CELLS + 1) * cell[1], (CELLS + 1) * cell[0]), Image.Resampling.BILINEAR
            )
            masks[k] = np.asarray(large)[top : top + height, left : left + width]
        scores = run(masks[:, None] * x)
        total += np.tensordot(scores, masks, axes=1)
    return total / count / 0.5


def lime(
    run: Run, x: NDArray[np.float32], batch: int, count: int, labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Regions at random, the mean colour in the place of what is taken away; ridge regression."""
    rng = np.random.default_rng(0)
    absent = np.broadcast_to(x.mean(axis=(2, 3), keepdims=True), x.shape)
    kept = rng.random((count, int(labels.max()) + 1)) < 0.5
    scores = []
    for start in range(0, count, batch):
        masks = kept[start : start + batch][:, labels]
        scores.append(run(np.where(masks[:, None], x, absent).astype(np.float32)))
    rows = kept.astype(np.float64)
    distance = 1 - np.sqrt(rows.mean(axis=1))
    root = np.exp(-(distance**2) / (4 * 0.25**2))[:, None]
    design = np.hstack([rows, np.ones((count, 1))]) * root
    ridge = design.T @ design + np.eye(design.shape[1])
    return np.linalg.solve(ridge, design.T @ (np.concatenate(scores)[:, None] * root))[:-1, 0]


LOOPS: Mapping[str, Callable[..., object]] = {"occlusion": occlusion, "rise": rise, "lime": lime}
