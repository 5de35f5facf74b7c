"""Pictures of weights and feature maps: colours say sign and size."""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.features.kernels import Kernels
from onnxplain.features.maps import FeatureMaps, feature_maps
from onnxplain.inputs.picture import Picture
from onnxplain.render.features import draw_kernels, draw_maps, draw_maps_on_photo
from tests.render.pages import images, words


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
