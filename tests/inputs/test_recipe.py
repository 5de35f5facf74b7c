"""A recipe's arithmetic, written out once more in NumPy."""

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import UsageError
from onnxplain.inputs.recipe import Preprocess

MEAN, STD = (0.5, 0.25, 0.125), (0.5, 2.0, 4.0)
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3)).astype(np.uint8)


def recipe(**more):
    given = {"name": "r", "layout": "NCHW", "size": (4, 6), "dtype": "float64"}
    return Preprocess(**{**given, "scale": 1 / 256, "mean": MEAN, "std": STD, **more})


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_pixels_become_values_and_values_pixels(layout, color):
    made = recipe(layout=layout, color=color)
    order = [0, 1, 2] if color == "RGB" else [2, 1, 0]
    expected = (PIXELS[..., order] / 256 - np.array(MEAN)) / np.array(STD)
    expected = expected.transpose(0, 3, 1, 2) if layout == "NCHW" else expected
    x = made.encode(PIXELS)
    assert np.array_equal(x, expected)
    # Scale and deviations are powers of two, so that nothing is rounded on the way back.
    assert np.array_equal(made.levels(x), PIXELS)
    assert np.array_equal(made.decode(x), PIXELS)
    assert made.shape == x[:1].shape


def test_integers_are_rounded_and_clipped():
    made = recipe(dtype="int8", scale=1.0, mean=(128.0,) * 3, std=(0.5, 1.0, 1.0))
    x = made.encode(np.array([0, 128, 255], np.uint8).reshape(1, 1, 1, 3).repeat(3, 1))
    assert x.dtype == np.int8
    assert x[0, :, 0, 0].tolist() == [-128, 0, 127]
    assert made.encode(np.full((1, 1, 1, 3), 255, np.uint8))[0, :, 0, 0].tolist() == [127] * 3


def test_bounds_are_black_and_white():
    low, high = recipe().bounds()
    assert np.array_equal(low.ravel(), -np.array(MEAN) / STD)
    assert np.array_equal(high.ravel(), (255 / 256 - np.array(MEAN)) / STD)


def test_a_picture_of_the_right_size_is_seen_as_it_is():
    image = Image.fromarray(PIXELS[0])
    assert np.array_equal(recipe().seen(image), PIXELS[0])
    assert np.array_equal(recipe().apply(image), recipe().encode(PIXELS[:1]))
    assert recipe().region(6, 4) == (0, 0, 6, 4)


def test_bands_are_chosen_and_shown():
    made = recipe(
        color="bands", mean=(0.0,) * 4, std=(1.0,) * 4, bands=(4, 0, 1, 2), shown=(3, 0, 1)
    )
    values = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)
    assert np.array_equal(made.select(values), values[..., [4, 0, 1, 2]])
    assert np.array_equal(made.display(made.select(values)), values[..., [2, 4, 0]])
    assert (made.channels, recipe().shown_channels) == (4, (0, 1, 2))


def test_json_and_back(tmp_path):
    made = recipe(resize_to=8, fill=(1.0, 2.0, 3.0))
    made.save(tmp_path / "r.json")
    assert Preprocess.load(tmp_path / "r.json") == made
    assert "white" not in made.to_dict()  # files of earlier versions have no such key


def test_the_digest_is_of_what_changes_the_tensor():
    assert recipe(name="other").sha256 == recipe().sha256
    assert recipe(scale=1.0).sha256 != recipe().sha256


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layout": "CHW"}, "layout is 'CHW', allowed: NCHW, NHWC"),
        ({"mean": (0.0,)}, "color RGB needs 3 values of mean and std, got 1 and 3"),
        ({"size": (0, 4)}, "is not \\(height, width\\)"),
        ({"std": (1.0, 0.0, 1.0)}, "std finite and above 0"),
        ({"crop_fraction": 0.0}, "crop_fraction must be in"),
        ({"position": (2.0, 0.0)}, "give two shares"),
    ],
)
def test_recipes_that_cannot_be(changes, said):
    with pytest.raises(UsageError, match=said):
        recipe(**changes)


def test_plain_data_that_are_no_recipe():
    data = recipe().to_dict()
    for wrong, said in (
        ([], "expected a JSON object"),
        ({**data, "colour": "RGB"}, "unknown: colour"),
        ({k: v for k, v in data.items() if k != "size"}, "missing: size"),
        ({**data, "version": 2}, "version 1 allows"),
        ({**data, "mean": 3}, "where: "),
    ):
        with pytest.raises(UsageError, match=said):
            Preprocess.from_dict(wrong, "where")
