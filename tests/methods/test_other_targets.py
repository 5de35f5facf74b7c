"""Every method on what is no class: a value, a likeness, a region, an element of a tensor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.special import softmax

from onnxplain.errors import MethodRefusedError, NumericalError, UsageError
from onnxplain.methods import registered
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.masks import RiseMasks
from onnxplain.perturb.windows import windows_inside
from tests.applicable import NEED_ATTENTION
from tests.methods.other_targets import BLACK, CASES, LINEAR, PICTURE, SIDE, Opened, X

# Float64 behind a different order of sums.
TIGHT = 1e-12
# Results of forward methods are kept in float32 where the file is.
KEPT = 4 * np.finfo(np.float32).eps
everywhere = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def opened(tmp_path):
    return lambda name, **options: Opened(name, tmp_path, **options)


def near(found, expected, bound=TIGHT):
    assert found.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 0
    assert np.abs(found - expected).max() <= bound * scale


@everywhere
def test_the_score_is_the_number(name, opened):
    case = opened(name)
    found = case.explain("gradient")
    assert found.score == pytest.approx(case.score(X)[0], rel=TIGHT)
    assert found.target.unit == case.case.unit


@everywhere
def test_gradients(name, opened):
    case = opened(name)
    slopes = case.slopes()[0]
    near(case.map("gradient"), slopes)
    near(case.map("gradient-x-input"), X[0] * slopes)
    near(case.map("saliency"), np.abs(slopes).max(axis=0))
    others = [opened(n).slopes()[0] for n in CASES if n != name]
    assert all(np.abs(o - slopes).max() > 0.01 * np.abs(slopes).max() for o in others)


@everywhere
def test_averages_without_noise(name, opened):
    case = opened(name)
    slopes = case.slopes()[0]
    plain = {"samples": 3, "noise_level": 1e-9}
    near(case.map("smoothgrad", **plain), slopes, 1e-6)
    near(case.map("smoothgrad-squared", **plain), slopes**2, 1e-6)


@everywhere
@pytest.mark.parametrize("method", ["integrated-gradients", "deeplift"])
def test_parts_add_up_to_the_change(name, method, opened):
    case = opened(name)
    found = case.map(method, baseline="black")
    change = case.score(X)[0] - case.score(BLACK)[0]
    bound = 1e-2 if method == "integrated-gradients" else 1e-9
    assert found.sum() == pytest.approx(change, rel=bound)


@everywhere
def test_integrated_gradients_are_the_mean_slope_on_the_way(name, opened):
    case = opened(name)
    steps = 4096
    ways = (np.arange(steps) + 0.5) / steps
    points = BLACK + ways.reshape(-1, 1, 1, 1) * (X - BLACK)
    each = np.concatenate([case.slopes(p) for p in np.split(points, 16)])
    middle = (X - BLACK)[0] * each.mean(axis=0)
    found = case.map("integrated-gradients", baseline="black", steps=2048, max_steps=2048)
    # Each kink on the way is missed by less than one step, by each of both sums.
    kinks = np.abs(np.diff(each, axis=0)).sum(axis=0)
    slack = (1 / 2048 + 1 / steps) * np.abs((X - BLACK)[0]) * kinks + 1e-9
    assert (np.abs(found - middle) <= slack).all()
    assert np.abs(found - (X - BLACK)[0] * case.slopes()[0]).max() > 1e-3 * np.abs(found).max()


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("method", ["integrated-gradients", "deeplift", "expected-gradients"])
def test_closed_form_on_a_linear_network(name, method, opened):
    case = opened(name, linear=True)
    options = {"baselines": "black"} if method == "expected-gradients" else {"baseline": "black"}
    near(case.map(method, **options), ((X - BLACK) * case.slopes())[0], 1e-10)


@pytest.mark.parametrize("name", LINEAR)
def test_noise_averages_out_on_a_linear_network(name, opened):
    case = opened(name, linear=True)
    near(case.map("smoothgrad", samples=5), case.slopes()[0], 1e-10)
    squared = case.map("smoothgrad-squared", samples=5)
    near(squared, case.slopes()[0] ** 2, 1e-10)
    assert np.abs(case.map("vargrad", samples=5)).max() < 1e-10 * squared.max()
    assert np.abs(opened(name).map("vargrad", samples=5)).max() > 1e-6 * squared.max()


def by_hand(case, how):
    """Guided backpropagation and deconvnet, by a function of PyTorch with its own slope."""

    class Rectified(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, slope):
            (x,) = ctx.saved_tensors
            passed = slope.clamp(min=0)
            return passed * (x > 0) if how == "guided" else passed

    case.net.between = Rectified.apply
    return case.slopes()[0]


@everywhere
@pytest.mark.parametrize("method", ["guided-backprop", "deconvnet"])
def test_rectified_signals(name, method, opened):
    case = opened(name)
    found = case.map(method)
    del case.net.between
    near(found, by_hand(case, "guided" if method == "guided-backprop" else "deconvnet"))


@everywhere
def test_relevance_of_a_network_without_biases_is_slope_times_input(name, opened):
    """The epsilon rule of a piecewise linear network, epsilon towards zero."""
    case = opened(name)
    found = case.explain("lrp", composite="epsilon", epsilon=1e-14)
    near(found.attribution.astype(np.float64), case.parts()[0], 1e-9)
    assert found.measures["relevance_out"] == pytest.approx(case.score(X)[0], rel=TIGHT)
    assert found.measures["conservation"] == pytest.approx(1.0, rel=1e-9)


@everywhere
@pytest.mark.parametrize("method", ["lrp", "deep-taylor"])
def test_relevance_says_where_it_went(name, method, opened):
    case = opened(name)
    found = case.explain(method)
    score = case.score(X)[0]
    assert found.attribution.sum(dtype=np.float64) == pytest.approx(
        found.measures["relevance_in"], rel=1e-9
    )
    absorbed = sum(leak["absorbed"] for leak in found.notes["leaks"])
    assert found.measures["relevance_in"] + absorbed == pytest.approx(score, rel=1e-6)


def cams(a, g):
    """Each method of the family, place by place, from feature maps and their slopes."""
    channels, height, width = a.shape
    found = {m: np.zeros((height, width)) for m in (*TRANSCRIBED, "counterfactual-grad-cam")}
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


TRANSCRIBED = ("grad-cam", "grad-cam++", "xgrad-cam", "hirescam", "layercam")


@everywhere
@pytest.mark.parametrize("method", [*TRANSCRIBED, "counterfactual-grad-cam"])
def test_maps_of_a_layer(name, method, opened):
    case = opened(name)
    expected = cams(*case.layer_slopes())[method]
    # Stabilizers of 1e-8 beside sums of whole numbers.
    near(case.map(method, layer=case.layer), expected, 1e-5)


@everywhere
def test_guided_grad_cam(name, opened):
    case = opened(name)
    coarse = cams(*case.layer_slopes())["grad-cam"]
    found = case.map("guided-grad-cam", layer=case.layer)
    near(found, case.map("guided-backprop") * np.maximum(coarse, 0))


@everywhere
def test_eigen_cam_does_not_depend_on_the_target(name, opened):
    case = opened(name)
    maps = case.layer_slopes()[0].reshape(4, -1)
    centred = maps - maps.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    expected = (vectors[:, values.argmax()] @ centred).reshape(SIDE, SIDE)
    expected *= np.sign(expected.flat[np.abs(expected).argmax()])
    near(case.map("eigen-cam", layer=case.layer), expected, 1e-6)


@everywhere
def test_maps_from_forward_passes(name, opened):
    case = opened(name)
    maps = case.layer_slopes()[0]
    score = case.score(X)[0]
    weights = []
    for k in range(len(maps)):
        without = maps.copy()
        without[k] = 0
        weights.append((score - case.score_of_maps(without[None])[0]) / abs(score))
    near(case.map("ablation-cam", layer=case.layer), np.einsum("k,khw->hw", weights, maps), 1e-6)
    nothing = case.score_of_maps(np.zeros((1, *maps.shape)))[0] if name != "likeness" else None
    if nothing is None:  # an embedding of zeros has no direction
        return
    alone = np.zeros((SIDE, SIDE))
    for i, j in np.ndindex(SIDE, SIDE):
        kept = np.zeros((1, *maps.shape))
        kept[0, :, i, j] = maps[:, i, j]
        alone[i, j] = case.score_of_maps(kept)[0] - nothing
    near(case.map("recipro-cam", layer=case.layer, mask="delta"), alone, 1e-6)


def test_an_empty_layer_has_no_direction(opened):
    case = opened("likeness")
    with pytest.raises(NumericalError, match="no direction to compare"):
        case.explain("recipro-cam", layer=case.layer)


@everywhere
def test_score_cam(name, opened):
    case = opened(name)
    maps = case.layer_slopes()[0]
    masks = maps - maps.min(axis=(1, 2), keepdims=True)
    masks /= masks.max(axis=(1, 2), keepdims=True)
    scores = case.score(BLACK + masks[:, None] * (X - BLACK))
    # Softmax multiplies what single precision does to a score.
    spread = 1e-5 * max(1.0, np.abs(scores).max())
    near(case.map("score-cam", layer=case.layer),
         np.einsum("k,khw->hw", softmax(scores), maps), spread)  # fmt: skip


def test_cam_is_for_what_is_linear_behind_the_pooling(opened):
    case = opened("value")
    with torch.no_grad():
        inner = case.net.inner(case.net.maps(torch.from_numpy(X))).numpy()[0]
        weights = case.net.value.weight.numpy()[1]
    near(case.map("cam"), np.einsum("k,khw->hw", weights, inner), KEPT)
    for name in ("likeness", "region", "element"):
        with pytest.raises(MethodRefusedError) as refusal:
            opened(name).explain("cam")
        assert "\n" not in str(refusal.value)
        assert "use grad-cam" in str(refusal.value)


@everywhere
def test_occlusion(name, opened):
    case = opened(name)
    expected = np.zeros((SIDE, SIDE))
    for top, left in itertools.product(range(0, SIDE, 2), repeat=2):
        covered = X.copy()
        covered[:, :, top : top + 2, left : left + 2] = -1
        expected[top : top + 2, left : left + 2] = case.score(X)[0] - case.score(covered)[0]
    found = case.map("occlusion", window=2, stride=2, fill_with="black")
    near(found, expected, 1e-6)


@everywhere
def test_rise(name, opened):
    case = opened(name)
    count, share = 80, 0.5
    shapes = RiseMasks((SIDE, SIDE), 3, share)
    masks = shapes.masks(Blocks(0, shapes.draw).rows(slice(0, count))).astype(np.float64)
    scores = case.score(BLACK + masks[:, None] * (X - BLACK))
    expected = sum((s - scores.mean()) * m for s, m in zip(scores, masks, strict=True))
    found = case.map("rise", samples=count, cells=3, share=share)
    near(found, expected / count / share, 1e-4)


@everywhere
def test_shapley_values_of_four_regions(name, opened):
    case = opened(name)
    half = SIDE // 2
    corners = [np.s_[:, :, a : a + half, b : b + half] for a in (0, half) for b in (0, half)]

    def worth(kept):
        x = BLACK.copy()
        for k in kept:
            x[corners[k]] = X[corners[k]]
        return case.score(x)[0]

    expected = np.zeros((1, 1, SIDE, SIDE))
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        for place, k in enumerate(order):
            gain = worth(order[: place + 1]) - worth(order[:place])
            expected[corners[k]] += gain / len(orders)
    found = case.map("kernel-shap", segments="grid", regions=4, fill_with="black")
    near(found, expected[0, 0], 1e-6)


@pytest.mark.parametrize("name", LINEAR)
def test_lime_of_a_linear_network_is_what_each_region_contributes(name, opened):
    case = opened(name, linear=True)
    parts = ((X - BLACK) * case.slopes())[0].sum(axis=0)
    half = SIDE // 2
    blocks = parts.reshape(2, half, 2, half).sum(axis=(1, 3))
    expected = np.kron(blocks, np.ones((half, half)))
    found = case.map("lime", segments="grid", regions=4, fill_with="black", samples=200, alpha=0.0)
    near(found, expected, 1e-4)


@everywhere
def test_prediction_difference_with_one_other_picture(name, opened, tmp_path):
    """What always stands in the window is the other picture: the mean is a single difference."""
    from PIL import Image

    case = opened(name)
    (tmp_path / "others").mkdir()
    other = np.random.default_rng(9).integers(0, 256, PICTURE.shape, np.uint8)
    for copy in range(2):
        Image.fromarray(other).save(tmp_path / "others" / f"{copy}.png")
    drawn = other.transpose(2, 0, 1)[None] / 128 - 1
    windows = windows_inside((SIDE, SIDE), (4, 4), (4, 4))
    expected = np.zeros((SIDE, SIDE))
    for top, bottom, left, right in windows:
        changed = X.copy()
        changed[:, :, top:bottom, left:right] = drawn[:, :, top:bottom, left:right]
        expected[top:bottom, left:right] = case.score(X)[0] - case.score(changed)[0]
    found = case.map(
        "prediction-difference", background=str(tmp_path / "others"), sampler="marginal",
        window=4, stride=4, samples=3,
    )  # fmt: skip
    near(found, expected, 1e-5)


@pytest.mark.parametrize("name", ["value", "likeness", "element"])
def test_what_needs_classes_is_refused_in_one_line(name, opened):
    case = opened(name)
    attempts = [("clear", {}), ("lrp", {"start": "others"})]
    if name != "element":
        attempts += [("gradient", {"margin": True}), ("gradient", {"contrast": 0})]
    for method, options in attempts:
        with pytest.raises(UsageError) as refusal:
            case.explain(method, **options)
        assert "\n" not in str(refusal.value)


def test_an_element_has_no_margin(opened):
    case = opened("element")
    for options in ({"margin": True}, {"contrast": 0}):
        with pytest.raises(UsageError, match="no classes that compete"):
            case.explain("gradient", **options)


@everywhere
def test_every_method_is_tried(name, opened):
    """Whatever applies gives a finite map; whatever does not is refused in one line."""
    case = opened(name)
    few = {"samples": 8, "regions": 4, "cells": 2, "window": 4}
    for method in registered().values():
        if method.name in NEED_ATTENTION:
            continue
        options = {k: v for k, v in few.items() if k in method.parameters}
        if method.takes_layer and method.name != "cam":
            options["layer"] = case.layer
        (found,) = case.model.attempt_targets(PICTURE, method.name, [case.said], **options)
        if isinstance(found, Exception):
            assert "\n" not in str(found)
            assert method.name in ("cam", "clear", "recipro-cam")
        else:
            assert np.isfinite(found.attribution).all()
