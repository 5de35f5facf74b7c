"""Guided integrated gradients: the paper's algorithm in input space, closed forms, limits."""

import functools

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of
from originals import difference

from onnxplain.errors import UsageError
from onnxplain.methods.gradients import input_gradient
from onnxplain.methods.guided_ig import guided_ig
from onnxplain.methods.integrated_gradients import integrated_gradients
from tests.methods.guided_path import guided_path

TARGET = 3


@functools.cache
def context(name="resnet"):
    return context_of(nets.exported(name).proto, PyTorchOnly)


def slope_of(on):
    target = target_of(on, TARGET)
    return lambda x: input_gradient(on, x[None], target).gradients[on.network.image.name][0]


@pytest.mark.parametrize("name", ["resnet", "vit"])
@pytest.mark.parametrize(("share", "max_distance"), [(0.25, 0.02), (0.1, 0.3), (1.0, 1.0)])
def test_the_algorithm_of_the_paper(name, share, max_distance):
    on, x = context(name), nets.exported(name).x.astype(np.float64)
    options = {"steps": 6, "share": share, "max_distance": max_distance}
    found = guided_ig(on, x, target_of(on, TARGET), baseline="black", **options)
    points = guided_path(x[0], -np.ones_like(x[0]), slope_of(on), 6, share, max_distance)
    slopes = [slope_of(on)(p) for p in points]
    expected, by_authors = np.zeros(x[0].shape), np.zeros(x[0].shape)
    for k in range(6):
        expected += (points[k + 1] - points[k]) * (slopes[k] + slopes[k + 1]) / 2
        by_authors += (points[k + 1] - points[k]) * slopes[k]
    assert difference(found.values[0], expected) < 1e-9
    # The authors' sum is another one of the same path.
    assert difference(found.values[0], by_authors) > 1e-2


def test_the_path_without_freedom_is_straight():
    on, x = context(), nets.exported("resnet").x.astype(np.float64)
    found = guided_ig(on, x, target_of(on, TARGET), steps=8, max_distance=0.0)
    way = x[0] + 1
    slopes = np.array([slope_of(on)(-1 + k / 8 * way) for k in range(9)])
    expected = way * (slopes[:-1] + slopes[1:]).mean(axis=0) / 2
    assert difference(found.values[0], expected) < 1e-9
    freer = guided_ig(on, x, target_of(on, TARGET), steps=8, max_distance=0.5)
    assert difference(freer.values[0], expected) > 1e-2


def product():
    """S = sum over places of a (b + 1), with a and b the first channels."""
    body = "a = Conv(image, wa) b = Conv(image, wb, one) y = Mul(a, b) f = Flatten(y) "
    first, second = np.eye(3)[:2].reshape(2, 1, 3, 1, 1)
    ending = "scores = MatMul(f, ones)"
    return context_of(
        model(body + ending, wa=first, wb=second, one=np.ones(1), ones=np.ones((36, 2))),
        PyTorchOnly,
    )


def test_small_gradients_come_first():
    """From (0, 0) to (1, 1): b, whose slope a is 0, goes first; a meets the slope of 2 alone."""
    on, x = product(), np.zeros((1, 3, 6, 6))
    x[:, :2] = 1
    options = {"baseline": "0", "steps": 10}
    found = guided_ig(on, x, target_of(on, 1), share=0.01, max_distance=1.0, **options)
    np.testing.assert_allclose(found.values[0, 0], 2.0, rtol=1e-12)
    np.testing.assert_allclose(found.values[0, 1:], 0.0, atol=1e-12)
    straight = integrated_gradients(on, x, target_of(on, 1), baseline="0")
    np.testing.assert_allclose(straight.values[0, 0], 1.5, rtol=1e-12)
    assert abs(found.measures["completeness_gap"][0]) < 1e-12


@pytest.mark.parametrize("max_distance", [0.0, 0.02, 1.0])
def test_a_linear_model_has_one_answer(max_distance):
    weight = np.random.default_rng(0).normal(size=(108, 2))
    on = context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=weight), PyTorchOnly)
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 6, 6))
    found = guided_ig(on, x, target_of(on, 1), baseline="0.25", steps=7, max_distance=max_distance)
    kept = weight.astype("f4")[:, 1].astype(float).reshape(3, 6, 6)
    np.testing.assert_allclose(found.values, (x - 0.25) * kept, rtol=1e-9, atol=1e-12)
    assert found.warnings == ()


def test_a_picture_that_is_its_baseline_gets_nothing():
    on = context()
    x = np.full((1, 3, *on.network.image.size), 0.5)
    found = guided_ig(on, x, target_of(on, TARGET), baseline="0.5", steps=3)
    assert not found.values.any()
    assert found.measures["completeness_gap"][0] == 0


def test_more_steps_add_up_better():
    on, x = context(), nets.exported("resnet").x.astype(np.float64)
    few, many = (guided_ig(on, x, target_of(on, TARGET), steps=n) for n in (1, 100))
    gaps = [abs(f.measures["completeness_gap"][0]) for f in (few, many)]
    assert gaps[1] < 0.05 < gaps[0]
    assert "take more steps: steps=4" in few.warnings[0]
    assert many.warnings == ()


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"share": 0.0}, {"share": 1.1}, {"max_distance": -0.1},
                {"max_distance": 1.5}, {"share": float("nan")}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(options):
    on = context()
    with pytest.raises(UsageError, match=r"at least 1 step, a share above 0 and up to 1"):
        guided_ig(on, nets.exported("resnet").x, target_of(on, TARGET), **options)
