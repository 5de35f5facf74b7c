"""What CAM and perturbation methods must say of a target, in loops over inputs and feature maps."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from PIL import Image
from scipy.special import softmax
from scipy.stats import qmc

from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.masks import RiseMasks
from onnxplain.perturb.windows import windows_inside
from tests.methods.expected_gradients_of_targets import guided_backprop
from tests.methods.expected_maps import Expected, Oracle, Refused, Table
from tests.methods.other_targets import BLACK, PICTURE, SIDE, Opened, X

# Results of forward methods are kept in float32 where the file is.
KEPT = 4 * np.finfo(np.float32).eps
HALF = SIDE // 2
_FOUR = {"segments": "grid", "regions": 4, "fill_with": "black"}


def _cams(a: np.ndarray, g: np.ndarray) -> dict[str, np.ndarray]:
    """Each method of the family, place by place, from feature maps and their slopes."""
    channels, height, width = a.shape
    found = {m: np.zeros((height, width)) for m in TRANSCRIBED}
    for k in range(channels):
        mean = g[k].sum() / (height * width)
        total = a[k].sum()
        alpha = np.zeros((height, width))
        for i, j in np.ndindex(height, width):
            if g[k, i, j] != 0:
                divisor = 2 * g[k, i, j] ** 2 + total * g[k, i, j] ** 3
                alpha[i, j] = g[k, i, j] ** 2 / divisor if divisor else 0.0
        plus = sum(alpha[i, j] * max(g[k, i, j], 0) for i, j in np.ndindex(height, width))
        share = (g[k] * a[k]).sum() / total if total else 0.0
        for i, j in np.ndindex(height, width):
            found["grad-cam"][i, j] += mean * a[k, i, j]
            found["counterfactual-grad-cam"][i, j] -= mean * a[k, i, j]
            found["grad-cam++"][i, j] += plus * a[k, i, j]
            found["xgrad-cam"][i, j] += share * a[k, i, j]
            found["hirescam"][i, j] += g[k, i, j] * a[k, i, j]
            found["layercam"][i, j] += max(g[k, i, j], 0) * a[k, i, j]
    return found


TRANSCRIBED = (
    "grad-cam", "counterfactual-grad-cam", "grad-cam++", "xgrad-cam", "hirescam", "layercam"
)  # fmt: skip


def _of_layer(method: str) -> Oracle:
    def expected(case: Opened) -> Expected:
        # Stabilizers of 1e-8 beside sums of whole numbers.
        return Expected(_cams(*case.layer_slopes())[method], {"layer": case.layer}, 1e-5)

    return expected


def guided_grad_cam(case: Opened) -> Expected:
    """Guided backpropagation times the positive part of Grad-CAM."""
    coarse = np.maximum(_cams(*case.layer_slopes())["grad-cam"], 0)
    return Expected(guided_backprop(case).values * coarse, {"layer": case.layer})


def eigen_cam(case: Opened) -> Expected:
    """Feature maps on the eigenvector of their covariance with the largest eigenvalue."""
    maps = case.layer_slopes()[0].reshape(4, -1)
    centred = maps - maps.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    expected = (vectors[:, values.argmax()] @ centred).reshape(SIDE, SIDE)
    sign = np.sign(expected.flat[np.abs(expected).argmax()])
    return Expected(sign * expected, {"layer": case.layer}, 1e-6)


def activation(case: Opened) -> Expected:
    """Mean magnitude of the feature maps."""
    return Expected(np.abs(case.layer_slopes()[0]).mean(axis=0), {"layer": case.layer}, 1e-6)


def enriched(case: Opened) -> Refused:
    """Nobody selected features that would tell these targets."""
    return Refused("enriched needs features")


def ablation_cam(case: Opened) -> Expected:
    """Each feature map by the share of the score that is lost without it."""
    maps, score, weights = case.layer_slopes()[0], case.score(X)[0], []
    for k in range(len(maps)):
        without = maps.copy()
        without[k] = 0
        weights.append((score - case.score_of_maps(without[None])[0]) / abs(score))
    return Expected(np.einsum("k,khw->hw", weights, maps), {"layer": case.layer}, 1e-6)


def recipro_cam(case: Opened) -> Expected | Refused:
    """What each place scores alone, less what nothing scores."""
    options = {"layer": case.layer, "mask": "delta"}
    maps = case.layer_slopes()[0]
    if case.name == "likeness" and case.net.embedding.bias is None:
        return Refused("no direction to compare", options)
    alone = np.zeros((SIDE, SIDE))
    for i, j in np.ndindex(SIDE, SIDE):
        kept = np.zeros((1, *maps.shape))
        kept[0, :, i, j] = maps[:, i, j]
        alone[i, j] = case.score_of_maps(kept)[0]
    nothing = case.score_of_maps(np.zeros((1, *maps.shape)))[0]
    return Expected(alone - nothing, options, 1e-6)


def score_cam(case: Opened) -> Expected:
    """Feature maps by a Softmax of what the picture scores seen through them."""
    maps = case.layer_slopes()[0]
    masks = maps - maps.min(axis=(1, 2), keepdims=True)
    masks /= masks.max(axis=(1, 2), keepdims=True)
    scores = case.score(BLACK + masks[:, None] * (X - BLACK))
    # Softmax multiplies what single precision does to a score.
    spread = 1e-5 * max(1.0, np.abs(scores).max())
    values = np.einsum("k,khw->hw", softmax(scores), maps)
    return Expected(values, {"layer": case.layer}, spread)


def cam(case: Opened) -> Expected | Refused:
    """The head's weights times the last feature maps, where the target is linear in it."""
    if case.name != "value":
        return Refused("use grad-cam")
    with torch.no_grad():
        later = case.net.later(case.net.maps(torch.from_numpy(X))).numpy()[0]
        weights = case.net.value.weight.numpy()[1]
    return Expected(np.einsum("k,khw->hw", weights, later), {}, KEPT)


