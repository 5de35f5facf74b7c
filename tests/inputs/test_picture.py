"""One picture from each kind of source."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import ImageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.picture import made_of, read_picture, sample_picture
from onnxplain.inputs.preprocess import Preprocess

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)
RECIPE = Preprocess("r", "NCHW", (4, 6), dtype="float64", scale=0.5)
IMAGE = ImageInput("x", "float64", "NCHW", 3, (4, 6), None, False)
X = PIXELS.transpose(2, 0, 1)[None] * 0.5


def test_a_file_an_image_an_array_and_a_ready_input_are_the_same(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "p.png")
    sources = [tmp_path / "p.png", str(tmp_path / "p.png"), Image.fromarray(PIXELS), PIXELS, X]
    for source in sources:
        picture = read_picture(source, RECIPE, IMAGE)
        assert np.array_equal(picture.x, X)
        assert np.array_equal(picture.pixels, PIXELS)
        assert np.array_equal(picture.seen, PIXELS)
        assert picture.warning == ""
        named = isinstance(source, str) or hasattr(source, "suffix")
        assert picture.source == (str(source) if named else "array")
        assert picture.sha256 == hashlib.sha256(X.tobytes()).hexdigest()


def test_the_frame_leads_back_to_the_photo():
    # The middle 8 x 12 of 8 x 20 pixels, at half their size.
    frame = read_picture(np.zeros((8, 20, 3), np.uint8), RECIPE, IMAGE).frame
    assert frame.on_photo(np.array([0.0, 0.0, 6.0, 4.0])).tolist() == [4, 0, 16, 8]


def test_ready_inputs_are_checked():
    far = read_picture(X * 100 + 1, RECIPE, IMAGE)
    assert "outside the range that preprocess 'r' can give (0..128)" in far.warning
    assert read_picture(X + 2.5, RECIPE, IMAGE).warning == ""  # within the slack of rounding
    for wrong, said in (
        (X[:, :2], r"must have shape \(1, 3, 4, 6\) \(NCHW\), got \(1, 2, 4, 6\)"),
        (np.concatenate([X, X]), r"got \(2, 3, 4, 6\)"),
        (X * np.nan, "finite numbers"),
        (X.astype(str), "finite numbers"),
    ):
        with pytest.raises(ImageError, match=said):
            read_picture(wrong, RECIPE, IMAGE)


def test_what_is_no_picture():
    with pytest.raises(ImageError, match="cannot read an image from dict"):
        read_picture({}, RECIPE, IMAGE)


def test_bands_keep_all_their_values():
    recipe = Preprocess("b", "NCHW", (4, 6), "bands", "float64", mean=(0.0,) * 4, std=(1.0,) * 4)
    seen = np.random.default_rng(1).uniform(0, 255, (4, 6, 4))
    made = made_of(seen, recipe, "here")
    assert made.seen is seen
    assert np.array_equal(made.pixels, np.round(seen[..., :3]))


def test_random_pictures_are_smooth_and_reach_from_black_to_white():
    recipe = Preprocess("r", "NCHW", (64, 64))
    one, same, other = (sample_picture(recipe, s).pixels.astype(int) for s in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert (one.min(), one.max()) == (0, 255)
    steps = np.abs(np.diff(one, axis=0)).mean()
    # Independent pixels of the same histogram differ by many times as much.
    shuffled = np.random.default_rng(0).permutation(one.reshape(-1, 3)).reshape(one.shape)
    assert steps < np.abs(np.diff(shuffled, axis=0)).mean() / 4
