"""Closed forms: on a linear model every method's answer is known without running it."""

import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of
from originals import difference

from onnxplain.methods import find

CLASS = 2
SHAPE = (3, 6, 6)


@pytest.fixture(scope="module")
def weight():
    values = np.random.default_rng(0).normal(size=(4, *SHAPE))
    return values.astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def context(weight):
    body = "f = Flatten(image) scores = Gemm<transB = 1>(f, w, b)"
    bias = np.array([0.5, -0.25, 0.75, 1.0])
    return context_of(model(body, w=weight.reshape(4, -1), b=bias), PyTorchOnly)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).uniform(-1, 1, (2, *SHAPE))


def run(name, context, x, **parameters):
    return find(name).function(context, x, target_of(context, CLASS), **parameters)


def test_saliency_is_the_weight(context, x, weight):
    found = run("saliency", context, x)
    expected = np.abs(weight[CLASS]).max(0)
    assert difference(found.values, np.stack([expected, expected])) < 1e-15
    assert found.axes == ("H", "W")


def test_gradient_x_input_is_weight_times_input(context, x, weight):
    found = run("gradient-x-input", context, x)
    assert difference(found.values, x * weight[CLASS]) < 1e-15
    assert found.axes == ("C", "H", "W")


@pytest.mark.parametrize(("baseline", "value"), [("black", -1.0), ("white", 1.0), ("0.25", 0.25)])
def test_integrated_gradients_are_weight_times_change(context, x, weight, baseline, value):
    found = run("integrated-gradients", context, x, baseline=baseline, steps=3)
    assert difference(found.values, (x - value) * weight[CLASS]) < 1e-14
    assert np.abs(found.measures["completeness_gap"]).max() < 1e-14


@pytest.mark.parametrize("composite", ["epsilon", "epsilon-plus"])
def test_lrp_is_weight_times_input_less_the_bias(context, x, weight, composite):
    found = run("lrp", context, x, composite=composite, epsilon=0.01)
    score = (x * weight[CLASS]).reshape(2, -1).sum(1) + 0.75
    shrunk = score / (score + 0.01 * np.sign(score))
    expected = x * weight[CLASS] * shrunk[:, None, None, None]
    assert difference(found.values, expected) < 1e-14
    conservation = (score - 0.75) * shrunk / score
    np.testing.assert_allclose(found.measures["conservation"], conservation, rtol=1e-12)


def test_occlusion_is_what_the_window_contributes(context, x, weight):
    found = run("occlusion", context, x, window=(3, 2), stride=(3, 2), fill_with="0.5")
    parts = ((x - 0.5) * weight[CLASS]).sum(1)
    blocks = parts.reshape(2, 2, 3, 3, 2).sum((2, 4))
    assert difference(found.values, np.kron(blocks, np.ones((3, 2)))) < 1e-12
    assert difference(found.maps["difference"], blocks) < 1e-12


@pytest.fixture(scope="module")
def pooled():
    """1 x 1 convolution, global average, linear layer, with both their matrices."""
    rng = np.random.default_rng(2)
    kernel, weight = rng.normal(size=(5, 3)), rng.normal(size=(4, 5))
    bias = np.array([0.5, -0.25, 0.75, 1.0])
    body = """
        a = Conv(image, k) p = GlobalAveragePool(a) f = Flatten(p)
        scores = Gemm<transB = 1>(f, w, b)
    """
    proto = model(body, k=kernel[:, :, None, None], w=weight, b=bias)
    rounded = [m.astype(np.float32).astype(np.float64) for m in (kernel, weight)]
    return context_of(proto, PyTorchOnly), rounded[0], rounded[1]


def test_cam_is_the_product_of_both_matrices(pooled, x):
    context, kernel, weight = pooled
    found = run("cam", context, x)
    expected = np.einsum("k,kc,nchw->nhw", weight[CLASS], kernel, x)
    assert difference(found.values, expected) < 1e-12
    assert np.abs(found.measures["completeness_gap"]).max() < 1e-12


def test_grad_cam_times_places_is_cam(pooled, x):
    context, kernel, weight = pooled
    expected = np.einsum("k,kc,nchw->nhw", weight[CLASS], kernel, x)
    assert difference(36 * run("grad-cam", context, x).values, expected) < 1e-14


def test_contrast_is_the_difference_of_two_explanations(pooled, x):
    context, _, _ = pooled
    for name in ("cam", "grad-cam", "gradient-x-input", "integrated-gradients", "occlusion"):
        function = find(name).function
        one, two = (function(context, x, target_of(context, k)).values for k in (1, 3))
        both = function(context, x, target_of(context, 1, contrast=3)).values
        assert difference(both, one - two) < 1e-12
        assert difference(both, one) > 1e-2


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_whole_number_pixels_do_not_wrap_around(weight, dtype):
    body = "z = Cast<to = 1>(image) f = Flatten(z) scores = MatMul(f, w)"
    proto = model(body, image=f"{dtype}[N,3,6,6] image", w=weight.reshape(4, -1).T)
    context = context_of(proto)
    info = np.iinfo(dtype)
    x = np.random.default_rng(1).integers(info.min, info.max, (1, *SHAPE), dtype)
    found = run("integrated-gradients", context, x, baseline="100", steps=3).values
    assert difference(found, (x.astype(np.float64) - 100) * weight[CLASS]) < 1e-14
    assert difference(run("gradient-x-input", context, x).values, x * weight[CLASS]) < 1e-14
