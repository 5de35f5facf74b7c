"""Gradients of a quadratic function, whose derivative is known."""

import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.methods.gradients import (
    gradient,
    gradient_x_input,
    input_axes,
    input_scores,
    saliency,
)

LAYOUTS = ["float[N,3,6,6] image", "float[N,6,6,3] image"]


def prepared(image):
    """Scores x . A x / 2 with an integer diagonal A for each class."""
    diagonal = np.random.default_rng(0).integers(-4, 5, (108, 2)).astype(np.float64)
    body = "s = Mul(image, image) f = Flatten(s) scores = MatMul(f, w)"
    context = context_of(model(body, image=image, w=diagonal / 2), PyTorchOnly)
    shape = (2, 3, 6, 6) if "3,6,6" in image else (2, 6, 6, 3)
    x = np.random.default_rng(1).integers(-3, 4, shape).astype(np.float64)
    return context, x, x * diagonal[:, 1].reshape(shape[1:])


@pytest.mark.parametrize("image", LAYOUTS)
def test_the_gradient_with_its_sign(image):
    context, x, slope = prepared(image)
    found = gradient(context, x, target_of(context, 1))
    np.testing.assert_array_equal(found.values, slope)
    assert found.axes == input_axes(context) == tuple("CHW" if "3,6,6" in image else "HWC")


@pytest.mark.parametrize("image", LAYOUTS)
def test_saliency_is_the_largest_magnitude_over_channels(image):
    context, x, slope = prepared(image)
    found = saliency(context, x, target_of(context, 1))
    axis = 1 if "3,6,6" in image else 3
    np.testing.assert_array_equal(found.values, np.abs(slope).max(axis))
    assert found.axes == ("H", "W")


def test_gradient_x_input_of_a_quadratic_sums_to_twice_the_score():
    context, x, slope = prepared(LAYOUTS[0])
    target = target_of(context, 1)
    found = gradient_x_input(context, x, target)
    np.testing.assert_array_equal(found.values, x * slope)
    scores = input_scores(context, x, target)
    np.testing.assert_array_equal(found.values.sum((1, 2, 3)), 2 * scores)
