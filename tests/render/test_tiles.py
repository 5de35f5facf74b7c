"""Pages of many small pictures: every pixel where it belongs, every caption readable."""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.features.class_model import ClassModel
from onnxplain.features.kernels import Kernels
from onnxplain.features.maps import FeatureMaps, feature_maps
from onnxplain.features.top_patches import ChannelPatches
from onnxplain.inputs.picture import Picture
from onnxplain.render.atlas import draw_atlas
from onnxplain.render.features import draw_kernels, draw_maps, draw_maps_on_photo
from onnxplain.render.made import draw_class_models, picture_of
from onnxplain.render.patches import draw_patches, signal_picture
from onnxplain.render.tiles import Tile, block, tile_page
from onnxplain.targets.classes import ClassScore


def colored(red, green, blue, size=(4, 6)):
    return np.full((*size, 3), (red, green, blue), np.uint8)


def images(figure):
    return [np.asarray(i.get_array()) for axes in figure.axes for i in axes.images]


def words(figure):
    return " ".join(text.get_text() for text in figure.texts)


def overlap(figure):
    """Pairs of texts that cover each other."""
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.texts if t.get_text()]
    return [(a, b) for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b)]


def test_block_is_joined_by_white_lines():
    joined = block([colored(255, 0, 0), colored(0, 255, 0), colored(0, 0, 255)], 2, gap=1)
    assert joined.shape == (9, 13, 3)
    assert (joined[:4, :6] == (255, 0, 0)).all()
    assert (joined[:4, 7:] == (0, 255, 0)).all()
    assert (joined[5:, :6] == (0, 0, 255)).all()
    assert (joined[4] == 255).all()
    assert (joined[5:, 7:] == 255).all()


def test_tiles_stand_in_rows_and_places_can_stay_empty():
    tiles = [
        Tile(colored(9, 9, 9), "one"),
        None,
        Tile(colored(7, 7, 7), "two"),
        Tile(colored(5, 5, 5)),
    ]
    figure = tile_page(["heading", "small"], tiles, columns=2, side=1.0, notes="notes")
    assert [i[0, 0, 0] for i in images(figure)] == [9, 7, 5]
    first, second, third = (a.get_position() for a in figure.axes)
    assert first.x0 == second.x0 < third.x0
    assert first.y0 > second.y0 == third.y0
    assert all(word in words(figure) for word in ("heading", "small", "one", "two", "notes"))


def test_captions_do_not_cover_each_other():
    long = "a caption that is much longer than its tile is wide"
    tiles = [Tile(colored(9, 9, 9), f"{k} {long}") for k in range(9)]
    figure = tile_page(["h" * 300, "s" * 300], tiles, columns=5, side=0.8, notes="n " * 300)
    assert overlap(figure) == []
    assert figure.get_size_inches()[0] < 14


def test_wide_pages_get_more_rows():
    tiles = [Tile(colored(1, 2, 3)) for _ in range(40)]
    figure = tile_page(["h"], tiles, columns=40, side=1.0)
    assert figure.get_size_inches()[0] < 14
    assert len({round(a.get_position().y0, 6) for a in figure.axes}) > 3


def test_a_page_has_an_end():
    with pytest.raises(UsageError, match="9000 pictures do not fit on one page"):
        tile_page(["h"], [Tile(colored(1, 2, 3))] * 9000, columns=12, side=0.9)


def test_kernels_in_colour_are_grey_at_zero_and_end_at_their_own_magnitude():
    values = np.zeros((2, 3, 2, 2), np.float32)
    values[0, 0, 0, 0], values[1, 2, 1, 1] = 2.0, -0.5
    found = Kernels("c", values, "RGB")
    each = images(draw_kernels(found, "m", filters=[0, 1]))
    assert tuple(each[0][0, 0]) == (255, 128, 128)
    assert tuple(each[1][-1, -1]) == (128, 128, 0)
    shared = images(
        draw_kernels(Kernels("c", values, "RGB"), "m", filters=[0, 1], scaling="shared")
    )
    assert tuple(shared[1][-1, -1]) == (128, 128, 96)
    with pytest.raises(UsageError, match="scale 'none' is not known"):
        draw_kernels(found, "m", filters=[0], scaling="none")


