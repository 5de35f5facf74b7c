"""Blur integrated gradients: closed forms, the authors' sum, what it promises and refuses."""

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of
from originals import difference
from scipy.ndimage import gaussian_filter

from onnxplain.errors import UsageError
from onnxplain.methods.blur_ig import blur_ig
from onnxplain.methods.gradients import input_gradient
from onnxplain.perturb.diffusion import Diffusion

TARGET = 3
SIDE = 24


def photo(side=SIDE):
    """Smooth blobs, for which sampled kernels and the grid's diffusion are close."""
    noise = np.random.default_rng(0).normal(size=(1, 3, side, side))
    blobs = gaussian_filter(noise, (0, 0, 3, 3), mode="reflect")
    return blobs / np.abs(blobs).max()


def linear():
    weight = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, 4)).astype("f4")
    body = "f = Flatten(image) scores = MatMul(f, w)"
    on = context_of(model(body, image=f"float[N,3,{SIDE},{SIDE}] image", w=weight), PyTorchOnly)
    return on, weight[:, TARGET].astype(float).reshape(3, SIDE, SIDE)


def test_a_linear_model_gets_what_sharpening_changes():
    on, weight = linear()
    x = photo()
    found = blur_ig(on, x, target_of(on, TARGET), max_sigma=4.0)
    blurred = Diffusion(x[0], (2, 3)).at(np.array([4.0]))[0]
    assert difference(found.values[0], weight * (x[0] - blurred)) < 1e-9
    assert abs(found.measures["completeness_gap"][0]) < 1e-9


def test_an_even_picture_gets_nothing():
    on, _ = linear()
    found = blur_ig(on, np.full((1, 3, SIDE, SIDE), 0.3), target_of(on, TARGET))
    assert np.abs(found.values).max() < 1e-12


def test_the_sum_of_the_authors():
    """Sampled Gaussians, forward differences, left sums; their zeros at the border left out."""
    on = context_of(nets.exported("resnet").proto, PyTorchOnly)
    side, widest, steps, step = on.network.image.size[0], 5.0, 400, 0.01
    x, target = photo(side), target_of(on, TARGET)

    def blurred(sigma):
        return gaussian_filter(x[0], (0, sigma, sigma), mode="reflect") if sigma else x[0]

    total = np.zeros_like(x[0])
    for k in range(steps):
        sigma = k * widest / steps
        here = blurred(sigma)
        speed = (blurred(sigma + step) - here) / step
        slope = input_gradient(on, here[None], target).gradients[on.network.image.name][0]
        total -= widest / steps * slope * speed
    found = blur_ig(on, x, target, max_sigma=widest, steps=100, max_steps=100)
    assert difference(found.values[0], total) < 0.05
    assert np.corrcoef(found.values[0].ravel(), total.ravel())[0, 1] > 0.999
    wider = blur_ig(on, x, target, max_sigma=2 * widest, steps=100, max_steps=100)
    assert difference(wider.values[0], total) > 0.05


def test_it_adds_up_to_the_change_from_the_blurred_picture():
    on = context_of(nets.exported("vit").proto, PyTorchOnly)
    x, target = nets.exported("vit").x.astype(float), target_of(on, TARGET)
    found = blur_ig(on, x, target, max_sigma=3.0)
    blurred = Diffusion(x[0], (2, 3)).at(np.array([3.0]))
    scores = [input_gradient(on, p, target).scores[0] for p in (x, blurred)]
    assert found.values.sum() == pytest.approx(scores[0] - scores[1], rel=0.01)
    assert abs(scores[0] - scores[1]) > 1e-3


def test_the_blur_grows_with_the_picture():
    on, _ = linear()
    found = blur_ig(on, photo(), target_of(on, TARGET))
    assert found.parameters["max_sigma"] == pytest.approx(50 * SIDE / 224)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_sigma": 0.0}, "allowed: above 0 pixels"),
        ({"max_sigma": float("nan")}, "allowed: above 0 pixels"),
        ({"max_sigma": float("inf")}, "allowed: above 0 pixels"),
        ({"steps": 0}, "at least 1"),
        ({"steps": 9, "max_steps": 8}, "at most max_steps 8"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    on, _ = linear()
    with pytest.raises(UsageError, match=words):
        blur_ig(on, photo(), target_of(on, TARGET), **options)
