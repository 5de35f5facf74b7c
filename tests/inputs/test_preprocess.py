"""From pixels to inputs: numbers of the frameworks, geometry of Pillow, and back again."""

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import UnknownNameError
from onnxplain.inputs.preprocess import PRESETS, Preprocess, preset

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (2, 6, 4, 3), np.uint8)
TORCH = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))
# As OpenAI's CLIP (clip.py, _transform) writes them.
CLIP = (
    np.array([0.48145466, 0.4578275, 0.40821073]),
    np.array([0.26862954, 0.26130258, 0.27577711]),
)
CAFFE = np.array([103.939, 116.779, 123.68])


def picture(width, height, mode="RGB"):
    """Smooth and different everywhere, so that shifts and flips show."""
    rows, columns = np.mgrid[:height, :width]
    planes = [rows * 200 / height, columns * 200 / width, 90 + 80 * np.sin(rows / 9 + columns / 7)]
    image = Image.fromarray(np.stack(planes, -1).astype(np.uint8))
    return image.convert(mode)


def recipe(**changes):
    return Preprocess(**{"name": "mine", "layout": "NCHW", "size": (6, 4), **changes})


# As the frameworks document them (Keras: imagenet_utils.preprocess_input).
FORMULAS = {
    "raw": lambda p: p,
    "zero-one": lambda p: p / 255,
    "minus-one-one": lambda p: p / 127.5 - 1,
    "imagenet-torch": lambda p: (p / 255 - TORCH[0]) / TORCH[1],
    "clip": lambda p: (p / 255 - CLIP[0]) / CLIP[1],
    "keras-torch": lambda p: (p / 255 - TORCH[0]) / TORCH[1],
    "keras-tf": lambda p: p / 127.5 - 1,
    "keras-caffe": lambda p: p[..., ::-1] - CAFFE,
}


class TestNumbers:
    def test_every_preset_is_listed(self):
        assert set(FORMULAS) == set(PRESETS)

    @pytest.mark.parametrize("name", PRESETS)
    @pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
    def test_preset(self, name, layout):
        made = preset(name, layout, (6, 4))
        expected = FORMULAS[name](PIXELS.astype(np.float64))
        if layout == "NCHW":
            expected = expected.transpose(0, 3, 1, 2)
        found = made.encode(PIXELS)
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        assert found.shape[1:] == made.shape[1:]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("name", PRESETS)
    def test_grey_takes_the_first_channel(self, name):
        made = preset(name, "NCHW", (6, 4), channels=1)
        found = made.encode(PIXELS[..., :1])
        expected = (PIXELS[..., 0] * made.scale - made.mean[0]) / made.std[0]
        assert made.color == "gray"
        np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5, atol=1e-5)

    def test_an_unknown_preset_offers_those_there_are(self):
        with pytest.raises(UnknownNameError, match="imagenet-torch") as caught:
            preset("imagenet", "NCHW", (6, 4))
        assert "imagenet-torch" in caught.value.nearest

    def test_integers_are_rounded_and_held_in_range(self):
        made = recipe(dtype="uint8", mean=(100.0,) * 3, std=(0.3,) * 3)
        found = made.encode(np.array([[[[0, 100, 150], [101, 255, 176]]]], np.uint8))
        assert found.dtype == np.uint8
        assert found[0, :, 0].T.tolist() == [[0, 0, 167], [3, 255, 253]]

    def test_signed_bytes(self):
        made = recipe(dtype="int8", mean=(128.0,) * 3)
        found = made.encode(np.array([[[[0, 128, 255]]]], np.uint8))
        assert found.ravel().tolist() == [-128, 0, 127]


class TestBackAgain:
    @pytest.mark.parametrize("name", PRESETS)
    @pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_decode_undoes_encode(self, name, layout, dtype):
        made = preset(name, layout, (16, 16), dtype=dtype)
        every = np.stack([np.roll(np.arange(256), k) for k in (0, 85, 170)], -1)
        pixels = every.reshape(1, 16, 16, 3).astype(np.uint8)
        np.testing.assert_array_equal(made.decode(made.encode(pixels)), pixels)

    @pytest.mark.parametrize(("dtype", "mean"), [("uint8", 0.0), ("int8", 128.0)])
    def test_bytes(self, dtype, mean):
        made = recipe(dtype=dtype, mean=(mean,) * 3, layout="NHWC")
        np.testing.assert_array_equal(made.decode(made.encode(PIXELS)), PIXELS)

    def test_what_no_picture_can_hold_is_clipped(self):
        made = recipe(scale=1 / 255)
        x = np.array([-0.5, 0.5, 1.5]).reshape(1, 3, 1, 1)
        assert made.decode(x).ravel().tolist() == [0, 128, 255]


