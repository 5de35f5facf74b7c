"""Inceptionism: the objective's gradient, growth, tiles and seams."""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.features.dream import Dream, dream, mean_square
from onnxplain.features.responses import feature_layers

DIGIT = "examples/digits/3-10.png"


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx", precision="double")


@pytest.mark.parametrize("channel", [None, 4])
def test_gradient_of_the_mean_square(model, channel):
    layer = feature_layers(model)[1]
    x = model.read(DIGIT).x

    def mean(x):
        values = model.network.torch.activations(x.astype(np.float64), [layer.name])[layer.name]
        return (values[0] ** 2).mean() if channel is None else (values[0, channel] ** 2).mean()

    value, slope = mean_square(model, x, layer, channel)
    assert abs(value - mean(x)) < 1e-5 * mean(x)
    for place in [(0, 0, 3, 4), (0, 0, 1, 2), (0, 0, 6, 5)]:
        moved = [x.astype(np.float64), x.astype(np.float64)]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        measured = (mean(moved[0]) - mean(moved[1])) / 2e-5
        np.testing.assert_allclose(slope[place], measured, atol=1e-4 * np.abs(slope).max())


def test_what_is_seen_grows(model):
    how = Dream(octaves=1, steps=12, rate=0.02, jitter=0)
    pixels, history = dream(model, DIGIT, "/2/Conv", channel=4, how=how)
    assert pixels.shape == (8, 8, 1)
    assert history[-1] > 2 * history[0]
    assert len(history) == 12


def test_sizes_grow_although_the_file_has_one(model):
    pixels, history = dream(model, DIGIT, how=Dream(octaves=3, scale=1.5, steps=2, jitter=2))
    assert pixels.shape == (18, 18, 1)
    assert len(history) == 6
    assert model.network.graph.inputs[0].shape[2:] == (8, 8)


def test_same_seed_same_dream(model):
    how = Dream(octaves=2, steps=2, jitter=3)
    first, again, other = (dream(model, DIGIT, how=how, seed=s)[0] for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_channels_last_and_vectors():
    keras = onnxplain.load("models/fashion-cnn.onnx")
    picture = "examples/fashion/bag-18.png"
    for layer in (None, "probabilities"):
        how = Dream(octaves=2, steps=1)
        pixels, _ = dream(keras, picture, layer, channel=1, how=how)
        assert pixels.shape == (39, 39, 1)


def test_refusals(model):
    with pytest.raises(MethodRefusedError, match="the picture itself"):
        dream(model, DIGIT, "image")
    with pytest.raises(UnknownNameError, match="unknown layer"):
        dream(model, DIGIT, "nonsense")
    with pytest.raises(UsageError, match=r"channel 32 is out of range"):
        dream(model, DIGIT, channel=32)
    for wrong in ({"octaves": 0}, {"scale": 0.5}, {"rate": 0.0}, {"jitter": -1}):
        with pytest.raises(UsageError, match="octaves and steps"):
            Dream(**wrong)
