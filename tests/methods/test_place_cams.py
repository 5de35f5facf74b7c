"""CAMs that weigh each place, as sums written from the papers."""

import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.methods.place_cams import hirescam, layercam, xgrad_cam

BODY = "a = Conv(image, k) f = Flatten(a) scores = MatMul(f, w)"


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    k = rng.integers(-3, 4, (4, 3, 1, 1)).astype(np.float64)
    w = rng.integers(-3, 4, (144, 2)).astype(np.float64)
    x = rng.integers(1, 5, (2, 3, 6, 6)).astype(np.float64)
    context = context_of(model(BODY, k=k, w=w), PyTorchOnly)
    maps = np.einsum("nchw,kc->nkhw", x, k[:, :, 0, 0])
    return context, x, maps, w[:, 1].reshape(4, 6, 6)


def test_hirescam_sums_to_the_score(case):
    context, x, maps, slopes = case
    found = hirescam(context, x, target_of(context, 1))
    np.testing.assert_array_equal(found.values, (maps * slopes).sum(1))
    score = context.score(x, target_of(context, 1))
    np.testing.assert_array_equal(found.values.sum((1, 2)), score)
    assert (found.axes, found.layer) == (("H", "W"), "a")


def test_layercam_leaves_negative_slopes_out(case):
    context, x, maps, slopes = case
    found = layercam(context, x, target_of(context, 1), layer="a")
    wanted = sum(maps[:, k] * np.where(slopes[k] > 0, slopes[k], 0) for k in range(4))
    np.testing.assert_array_equal(found.values, wanted)


def test_xgrad_cam_weighs_by_the_share_of_each_place(case):
    context, x, maps, slopes = case
    found = xgrad_cam(context, x, target_of(context, 1))
    wanted = np.zeros((2, 6, 6))
    for n in range(2):
        for k in range(4):
            share = maps[n, k] / maps[n, k].sum()
            wanted[n] += (share * slopes[k]).sum() * maps[n, k]
    # The stabiliser is 1e-7 next to sums of whole numbers.
    np.testing.assert_allclose(found.values, wanted, rtol=1e-5, atol=1e-5)
    assert found.warnings == ()


def test_maps_that_cancel_are_warned_of(case):
    context, _, _, _ = case
    x = np.ones((1, 3, 6, 6))
    x[..., 3:] = -1.0  # every map sums to zero
    found = xgrad_cam(context, x, target_of(context, 1))
    assert "100 % of the map comes from feature maps whose values cancel" in found.warnings[0]