class TestBounds:
    @pytest.mark.parametrize("name", PRESETS)
    @pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_they_are_those_of_black_and_white_in_each_channel(self, name, layout, channels):
        made = preset(name, layout, (6, 4), channels)
        low, high = made.bounds()
        pixels = PIXELS[..., :channels].copy()
        pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
        x = made.encode(pixels)
        space = tuple(a for a in range(4) if a != (1 if layout == "NCHW" else 3))
        np.testing.assert_array_equal(x.min(space, keepdims=True), low)
        np.testing.assert_array_equal(x.max(space, keepdims=True), high)
        assert np.broadcast_shapes(low.shape, made.shape) == made.shape


class TestGeometry:
    @pytest.mark.parametrize("size", [(224, 224), (96, 160)])
    @pytest.mark.parametrize("filter_", ["nearest", "bilinear", "bicubic", "lanczos"])
    def test_stretch_ignores_the_aspect_ratio(self, size, filter_):
        image = picture(300, 200)
        found = recipe(size=size, resize="stretch", interpolation=filter_).seen(image)
        expected = image.resize(size[::-1], Image.Resampling[filter_.upper()])
        np.testing.assert_array_equal(found, np.asarray(expected))

    @pytest.mark.parametrize(
        ("shape", "size", "box"),
        [
            ((300, 200), (100, 100), (50, 0, 250, 200)),
            ((200, 300), (100, 100), (0, 50, 200, 250)),
            ((300, 200), (50, 100), (0, 25, 300, 175)),
            ((200, 200), (100, 100), (0, 0, 200, 200)),
        ],
    )
    def test_crop_takes_the_middle(self, shape, size, box):
        image = picture(*shape)
        found = recipe(size=size, interpolation="box").seen(image)
        expected = image.crop(box).resize(size[::-1], Image.Resampling.BOX)
        np.testing.assert_array_equal(found, np.asarray(expected))

    @pytest.mark.parametrize("side", [256, 512, 300])
    def test_a_fraction_is_resize_and_centre_crop(self, side):
        """The usual evaluation: the shorter side to 256, then the middle 224."""
        image = picture(side, side)
        found = recipe(size=(224, 224), crop_fraction=224 / 256).seen(image)
        scaled = image.resize((256, 256), Image.Resampling.BICUBIC)
        expected = np.asarray(scaled.crop((16, 16, 240, 240)), np.int64)
        assert np.abs(found - expected).max() <= 1  # one rounding more

    def test_crop_of_a_wide_picture_by_a_fraction(self):
        image = picture(400, 200)
        found = recipe(size=(224, 224), crop_fraction=224 / 256).seen(image)
        scaled = image.resize((512, 256), Image.Resampling.BICUBIC)
        expected = np.asarray(scaled.crop((144, 16, 368, 240)), np.int64)
        assert np.abs(found - expected).max() <= 1

    @pytest.mark.parametrize(
        ("shape", "size", "inner", "corner"),
        [
            ((300, 200), (120, 120), (120, 80), (0, 20)),
            ((200, 300), (120, 120), (80, 120), (20, 0)),
            ((100, 100), (60, 120), (60, 60), (30, 0)),
        ],
    )
    def test_pad_keeps_everything_on_black(self, shape, size, inner, corner):
        image = picture(*shape)
        found = recipe(size=size, resize="pad").seen(image)
        expected = Image.new("RGB", size[::-1])
        expected.paste(image.resize(inner, Image.Resampling.BICUBIC), corner)
        np.testing.assert_array_equal(found, np.asarray(expected))

    def test_grey(self):
        image = picture(40, 40)
        made = recipe(color="gray", mean=(0.0,), std=(1.0,), size=(40, 40))
        assert made.seen(image).shape == (40, 40, 1)
        np.testing.assert_array_equal(made.seen(image)[..., 0], np.asarray(image.convert("L")))

    def test_what_is_seen_is_red_green_blue_even_for_blue_green_red(self):
        image = Image.new("RGB", (4, 6), (10, 20, 30))
        made = recipe(color="BGR")
        assert made.seen(image)[0, 0].tolist() == [10, 20, 30]
        assert made.apply(image)[0, :, 0, 0].tolist() == [30, 20, 10]
        assert made.apply(image).shape == made.shape
