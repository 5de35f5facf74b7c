"""Integrated gradients of polynomials and of kinks, by their antiderivatives."""

import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.errors import UsageError
from onnxplain.methods.integrated_gradients import integrated_gradients

ENDING = "f = Flatten(y) scores = MatMul(f, w)"


def prepared(body):
    w = np.random.default_rng(0).integers(-4, 5, (108, 2)).astype(np.float64)
    context = context_of(model(f"{body} {ENDING}", w=w), PyTorchOnly)
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 6, 6))
    return context, x, w[:, 1].reshape(3, 6, 6)


def test_a_polynomial_is_integrated_exactly_by_few_steps():
    context, x, w = prepared("s = Mul(image, image) y = Mul(s, image)")
    found = integrated_gradients(context, x, target_of(context, 1), baseline="0.5", steps=2)
    # Each element depends on itself alone: it gets its own change.
    np.testing.assert_allclose(found.values, (x**3 - 0.125) * w, rtol=1e-12, atol=1e-13)
    assert found.measures["steps"].tolist() == [2, 2]
    assert np.abs(found.measures["completeness_gap"]).max() < 1e-12
    assert found.warnings == ()


@pytest.mark.parametrize(("tolerance", "used"), [(0.0, 16), (1e9, 4)])
def test_steps_are_doubled_while_the_gap_is_too_large(tolerance, used):
    context, x, w = prepared("y = Relu(image)")
    options = {"baseline": "black", "steps": 4, "max_steps": 31, "tolerance": tolerance}
    found = integrated_gradients(context, x, target_of(context, 1), **options)
    assert found.measures["steps"].tolist() == [used, used]
    # A kink costs a point's weight at most, and none is above pi / (2 steps).
    error = np.abs(found.values - np.maximum(x, 0) * w)
    assert (error <= np.abs((x + 1) * w) * np.pi / (2 * used) + 1e-12).all()


def test_a_gap_that_stays_is_warned_of():
    context, x, _ = prepared("y = Relu(image)")
    options = {"steps": 1, "max_steps": 1, "tolerance": 1e-9}
    found = integrated_gradients(context, x, target_of(context, 1), **options)
    assert "take more steps: max_steps=4" in found.warnings[0]


def test_each_picture_is_computed_by_itself():
    context, x, _ = prepared("y = Relu(image)")
    target = target_of(context, 1)
    both = integrated_gradients(context, x, target, steps=3, max_steps=48)
    alone = integrated_gradients(context, x[1:], target, steps=3, max_steps=48)
    np.testing.assert_allclose(both.values[1:], alone.values, rtol=1e-12)
    assert both.measures["steps"][1] == alone.measures["steps"][0]


@pytest.mark.parametrize(("steps", "most"), [(0, 5), (6, 5)])
def test_impossible_numbers_of_steps_are_refused(steps, most):
    context, x, _ = prepared("y = Relu(image)")
    with pytest.raises(UsageError, match=f"steps {steps} must be at least 1 .* max_steps {most}"):
        integrated_gradients(context, x, target_of(context, 1), steps=steps, max_steps=most)
