"""Picture files opened for colours, for bands, or as ready inputs."""

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import ImageError
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.inputs.source import (
    as_picture,
    model_input,
    open_picture,
    photo_of,
    ready_input,
    shown_input,
    size_of,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)
RGB = Preprocess("rgb", "NCHW", (4, 6), dtype="float64", scale=0.5)
BANDS = Preprocess("b", "NCHW", (4, 6), "bands", "float64", mean=(0.0,) * 3, std=(2.0,) * 3)


def saved(folder, array, name="a.npy"):
    if name.endswith(".npy"):
        np.save(folder / name, array)
    else:
        Image.fromarray(array).save(folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_the_same_pixels_from_every_file(tmp_path, name):
    path = saved(tmp_path, PIXELS, name)
    assert np.array_equal(np.asarray(open_picture(path, RGB)), PIXELS)
    assert np.array_equal(open_picture(path, BANDS), PIXELS)
    expected = PIXELS.transpose(2, 0, 1)[None]
    assert np.array_equal(model_input(path, RGB), expected * 0.5)
    assert np.array_equal(model_input(path, BANDS), expected / 2)
    for recipe in (RGB, BANDS):
        assert np.array_equal(shown_input(path, recipe), PIXELS)
        assert np.array_equal(np.asarray(photo_of(path, recipe)), PIXELS)
        assert size_of(open_picture(path, recipe)) == (6, 4)


def test_a_ready_input_is_taken_as_it_is(tmp_path):
    x = PIXELS.transpose(2, 0, 1)[None] * 0.5
    path = saved(tmp_path, x)
    assert np.array_equal(ready_input(path), x)
    assert np.array_equal(model_input(path, RGB), x)
    assert np.array_equal(shown_input(path, RGB), PIXELS)
    with pytest.raises(ImageError, match="is a ready model input; a picture is needed here"):
        open_picture(path, RGB)


def test_ready_inputs_of_another_shape_or_without_numbers(tmp_path):
    for x in (np.zeros((1, 3, 4, 5)), np.full((1, 3, 4, 6), np.nan)):
        with pytest.raises(ImageError, match=r"finite numbers of shape \(1, 3, 4, 6\)"):
            model_input(saved(tmp_path, x), RGB)


def test_what_is_no_ready_input(tmp_path):
    assert ready_input(saved(tmp_path, PIXELS)) is None
    assert ready_input(saved(tmp_path, PIXELS, "a.png")) is None
    (tmp_path / "b.npy").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"cannot read picture .*b\.npy.*NumPy's format"):
        ready_input(tmp_path / "b.npy")


def test_arrays_of_other_channels():
    six = np.zeros((8, 9, 6), np.uint8)
    with pytest.raises(ImageError, match="6"):
        as_picture(six, RGB)
    chosen = Preprocess("b", "NCHW", (4, 6), "bands", bands=(0, 3, 5))
    for array in (six, np.moveaxis(six, -1, 0)):
        assert as_picture(array, chosen).shape == (8, 9, 6)