def occlusion(case: Opened) -> Expected:
    """How much the score falls under each black window."""
    expected = np.zeros((SIDE, SIDE))
    for top, left in itertools.product(range(0, SIDE, 2), repeat=2):
        covered = X.copy()
        covered[:, :, top : top + 2, left : left + 2] = -1
        expected[top : top + 2, left : left + 2] = case.score(X)[0] - case.score(covered)[0]
    return Expected(expected, {"window": 2, "stride": 2, "fill_with": "black"}, 1e-6)


def rise(case: Opened) -> Expected:
    """Scores under the masks that the seed draws, times the masks."""
    count, share = 80, 0.5
    shapes = RiseMasks((SIDE, SIDE), 3, share)
    masks = shapes.masks(Blocks(0, shapes.draw).rows(slice(0, count))).astype(np.float64)
    scores = case.score(BLACK + masks[:, None] * (X - BLACK))
    expected = sum((s - scores.mean()) * m for s, m in zip(scores, masks, strict=True))
    options = {"samples": count, "cells": 3, "share": share}
    return Expected(expected / count / share, options, 1e-4)


def of_boxes(case: Opened) -> Refused:
    """There is no box."""
    return Refused("explains boxes of a detector")


def layercam_scales(case: Opened) -> Expected:
    """All maps have one size: LayerCAM alone."""
    return Expected(_cams(*case.layer_slopes())["layercam"], {"layer": case.layer}, 1e-5)


def _quarters(kept: np.ndarray) -> np.ndarray:
    """The picture of which some quarters are kept and the others are black."""
    mask = np.kron(np.reshape(kept, (2, 2)), np.ones((HALF, HALF)))
    return np.where(mask, X, BLACK)


def _spread(values: np.ndarray) -> np.ndarray:
    return np.kron(np.reshape(values, (2, 2)), np.ones((HALF, HALF)))


def kernel_shap(case: Opened) -> Expected:
    """Shapley values of four quarters, over all orders in which they can come."""
    values = np.zeros(4)
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        kept = np.zeros(4, bool)
        for k in order:
            before = case.score(_quarters(kept))[0]
            kept[k] = True
            values[k] += (case.score(_quarters(kept))[0] - before) / len(orders)
    return Expected(_spread(values), _FOUR, 1e-6)


def sampled_shap(case: Opened) -> Expected:
    """Sixteen regions: pairs that the seed draws, as least squares with a given sum."""
    count, regions = 128, 16
    sizes = np.arange(1, regions)
    odds = 1.0 / (sizes * (regions - sizes))
    rows = []
    for block in range(2):
        random = np.random.default_rng([4, block])
        places = np.searchsorted(np.cumsum(odds) / odds.sum(), random.random(32))
        for size, keys in zip(sizes[places], random.random((32, regions)), strict=True):
            kept = np.zeros(regions, bool)
            kept[np.argsort(keys)[:size]] = True
            rows += [kept, ~kept]

    def picture(kept: np.ndarray) -> np.ndarray:
        return np.where(np.kron(kept.reshape(4, 4), np.ones((2, 2))), X, BLACK)

    empty, full = case.score(BLACK)[0], case.score(X)[0]
    z = np.array(rows, float)[:count]
    gained = np.array([case.score(picture(row))[0] for row in rows[:count]]) - empty
    # Stationary point of the squares with a Lagrange multiplier for the sum.
    system = np.ones((regions + 1, regions + 1))
    system[:regions, :regions], system[regions, regions] = z.T @ z, 0.0
    solved = np.linalg.solve(system, np.append(z.T @ gained, full - empty))[:regions]
    values = np.kron(solved.reshape(4, 4), np.ones((2, 2)))
    options = {**_FOUR, "regions": regions, "samples": count, "seed": 4}
    return Expected(values, options, 1e-5)


def _mixed(kept: np.ndarray) -> np.ndarray:
    """The picture with a share of each quarter, the rest of it black."""
    return BLACK + _spread(kept) * (X - BLACK)


