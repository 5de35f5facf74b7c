"""Gradients of a box's numbers against autograd on the PyTorch source, in float64."""

import functools

import numpy as np
import pytest
import torch
from originals import difference, exactly
from scenes_source import ROOT, source

import onnxplain
from onnxplain.targets.boxes.parts import PARTS
from onnxplain.targets.request import TargetRequest

EXAMPLE = ROOT / "examples/scenes/scene-1000000.png"
# Boxes of two scales, and what is asked of them.
BOXES = ("1", "3")
# Float64 after another order of sums.
TIGHT = 1e-9


@functools.cache
def model():
    path = ROOT / "models/scenes-detector.onnx"
    return exactly(onnxplain.load(path, precision="double", device="cpu"))


@functools.cache
def aim(number, part):
    asked = model().request(number)
    (found,) = model().resolve(model().read(EXAMPLE), [TargetRequest(box=asked.box, part=part)])
    return found


def explain(method, number, part="class", **options):
    return model().explain(EXAMPLE, method, aim(number, part), **options)


def picture():
    return torch.from_numpy(model().read(EXAMPLE).x.astype(np.float64))


def number_of(x, number, part):
    """Number of a box in PyTorch: the logit in front of the Sigmoid, a score or a side."""
    of = aim(number, part)
    if part == "class":
        return source().detector(x)[1][:, of.label, of.row]
    raw = source()(x)[:, :, of.row]
    centre_x, centre_y, width, height = raw[:, :4].unbind(1)
    found = {
        "score": raw[:, 4 + of.label], "x": centre_x, "y": centre_y, "width": width,
        "height": height, "left": centre_x - width / 2, "right": centre_x + width / 2,
        "top": centre_y - height / 2, "bottom": centre_y + height / 2,
    }  # fmt: skip
    return found[part]


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


def maps_and_slopes(number, part):
    """Feature maps where every number of the box starts, and its slopes there."""
    of, kept = aim(number, part), []
    scale = int(np.digitize(of.row, np.cumsum(source().detector.cells)))
    branch = (source().detector.kinds if part == "class" else source().detector.sides)[scale]
    # The last maps in front of the class's logit; of a side, in front of both branches.
    hooked = branch[1] if part == "class" else branch[0]

    def keep(_, inputs):
        kept.append(inputs[0])

    hook = hooked.register_forward_pre_hook(keep)
    leaf = picture().requires_grad_()
    score = number_of(leaf, number, part).sum()
    hook.remove()
    (slopes,) = torch.autograd.grad(score, kept[0])
    return kept[0].detach().numpy()[0], slopes.numpy()[0]


@pytest.mark.parametrize("part", ["class", "right"])
@pytest.mark.parametrize("number", BOXES)
def test_class_activation_maps_are_read_at_the_scale_of_the_box(number, part):
    maps, slopes = maps_and_slopes(number, part)
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
