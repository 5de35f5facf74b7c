"""Values that stand for "absent"."""

import numpy as np
import pytest
import scipy.ndimage
from handmade import context_of, model

from onnxplain.errors import UnknownNameError
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.network.context import Context
from onnxplain.perturb.fills import FILLS, fill


@pytest.fixture(scope="module")
def context():
    body = "f = Flatten(image) scores = MatMul(f, w)"
    return context_of(model(body, w=np.ones((108, 2))))


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(-1, 1, (2, 3, 6, 6)).astype(np.float32)


def test_black_and_white_are_pixels_behind_the_preprocessing(context, x):
    assert (fill(context, x, "black") == -1).all()
    assert (fill(context, x, "white") == 1).all()


def test_black_differs_by_channel_where_the_preprocessing_does(context, x):
    recipe = Preprocess(
        "torch", "NCHW", (6, 6), scale=1 / 255, mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3)
    )
    torch_like = Context(context.network, recipe)
    black = fill(torch_like, x, "black")
    np.testing.assert_allclose(black[0, :, 0, 0], [-4, -2.5, -2], rtol=1e-6)
    assert (black == black[:1, :, :1, :1]).all()


def test_mean_is_each_pictures_own_colour(context, x):
    found = fill(context, x, "mean")
    expected = [[x[n, c].astype(np.float64).mean() for c in range(3)] for n in range(2)]
    np.testing.assert_allclose(found[:, :, 2, 3], expected, rtol=1e-6)
    assert (found == found[:, :, :1, :1]).all()


def test_blur_does_not_mix_pictures_or_channels(context, x):
    found = fill(context, x, "blur")
    for n in range(2):
        for c in range(3):
            alone = scipy.ndimage.gaussian_filter(
                x[n, c].astype(np.float64), 6 / 20, mode="nearest"
            )
            np.testing.assert_allclose(found[n, c], alone, rtol=1e-6)


def test_noise_depends_on_the_seed_alone(context, x):
    one, again = fill(context, x, "noise"), fill(context, x, "noise")
    other = fill(Context(context.network, context.preprocess, seed=1), x, "noise")
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert one.min() >= -1
    assert one.max() <= 1
    assert one.std() > 0.4


def test_a_number_is_taken_in_the_models_own_units(context, x):
    assert (fill(context, x, "0.25") == 0.25).all()
    assert (fill(context, x, "-1e-3") == np.float32(-1e-3)).all()


@pytest.mark.parametrize("kind", [*FILLS, "0.5"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_type_are_the_inputs(context, x, kind, dtype):
    found = fill(context, x.astype(dtype), kind)
    assert found.shape == x.shape
    assert found.dtype == dtype


def test_unknown_fills_are_listed(context, x):
    with pytest.raises(UnknownNameError, match=r"nearest: 'white'.*black, white, mean"):
        fill(context, x, "whit")
