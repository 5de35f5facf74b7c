"""How pictures are cut, resized and filled up, against torchvision's and letterbox arithmetic."""

import numpy as np
import pytest
from PIL import Image

from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.preprocess import Preprocess

SIZES = [(300, 200), (200, 300), (123, 457), (64, 64), (20, 90)]


def picture(width, height):
    rows, columns = np.mgrid[:height, :width]
    planes = [rows * 200 / height, columns * 200 / width, 90 + 80 * np.sin(rows / 9 + columns / 7)]
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8))


def recipe(**changes):
    return Preprocess(**{"name": "mine", "layout": "NCHW", "size": (48, 40), **changes})


def torchvision_resize(image, side):
    """Resize(side): the shorter side, the longer one cut to whole pixels."""
    width, height = image.size
    if width <= height:
        return image.resize((side, int(side * height / width)), Image.Resampling.BICUBIC)
    return image.resize((int(side * width / height), side), Image.Resampling.BICUBIC)


def torchvision_centre(image, height, width):
    """CenterCrop: zeros where the picture is too small, then the rounded middle."""
    pixels = np.asarray(image)
    h, w = pixels.shape[:2]
    left = (width - w) // 2 if width > w else 0
    right = (width - w + 1) // 2 if width > w else 0
    top = (height - h) // 2 if height > h else 0
    bottom = (height - h + 1) // 2 if height > h else 0
    pixels = np.pad(pixels, ((top, bottom), (left, right), (0, 0)))
    h, w = pixels.shape[:2]
    y, x = round((h - height) / 2.0), round((w - width) / 2.0)
    return pixels[y : y + height, x : x + width]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("side", [56, 48, 45])
def test_resize_then_centre_crop_is_torchvisions(shape, side):
    image = picture(*shape)
    expected = torchvision_centre(torchvision_resize(image, side), 48, 40)
    np.testing.assert_array_equal(recipe(resize_to=side).seen(image), expected)


@pytest.mark.parametrize("shape", SIZES)
def test_resize_to_both_sides_then_crop(shape):
    image = picture(*shape)
    scaled = image.resize((60, 64), Image.Resampling.BICUBIC)
    expected = np.asarray(scaled)[8:56, 10:50]
    np.testing.assert_array_equal(recipe(resize_to=(64, 60)).seen(image), expected)


@pytest.mark.parametrize("shape", SIZES)
def test_centre_crop_of_the_picture_as_it_is(shape):
    image = picture(*shape)
    found = recipe(resize="none").seen(image)
    np.testing.assert_array_equal(found, torchvision_centre(image, 48, 40))


def test_a_share_of_a_stretched_picture():
    image = picture(300, 200)
    found = recipe(size=(56, 56), resize="stretch", crop_fraction=0.875).seen(image)
    scaled = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC), int)
    assert np.abs(found - scaled[4:60, 4:60]).max() <= 1
    assert np.abs(found - np.asarray(image.resize((56, 56), 3), int)).max() > 5  # a control


