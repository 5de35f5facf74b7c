"""Feature maps of a layer in its own numbers and in those that they stand for."""

import numpy as np
from handmade import context_of, model

from onnxplain.graph.layers import SpatialLayer
from onnxplain.methods.layer_values import LayerValues, layer_values

LAST = SpatialLayer("t", "Conv", ("N", "H", "W", "C"), (2, 3), 4)


def test_whole_numbers_stand_for_real_ones_and_back():
    own = np.random.default_rng(0).integers(0, 256, (2, 2, 3, 4)).astype(np.uint8)
    values = LayerValues(LAST, own, 0.5, 128.0)
    maps = values.maps(1)
    assert maps.shape == (1, 4, 2, 3)
    np.testing.assert_array_equal(maps[0], (np.moveaxis(own[1].astype(float), -1, 0) - 128) * 0.5)
    back = values.with_maps(1, np.concatenate([maps, maps * 0]))
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back[0], own[1])
    assert (back[1] == 128).all()  # what stands for zero


def test_numbers_between_two_steps_are_rounded():
    values = LayerValues(LAST, np.zeros((1, 2, 3, 4), np.int8), 0.5, 0.0)
    assert (values.with_maps(0, np.full((1, 4, 2, 3), 0.74)) == 1).all()
    plain = LayerValues(LAST, np.zeros((1, 2, 3, 4), np.float64), 1.0, 0.0)
    assert (plain.with_maps(0, np.full((1, 4, 2, 3), 0.74)) == 0.74).all()


def test_values_of_a_network():
    k = np.random.default_rng(0).integers(-3, 4, (4, 3, 1, 1)).astype(np.float64)
    body = "a = Conv(image, k) f = Flatten(a) scores = MatMul(f, w)"
    context = context_of(model(body, k=k, w=np.ones((144, 2))))
    x = np.random.default_rng(1).integers(-3, 4, (2, 3, 6, 6)).astype(np.float64)
    found = layer_values(context, x, None)
    assert (found.spatial.name, found.scale, found.zero) == ("a", 1.0, 0.0)
    wanted = np.einsum("nchw,kc->nkhw", x, k[:, :, 0, 0])
    np.testing.assert_array_equal(found.maps(1), wanted[1:])