def sobol(case: Opened) -> Expected:
    """Jansen's estimator in loops, of points of a Sobol sequence that are shifted."""
    count = 16
    drawn = qmc.Sobol(8, scramble=False).random(count)
    points = (drawn + np.random.default_rng(2).random(8)) % 1
    scores = np.array([case.score(_mixed(p[:4]))[0] for p in points])
    values = np.zeros(4)
    for i in range(4):
        for point, score in zip(points, scores, strict=True):
            other = point[:4].copy()
            other[i] = point[4 + i]
            values[i] += (score - case.score(_mixed(other))[0]) ** 2
    values /= 2 * count * scores.var(ddof=1)
    options = {**_FOUR, "samples": count, "seed": 2}
    return Expected(_spread(values), options, 1e-5)


def hsic(case: Opened) -> Expected:
    """Trace of the product of centred kernel matrices, entry by entry."""
    count, width = 48, 2.0
    kept = np.random.default_rng([2, 0]).random((64, 4))[:count] < 0.5
    scores = np.array([case.score(_quarters(row))[0] for row in kept])
    centre = np.eye(count) - 1 / count
    scores_kernel = np.exp(-(np.subtract.outer(scores, scores) ** 2) / (2 * width**2))
    values = []
    for region in kept.T.astype(float):
        kernel = 0.5 - np.subtract.outer(region, region) ** 2
        values.append(np.trace(kernel @ centre @ scores_kernel @ centre) / count**2)
    options = {**_FOUR, "samples": count, "width": width, "seed": 2}
    return Expected(_spread(np.array(values)), options, 1e-5)


def region_search(case: Opened) -> Expected:
    """Try each quarter that is left, and take the best."""

    def worth(kept: list[int]) -> float:
        inside = np.isin(np.arange(4), kept)
        alone, without = (case.score(_quarters(k))[0] for k in (inside, ~inside))
        return alone + 0.5 * (case.score(X)[0] - without)

    order: list[int] = []
    steps = [worth([])]
    for _ in range(4):
        best = max((k for k in range(4) if k not in order), key=lambda k: worth([*order, k]))
        order.append(best)
        steps.append(worth(order))
    values = np.zeros(4)
    for place, region in enumerate(order):
        values[region] = sum(abs(steps[j + 1] - steps[j]) for j in range(place + 1, 4))
    return Expected(_spread(values), {**_FOUR, "collaboration": 0.5}, 1e-5)


def lime(case: Opened) -> Expected:
    """Ridge regression on the quarters that the seed keeps, as one least squares problem."""
    count, width, alpha = 96, 0.25, 0.7
    blocks = [np.random.default_rng([3, k]).random((64, 4)) < 0.5 for k in range(2)]
    kept = np.concatenate(blocks)[:count]
    scores = np.array([case.score(_quarters(row))[0] for row in kept])
    rows, right = [], []
    for row, score in zip(kept, scores, strict=True):
        # The cosine between the row and a row of ones.
        cosine = row.sum() / (np.sqrt(row.sum()) * 2) if row.any() else 0.0
        weight = np.sqrt(np.exp(-((1 - cosine) ** 2) / (2 * width**2)))
        rows.append(weight * np.array([1.0, *row]))
        right.append(weight * score)
    for k in range(4):
        rows.append(np.sqrt(alpha) * np.eye(5)[k + 1])
        right.append(0.0)
    solved = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    options = {**_FOUR, "samples": count, "kernel_width": width, "alpha": alpha, "seed": 3}
    return Expected(_spread(solved[1:]), options, 1e-5)


def prediction_difference(case: Opened) -> Expected:
    """What always stands in the window is the other picture: the mean is a single difference."""
    folder = case.folder / "others"
    folder.mkdir()
    other = np.random.default_rng(9).integers(0, 256, PICTURE.shape, np.uint8)
    for copy in range(2):
        Image.fromarray(other).save(folder / f"{copy}.png")
    drawn = other.transpose(2, 0, 1)[None] / 128 - 1
    expected = np.zeros((SIDE, SIDE))
    for top, bottom, left, right in windows_inside((SIDE, SIDE), (4, 4), (4, 4)):
        changed = X.copy()
        changed[:, :, top:bottom, left:right] = drawn[:, :, top:bottom, left:right]
        expected[top:bottom, left:right] = case.score(X)[0] - case.score(changed)[0]
    options = {"background": str(folder), "sampler": "marginal", "window": 4, "stride": 4}
    return Expected(expected, {**options, "samples": 3}, 1e-5)


FORWARD: Table = {
    **{method: _of_layer(method) for method in TRANSCRIBED},
    "guided-grad-cam": guided_grad_cam,
    "eigen-cam": eigen_cam,
    "activation": activation,
    "enriched": enriched,
    "ablation-cam": ablation_cam,
    "recipro-cam": recipro_cam,
    "score-cam": score_cam,
    "cam": cam,
    "occlusion": occlusion,
    "rise": rise,
    "d-rise": of_boxes,
    "g-came": of_boxes,
    "odam": of_boxes,
    "layercam-scales": layercam_scales,
    "kernel-shap": kernel_shap,
    "lime": lime,
    "sobol": sobol,
    "hsic": hsic,
    "region-search": region_search,
    "prediction-difference": prediction_difference,
}
