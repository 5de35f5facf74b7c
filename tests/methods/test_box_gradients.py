"""Gradients of a box's numbers against autograd on the PyTorch source, in float64."""

import numpy as np
import pytest
import torch
from boxes_of_source import BOXES, SCALE, TIGHT, explain, maps_at, number_of, picture
from originals import difference
from scenes_source import source

from onnxplain.targets.boxes.parts import PARTS


def slope(x, number, part):
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(number_of(leaf, number, part).sum(), leaf)[0]


@pytest.mark.parametrize("part", PARTS)
def test_slope_of_every_number(part):
    expected = slope(picture(), "3", part).numpy()[0]
    found = explain("gradient", "3", part)
    assert difference(found.attribution, expected) < TIGHT
    assert found.score == pytest.approx(number_of(picture(), "3", part).item(), rel=1e-5)
    other = slope(picture(), "1", part).numpy()[0]
    assert difference(other, expected) > 0.1


@pytest.mark.parametrize("part", ["class", "left"])
def test_gradient_times_input(part):
    expected = (slope(picture(), "1", part) * picture()).numpy()[0]
    assert difference(explain("gradient-x-input", "1", part).attribution, expected) < TIGHT


@pytest.mark.parametrize("part", ["class", "width"])
def test_integrated_gradients(part):
    """Gauss's points on the straight way from black, whose sum is the change of the number."""
    x, steps = picture(), 20
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    expected = torch.zeros_like(x)
    for node, weight in zip(nodes, weights, strict=True):
        expected += weight / 2 * x * slope((node + 1) / 2 * x, "3", part)
    found = explain("integrated-gradients", "3", part, steps=steps, max_steps=steps)
    assert difference(found.attribution, expected.numpy()[0]) < TIGHT
    ends = [number_of(end, "3", part).item() for end in (x, 0 * x)]
    fine = explain("integrated-gradients", "3", part, steps=300, max_steps=300)
    assert fine.attribution.sum() == pytest.approx(ends[0] - ends[1], rel=0.01)


@pytest.mark.parametrize("part", ["class", "bottom"])
def test_smoothgrad_on_the_noise_that_the_seed_draws(part):
    x, count, level = picture().numpy(), 5, 0.1
    noise = np.random.default_rng([2, 0]).standard_normal((count, *x.shape[1:]))
    copies = torch.from_numpy(x + level * np.ptp(x) * noise)
    expected = slope(copies, "3", part).numpy().mean(axis=0)
    found = explain("smoothgrad", "3", part, samples=count, noise_level=level, seed=2)
    assert difference(found.attribution, expected) < TIGHT


@pytest.mark.parametrize("part", ["class", "right"])
@pytest.mark.parametrize("number", BOXES)
def test_class_activation_maps_are_read_at_the_scale_of_the_box(number, part):
    # The last maps in front of the class's logit; of a side, in front of both branches.
    detector = source().detector
    last = detector.kinds[SCALE][1] if part == "class" else detector.sides[SCALE][0]
    maps, slopes = maps_at(last, number, part, taken=True)
    expected = {
        "grad-cam": np.einsum("k,khw->hw", slopes.mean(axis=(1, 2)), maps),
        "layercam": (np.maximum(slopes, 0) * maps).sum(axis=0),
        "hirescam": (slopes * maps).sum(axis=0),
    }
    for method, wanted in expected.items():
        found = explain(method, number, part)
        assert difference(found.attribution, wanted) < TIGHT
        assert not [w for w in found.warnings if "instead" in w]
    assert difference(expected["hirescam"], expected["grad-cam"]) > 0.1
