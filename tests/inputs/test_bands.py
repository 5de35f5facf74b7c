"""Pictures of any number of bands: files, arrays, precision, and what a person is shown."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from onnxplain.errors import ImageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.bands import as_bands, open_bands, to_pixels
from onnxplain.inputs.picture import read_picture, sample_picture
from onnxplain.inputs.preprocess import Preprocess, preset
from onnxplain.inputs.source import model_input, photo_of, shown_input

RNG = np.random.default_rng(0)
SIDE = 16


def recipe(channels, **changes):
    values = {"mean": tuple(range(channels)), "std": tuple(range(1, channels + 1))}
    given = {"layout": "NCHW", "size": (SIDE, SIDE), "color": "bands", **values, **changes}
    return Preprocess("mine", **given)


def levels(channels, kind=np.uint8, high=255):
    smooth = RNG.integers(0, high + 1, (SIDE, SIDE, channels))
    return smooth.astype(kind)


def saved(tmp_path, values, ending):
    path = tmp_path / f"p{ending}"
    if ending == ".npy":
        np.save(path, values)
    elif ending == ".tif":
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    else:
        Image.fromarray(values.squeeze()).save(path)
    return path


def expected_input(values, mean, std):
    """(pixel - mean) / std for each channel, channels first, by loops."""
    found = np.empty((1, values.shape[-1], *values.shape[:2]))
    for k in range(values.shape[-1]):
        found[0, k] = (values[..., k].astype(float) - mean[k]) / std[k]
    return found


@pytest.mark.parametrize(
    ("channels", "ending"),
    [(1, ".png"), (2, ".png"), (3, ".png"), (4, ".png"), (2, ".npy"), (4, ".npy"), (6, ".npy"),
     (12, ".npy"), (2, ".tif"), (4, ".tif"), (5, ".tif"), (12, ".tif")],
)  # fmt: skip
def test_all_bands_of_a_file(tmp_path, channels, ending):
    values = levels(channels)
    path = saved(tmp_path, values, ending)
    made = recipe(channels)
    found = model_input(path, made)
    np.testing.assert_allclose(found, expected_input(values, made.mean, made.std), rtol=1e-6)
    # Last axis in the other layout.
    turned = model_input(path, recipe(channels, layout="NHWC"))
    np.testing.assert_array_equal(turned, np.moveaxis(found, 1, -1))


@pytest.mark.parametrize("ending", [".npy", ".tif"])
@pytest.mark.parametrize(("kind", "full"), [(np.uint16, 65535), (np.float32, 1.0)])
def test_every_bit_is_kept(tmp_path, ending, kind, full):
    """Two levels that 8 bits cannot tell apart stay apart, also behind a resize."""
    values = (RNG.random((SIDE, SIDE, 5)) * full).astype(kind)
    path = saved(tmp_path, values, ending)
    made = recipe(5, scale=1 / 255, mean=(0.0,) * 5, std=(1.0,) * 5)
    found = model_input(path, made)
    plain = values.astype(np.float64) / full
    np.testing.assert_allclose(found[0], np.moveaxis(plain, -1, 0), atol=1e-6)
    assert np.abs(np.round(plain * 255) / 255 - plain).max() > 1e-3  # 8 bits would not do
    smaller = model_input(
        path,
        recipe(
            5,
            scale=1 / 255,
            mean=(0.0,) * 5,
            std=(1.0,) * 5,
            size=(4, 4),
            resize="stretch",
            interpolation="box",
        ),
    )
    means = plain.reshape(4, 4, 4, 4, 5).mean(axis=(1, 3))
    np.testing.assert_allclose(smaller[0], np.moveaxis(means, -1, 0), atol=1e-6)


def test_sixteen_bit_grey_png(tmp_path):
    values = RNG.integers(0, 65536, (SIDE, SIDE)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "p.png")
    found = model_input(tmp_path / "p.png", recipe(1, mean=(0.0,), scale=1 / 255))
    np.testing.assert_allclose(found[0, 0], values / 65535, atol=1e-7)


def test_pages_of_a_tiff_are_bands(tmp_path):
    values = levels(7, np.uint16, 65535)
    with tifffile.TiffWriter(tmp_path / "p.tif") as file:
        for k in range(7):
            file.write(values[..., k], photometric="minisblack")
    np.testing.assert_array_equal(open_bands(tmp_path / "p.tif"), values)


def test_colour_tiff_of_sixteen_bits(tmp_path):
    values = levels(3, np.uint16, 65535)
    tifffile.imwrite(tmp_path / "p.tif", values, photometric="rgb")
    np.testing.assert_array_equal(open_bands(tmp_path / "p.tif"), values)


def test_alpha_weighs_on_no_other_band(tmp_path):
    """Pillow multiplies colours by alpha when it resizes RGBA; bands are left alone."""
    values = levels(4)
    values[::2, :, 3] = 0
    made = recipe(4, size=(8, 8), resize="stretch")
    found = made.seen(Image.fromarray(values))
    for k in range(4):
        plane = Image.fromarray(values[..., k]).resize((8, 8), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(found[..., k], np.asarray(plane))


def test_chosen_bands_in_their_order():
    values = levels(6)
    made = recipe(3, bands=(5, 0, 2))
    np.testing.assert_array_equal(made.seen(values), values[..., [5, 0, 2]])
    with pytest.raises(ImageError, match="no band 5"):
        made.seen(levels(5))


@pytest.mark.parametrize("channels", [2, 4])
def test_a_picture_of_other_bands_is_refused(tmp_path, channels):
    path = saved(tmp_path, levels(3), ".png")
    with pytest.raises(ImageError, match=f"has 3 bands, the model takes {channels}"):
        model_input(path, recipe(channels))


def test_colours_that_are_no_bands(tmp_path):
    Image.new("CMYK", (8, 8)).save(tmp_path / "p.jpg")
    with pytest.raises(ImageError, match="mode CMYK"):
        model_input(tmp_path / "p.jpg", recipe(4))


class TestShapes:
    def test_channels_at_either_end(self):
        values = levels(5)
        np.testing.assert_array_equal(as_bands(values, 5), values)
        np.testing.assert_array_equal(as_bands(np.moveaxis(values, -1, 0), 5), values)
        np.testing.assert_array_equal(as_bands(values[..., 0], 1), values[..., :1])
        np.testing.assert_array_equal(as_bands(np.moveaxis(values, -1, 0), None), values)

    @pytest.mark.parametrize("shape", [(4, 9, 4), (9, 9, 9), (8,), (2, 3, 4, 5), (0, 4, 4)])
    def test_what_could_be_either_or_neither(self, shape):
        with pytest.raises(ImageError):
            as_bands(np.zeros(shape), 4)


class TestWhite:
    def test_the_value_that_is_white(self):
        values = np.array([0, 2048, 4095], np.uint16)
        np.testing.assert_allclose(to_pixels(values, 4095), values * (255 / 4095))
        np.testing.assert_allclose(to_pixels(values, None), values / 257)

    def test_eight_bits_stay_what_they_are(self):
        values = levels(2)
        assert to_pixels(values, None) is values

    @pytest.mark.parametrize(
        ("values", "white"),
        [([-1.0], None), ([1.5], None), ([np.nan], None), ([5000], 4095.0), ([3], None)],
    )
    def test_values_without_an_agreed_meaning(self, values, white):
        with pytest.raises(ImageError, match="`white`"):
            to_pixels(np.array(values), white)


class TestShown:
    @pytest.mark.parametrize(
        ("channels", "shown", "expected"),
        [(5, (), (0, 1, 2)), (5, (4, 2, 0), (4, 2, 0)), (5, (3,), (3,)), (2, (), (0,)),
         (1, (), (0,)), (4, (), (0, 1, 2))],
    )  # fmt: skip
    def test_three_channels_or_one(self, tmp_path, channels, shown, expected):
        values = levels(channels)
        path = saved(tmp_path, values, ".npy")
        made = recipe(channels, shown=shown)
        image = ImageInput("x", "float32", "NCHW", channels, (SIDE, SIDE), None, False)
        picture = read_picture(path, made, image)
        np.testing.assert_array_equal(picture.pixels, values[..., list(expected)])
        np.testing.assert_array_equal(picture.seen, values)
        np.testing.assert_array_equal(made.decode(picture.x)[0], picture.pixels)
        np.testing.assert_array_equal(shown_input(path, made), picture.pixels)
        whole = np.asarray(photo_of(path, made)).reshape(picture.pixels.shape)
        np.testing.assert_array_equal(whole, picture.pixels)

    def test_a_random_picture_has_all_channels(self):
        picture = sample_picture(recipe(5))
        assert picture.x.shape == (1, 5, SIDE, SIDE)
        assert picture.pixels.shape == (SIDE, SIDE, 3)


class TestReadyInputs:
    IMAGE = ImageInput("x", "float32", "NCHW", 4, (SIDE, SIDE), None, False)

    def test_a_file_of_four_axes(self, tmp_path):
        x = RNG.normal(size=(1, 4, SIDE, SIDE)).astype(np.float32)
        np.save(tmp_path / "x.npy", x)
        found = read_picture(tmp_path / "x.npy", recipe(4), self.IMAGE)
        np.testing.assert_array_equal(found.x, x)
        assert found.source.endswith("x.npy")

    def test_another_shape(self, tmp_path):
        np.save(tmp_path / "x.npy", np.zeros((1, 4, 5, 5)))
        with pytest.raises(ImageError, match="must have shape"):
            read_picture(tmp_path / "x.npy", recipe(4), self.IMAGE)


class TestFilesThatAreNoArrays:
    def test_objects_are_not_unpickled(self, tmp_path):
        class Trap:
            def __reduce__(self):
                return (pytest.fail, ("it was unpickled",))

        np.save(tmp_path / "p.npy", np.array([Trap()], object), allow_pickle=True)
        with pytest.raises(ImageError, match="not an array of numbers"):
            model_input(tmp_path / "p.npy", recipe(4))

    @pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"words", b"\x80\x04."])
    def test_damaged(self, tmp_path, content):
        (tmp_path / "p.npy").write_bytes(content)
        with pytest.raises(ImageError, match="not an array of numbers") as caught:
            model_input(tmp_path / "p.npy", recipe(4))
        assert "\n" not in str(caught.value)

    def test_a_header_that_claims_more_than_there_is(self, tmp_path):
        np.save(tmp_path / "p.npy", np.zeros((4, 4), np.uint8))
        content = (tmp_path / "p.npy").read_bytes()
        claimed = content.replace(b"(4, 4), }        ", b"(90000, 90000), }")
        assert len(claimed) == len(content)
        assert claimed != content
        (tmp_path / "p.npy").write_bytes(claimed)
        with pytest.raises(ImageError, match="not an array of numbers"):
            model_input(tmp_path / "p.npy", recipe(1))

    def test_missing(self, tmp_path):
        with pytest.raises(ImageError, match="there is no such file"):
            model_input(tmp_path / "p.npy", recipe(4))


@pytest.mark.parametrize("name", ["raw", "zero-one", "minus-one-one", "keras-tf"])
def test_presets_that_treat_all_channels_alike(name):
    made = preset(name, "NCHW", (SIDE, SIDE), channels=5)
    colour = preset(name, "NCHW", (SIDE, SIDE))
    values = levels(5)
    np.testing.assert_array_equal(
        made.encode(values[None])[:, :3], colour.encode(values[None, ..., :3])
    )
    low, high = made.bounds()
    assert low.size == high.size == 5
