"""Pictures inside of documents: the pixels that went in come out."""

import base64
import io

import numpy as np
from PIL import Image

from onnxplain.render.colors import painted
from onnxplain.render.embedded import SIDE, layer_uri, mean_map_uri, photo_uri


def opened(uri):
    head, _, data = uri.partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert head == f"data:image/{image.format.lower()};base64"
    return image


def test_tiny_photos_keep_every_pixel(rng):
    pixels = rng.integers(0, 256, (8, 9, 1), np.uint8)
    np.testing.assert_array_equal(np.asarray(opened(photo_uri(pixels))), pixels[..., 0])


def test_large_photos_are_reduced(rng):
    found = opened(photo_uri(rng.integers(0, 256, (500, 1000, 3), np.uint8)))
    assert (found.format, found.size) == ("JPEG", (SIDE, SIDE // 2))


def test_a_layer_has_the_colours_of_its_scale():
    found = np.asarray(opened(layer_uri(np.array([[0.0, 3.0], [-3.0, 0.0]]), "signed")))
    np.testing.assert_array_equal(found, painted(np.array([[0.0, 1.0], [-1.0, 0.0]]), "signed"))


def test_mean_maps_use_the_whole_range_whatever_their_scale():
    share = np.array([[0.0, 0.5, 1.0]])
    first, second = (np.asarray(opened(mean_map_uri(k * share))) for k in (1, 1e-3))
    np.testing.assert_array_equal(first, second)
    assert first[0, 0].sum() < first[0, 1].sum() < first[0, 2].sum()
    assert np.asarray(opened(mean_map_uri(np.zeros((2, 2))))).shape == (2, 2, 3)
