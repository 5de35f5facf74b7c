"""PNG files, read back by Pillow."""

import io

import numpy as np
import pytest
from PIL import Image

from onnxplain.render.png import write_png


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (30, 41)])
def test_pillow_reads_the_pixels(rng, size):
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    file = io.BytesIO()
    write_png(file, pixels)
    with Image.open(file) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_view_of_other_pixels_is_written_as_it_looks(rng):
    pixels = rng.integers(0, 256, (9, 8, 3), np.uint8)[::-1, ::2]
    file = io.BytesIO()
    write_png(file, pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(file)), pixels)


def test_a_photo_is_packed_by_how_often_bytes_occur(rng):
    smooth = rng.normal(128, 20, (400, 400, 3)).cumsum(axis=1)
    pixels = (smooth % 256).astype(np.uint8)
    file = io.BytesIO()
    write_png(file, pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(file)), pixels)
    assert len(file.getvalue()) < 1.1 * pixels.size


def test_flat_areas_take_next_to_nothing():
    file = io.BytesIO()
    write_png(file, np.full((400, 400, 3), 255, np.uint8))
    assert len(file.getvalue()) < 6000