@pytest.mark.parametrize("shape", [(3, 20, 3, 3), (3, 1, 5, 5), (3, 7, 1, 1)])
def test_deeper_kernels_are_red_and_blue(shape, rng):
    found = Kernels("c", rng.standard_normal(shape), "")
    figure = draw_kernels(found, "m", filters=[0, 2])
    assert len(images(figure)) == (1 if shape[2:] == (1, 1) else 2)
    assert "red is positive" in words(figure)
    if shape == (3, 1, 5, 5):
        strongest = np.unravel_index(np.abs(found.values[0, 0]).argmax(), (5, 5))
        factor = images(figure)[0].shape[0] // 5
        red, _, blue = images(figure)[0][tuple(np.array(strongest) * factor)]
        assert (red > blue) == (found.values[0, 0][strongest] > 0)


def maps_of(values):
    picture = Picture(np.zeros((1, 1, 8, 8)), np.zeros((8, 8, 1), np.uint8), "a/b.png")
    return FeatureMaps("layer", np.asarray(values, float), [1, 0], True, picture, {})


def test_maps_are_coloured_each_to_its_own_end():
    figure = draw_maps(maps_of([[[0.0, 1.0]], [[4.0, 0.0]]]), "m")
    dark, bright = images(figure)
    assert dark[0, 0].sum() > dark[0, -1].sum()
    assert bright[0, 0].sum() < bright[0, -1].sum()
    assert "1: 4" in words(figure)
    assert "0: 1" in words(figure)
    assert "b.png" in words(figure)
    assert "a/b" not in words(figure)
    signed = images(draw_maps(maps_of([[[0.0, 1.0]], [[-4.0, 0.0]]]), "m"))[0]
    assert signed[0, 0, 2] > signed[0, 0, 0]
    assert min(signed[0, -1]) > 240


def test_maps_over_the_photo():
    model = onnxplain.load("models/flowers-gap.onnx")
    found = feature_maps(model, "examples/flowers/stem-red-1000006.png", count=3)
    figure = draw_maps_on_photo(found, model.name)
    shown = images(figure)
    assert len(shown) == 4
    assert all(i.shape == shown[0].shape for i in shown)
    assert all((i != shown[0]).any() for i in shown[1:])


def test_blocks_of_patches_and_channels_without_any():
    patches = [colored(200, 0, 0, (5, 5)), colored(0, 200, 0, (5, 5))]
    signals = [np.full((5, 5, 3), 1.0), np.full((5, 5, 3), -1.0)]
    found = ChannelPatches(3, [2.0, 1.0], ["a", "b"], patches, signals)
    dead = ChannelPatches(4, [], [], [], [])
    figure = draw_patches([found, dead], ["h"], count=9, projection="guided")
    assert "channel 3: 2 to 1" in words(figure)
    assert "channel 4: never above zero" in words(figure)
    left = images(figure)[0]
    assert tuple(left[0, 0]) == (255, 255, 255)  # a signal at its own largest magnitude
    half = left.shape[1] // 2 + left.shape[1] // 24
    assert (left[:, half:] == (200, 0, 0)).all(axis=2).any()


def test_signals_are_grey_at_zero():
    assert signal_picture(np.zeros((2, 2, 1))).tolist() == [[[128] * 3] * 2] * 2
    ends = signal_picture(np.array([[[2.0, -2.0, 0.0]]]))
    assert ends.tolist() == [[[255, 0, 128]]]


def test_class_models_are_stretched_and_atlases_have_holes():
    pixels = np.full((8, 8, 3), 100, np.uint8)
    pixels[0, 0] = 110
    made = ClassModel(
        1, ClassScore(1, "logit", "y", "none", 2), np.zeros(1), pixels, [], 3.0, 0.5,
        "probability", {},
    )  # fmt: skip
    figure = draw_class_models([made, made], "m", ["a", "b"])
    assert np.ptp(images(figure)[0]) > 100
    assert "b: logit 3" in words(figure)
    assert picture_of(pixels[..., :1]).mode == "RGB"
    cells = {(0, 1): pixels, (2, 0): pixels}
    figure = draw_atlas(cells, {(0, 1): 5, (2, 0): 7}, 2, ["h"], "n")
    assert len(images(figure)) == 2
    assert "5" in words(figure)
