"""Maps of the evidence that is known: as it was drawn, and as it is measured."""

from dataclasses import replace

import numpy as np

from benchmarks.shortcuts.planted import PATCH, SIDE, Recipe
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.cases import Look
from onnxplain.evaluate.imputed_regions import Probe, probe_of
from onnxplain.model.model import Model

# Sets of regions from which effects are measured: none is one that a verdict looks at.
SETS, _FIRST_SET = 8, 9000
_RIDGES = np.logspace(-4, 2, 25)


def drawn_evidence(seen: Look, recipe: Recipe | None) -> np.ndarray | None:
    """Where the evidence was drawn, all of it equally strong; ``None`` where that is not known."""
    if recipe is None:
        return None if seen.mask is None else seen.mask.astype(float)
    if not recipe.planted == seen.index == seen.label:
        return None
    top, left = recipe.shortcut.place
    inside = np.s_[top : top + PATCH, left : left + PATCH]
    if seen.picture.pixels[inside].std(axis=(0, 1)).max() > 1:  # one of the few without the patch
        return None
    found = np.zeros((SIDE, SIDE))
    found[inside] = 1
    return found


def measured_evidence(model: Model, seen: Look) -> np.ndarray:
    """Effects of the cells of a picture, such that their sums follow the drops of the score best.

    Ridge regression on regions that no verdict looks at; its strength is the one with the least
    error on regions left out (leave one out). No map can follow the score much better that adds
    up evidence, so this is what a verdict can be expected to know.
    """
    flat = np.zeros(seen.picture.pixels.shape[:2])
    case = Case(model, seen.picture, seen.target, flat, lambda _: flat, None, None, 0, "",
                start=seen.start)  # fmt: skip
    probes = [probe_of(replace(case, seed=_FIRST_SET + k, shared={})) for k in range(SETS)]
    return over_pixels(effects(probes), flat.shape)


def effects(probes: list[Probe]) -> np.ndarray:
    """Effects of cells (h, w), fitted to the drops of all regions."""
    regions = np.concatenate([p.regions.reshape(len(p.regions), -1) for p in probes]).astype(float)
    drops = np.concatenate([p.drops for p in probes])
    regions, drops = regions - regions.mean(axis=0), drops - drops.mean()
    values, vectors = np.linalg.eigh(regions @ regions.T)
    turned = vectors.T @ drops
    best, weights = np.inf, np.zeros(len(drops))
    for ridge in _RIDGES * values.mean():
        kept = 1 / (np.maximum(values, 0) + ridge)
        found = vectors @ (kept * turned)
        # The error on a region left out is its weight over its leverage.
        error = float(np.mean((found / ((vectors**2) @ kept)) ** 2))
        if error < best:
            best, weights = error, found
    return (regions.T @ weights).reshape(probes[0].grid)


def over_pixels(cells: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Map (H, W) whose sums over the cells are these."""
    rows, columns = (np.arange(n) * k // n for n, k in zip(size, cells.shape, strict=True))
    count = np.bincount(rows)[:, None] * np.bincount(columns)
    return (cells / count)[rows][:, columns]