@pytest.mark.parametrize("position", [(0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.0, 0.5)])
@pytest.mark.parametrize("fill", [(114.0,), (10.0, 20.0, 30.0)])
@pytest.mark.parametrize("shape", [(300, 200), (200, 300)])
def test_letterbox_of_any_colour_and_position(shape, fill, position):
    image = picture(*shape)
    found = recipe(size=(60, 60), resize="pad", fill=fill, position=position).seen(image)
    ratio = 60 / max(shape)
    w, h = round(shape[0] * ratio), round(shape[1] * ratio)
    expected = np.empty((60, 60, 3), np.uint8)
    expected[:] = np.array(fill * (3 // len(fill)))
    top, left = round((60 - h) * position[0]), round((60 - w) * position[1])
    inner = np.asarray(image.resize((w, h), Image.Resampling.BICUBIC))
    expected[top : top + h, left : left + w] = inner
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("position", "share"), [((0.5, 0.5), 0.5), ((0.0, 0.0), 0.0)])
@pytest.mark.parametrize("shape", SIZES)
def test_fill_up_to_a_square_then_resize(shape, position, share):
    """What expand-to-square followed by a resize does."""
    image = picture(*shape)
    side = max(shape)
    square = Image.new("RGB", (side, side), (10, 20, 30))
    square.paste(image, (round((side - shape[0]) * share), round((side - shape[1]) * share)))
    made = recipe(size=(60, 60), resize="pad-first", fill=(10.0, 20.0, 30.0), position=position)
    expected = np.asarray(square.resize((60, 60), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(made.seen(image), expected)


FRAMINGS = [
    {"resize": "pad-first", "fill": (114.0,)},
    {"resize": "pad-first", "position": (0.0, 0.0)},
    {"resize_to": 57, "position": (0.49999, 0.49999)},
    {"resize_to": 40, "position": (0.49999, 0.49999)},
    {"resize": "pad", "fill": (114.0,), "position": (0.49999, 0.49999)},
    {"resize_to": 56},
    {"resize_to": (64, 60)},
    {"resize": "none"},
    {"resize": "none", "size": (300, 340)},
    {"resize": "pad", "fill": (114.0,), "position": (0.0, 0.0)},
    {"resize": "pad", "crop_fraction": 0.5},
    {"resize": "stretch", "crop_fraction": 0.5},
    {"resize": "crop", "position": (0.0, 1.0)},
]


@pytest.mark.parametrize("framing", FRAMINGS)
class TestEveryFraming:
    WIDTH, HEIGHT = 240, 160

    def test_masks_are_framed_as_pictures_are(self, tmp_path, framing):
        """A bright disc is its own mask: both must come out in the same places."""
        rows, columns = np.mgrid[: self.HEIGHT, : self.WIDTH]
        disc = (rows - 60) ** 2 + (columns - 130) ** 2 < 40**2
        Image.fromarray(np.where(disc, 255, 0).astype(np.uint8)).save(tmp_path / "p.png")
        sample = Sample("p.png", tmp_path / "p.png", mask=tmp_path / "p.png")
        made = recipe(**{**framing, "fill": (0.0,)})
        seen = made.seen(Image.open(tmp_path / "p.png").convert("RGB"))[..., 0] > 127
        assert np.mean(sample.seen_mask(recipe(**framing)) != seen) < 0.02
        assert seen.any()

    def test_the_region_says_where_each_pixel_comes_from(self, framing):
        """Pixels that hold their own coordinates come out as the region says."""
        rows, columns = np.mgrid[: self.HEIGHT, : self.WIDTH]
        ramp = np.stack([columns, rows, 0 * rows + 255], -1).astype(np.uint8)
        made = recipe(**framing, interpolation="bilinear")
        seen = made.seen(Image.fromarray(ramp)).astype(float)
        left, top, right, bottom = made.region(self.WIDTH, self.HEIGHT)
        height, width = made.size
        x = left + (np.arange(width) + 0.5) * (right - left) / width - 0.5
        y = top + (np.arange(height) + 0.5) * (bottom - top) / height - 0.5
        # Away from the border, where the filter sees what is beside the picture.
        near = ((y > 12) & (y < self.HEIGHT - 13))[:, None] & (x > 12) & (x < self.WIDTH - 13)
        inside = near & (seen[..., 2] == 255)
        assert inside.sum() > 200
        # A pixel of the result may be off by half of one, which is so many of the picture.
        slack = [0.6 * (right - left) / width + 1, 0.6 * (bottom - top) / height + 1]
        grid = np.broadcast_arrays(x[None, :], y[:, None])
        for k in (0, 1):
            assert np.abs(seen[..., k][inside] - grid[k][inside]).max() <= slack[k]


@pytest.mark.parametrize("share", [1.0, 0.875])
@pytest.mark.parametrize("resize", ["crop", "stretch"])
@pytest.mark.parametrize("position", [(0.5, 0.5), (1.0, 1.0), (0.3, 0.7)])
def test_rounding_never_leads_beyond_the_picture(share, resize, position):
    """Pillow refuses a region that is a rounding error too large."""
    for side in (56, 75):
        made = recipe(size=(side, side), resize=resize, crop_fraction=share, position=position)
        for width in range(side - 20, 3 * side):
            for height in (width, width + 1):
                assert made.seen(Image.new("RGB", (width, height))).shape == (side, side, 3)
