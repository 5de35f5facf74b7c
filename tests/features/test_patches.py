"""What a single unit saw, and what of it arrived: cut out, and carried back to the pixels."""

import handmade
import numpy as np
import pytest
import torch
from features.small import WEIGHTS, inputs, opened, tensors
from torch.nn.functional import conv_transpose2d

import onnxplain
from onnxplain.errors import ParityError, UnknownNameError
from onnxplain.features.patches import (
    PROJECTIONS,
    cut,
    fields_of,
    in_colors,
    project,
    project_units,
    require_same_engines,
    unit_seeds,
)
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.receptive_field import Box
from onnxplain.inputs.preprocess import preset

X = inputs(0, 1)
PLACES = np.array([[2, 6], [0, 11]])


@pytest.fixture(scope="module")
def model():
    return opened(precision="double")


def layer_of(model, name):
    return model.network.layer(name)


def test_cut_fills_up_on_the_border_side():
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    corner = cut(pixels, Box(0, 2, 2, 4), (3, 3), fill=99)
    assert corner[..., 0].tolist() == [[99, 99, 99], [2, 3, 99], [6, 7, 99]]
    assert cut(pixels, Box(2, 0, 4, 2), (2, 3))[..., 0].tolist() == [[10, 8, 9], [10, 12, 13]]
    assert cut(pixels, Box(0, 0, 0, 0), (2, 2)).tolist() == [[[0], [0]], [[0], [0]]]


def test_patches_behind_a_gate_are_those_of_the_local_path():
    """A squeeze-and-excitation gate lets every unit see everything; the page says so."""
    body = (
        "a = Conv(image, k) m = GlobalAveragePool(a) e = Sigmoid(m) y = Mul(a, e) "
        "g = GlobalAveragePool(y) scores = Flatten(g)"
    )
    weights = np.random.default_rng(0).standard_normal((4, 3, 3, 3))
    proto = handmade.model(body, {"k": weights}, image="float[N,3,9,9] image")
    model = onnxplain.load(proto, preprocess=preset("zero-one", "NCHW", (9, 9)))
    fields, local = fields_of(model, "y")
    assert (fields.size, local) == ((3, 3), True)
    fields, local = fields_of(model, "a")
    assert (fields.size, local) == ((3, 3), False)
    fields, local = fields_of(model, "scores")
    assert (fields.size, local) == ((9, 9), False)


def test_fields_are_those_of_the_layers_in_front(model):
    """Three pixels for the first convolution, and three of those for the second."""
    (first, local), (second, also) = fields_of(model, "b"), fields_of(model, "d")
    assert (first.size, second.size, local, also) == ((3, 3), (5, 5), False, False)
    assert first.box(4, 5) == Box(3, 4, 6, 7)
    assert second.box(2, 3) == Box(2, 4, 7, 9)
    assert first.box(0, 11) == Box(0, 10, 2, 12)


def test_a_seed_is_one_at_its_unit(model):
    seeds = unit_seeds(layer_of(model, "b"), 2, (1, 4, 12, 12), 3, PLACES)
    wanted = np.zeros((2, 1, 4, 12, 12), np.float32)
    wanted[0, 0, 3, 2, 6] = wanted[1, 0, 3, 0, 11] = 1
    np.testing.assert_array_equal(seeds, wanted)


def test_a_seed_finds_its_unit_in_a_layer_of_tokens():
    tokens = SpatialLayer("t", "Add", ("N", "L", "C"), (2, 3), 5, prefix=1)
    seeds = unit_seeds(tokens, 1, (1, 7, 5), 4, np.array([[1, 2]]))
    assert np.argwhere(seeds[0, 0]).tolist() == [[1 + 5, 4]]


def carried(x, channel, places, way):
    """Transposed convolutions by PyTorch alone, from units of `d`, with a filter at each ReLU."""
    found = tensors(x)
    signal = torch.zeros(found["d"].shape, dtype=torch.float64)
    for k, (row, column) in enumerate(places):
        signal[k, channel, row, column] = 1.0
    kernels = [torch.from_numpy(WEIGHTS[n]).double() for n in ("k2", "k1")]
    active = torch.from_numpy(found["a"] > 0)
    if way == "gradient":
        signal = signal * torch.from_numpy(found["d"] > 0)
    signal = conv_transpose2d(signal, kernels[0], stride=2, padding=1, output_padding=1)
    if way != "gradient":
        signal = signal.clamp(min=0)
    if way != "deconvnet":
        signal = signal * active
    return conv_transpose2d(signal, kernels[1], padding=1).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("way", PROJECTIONS)
def test_a_unit_is_carried_back_through_transposed_convolutions(model, way):
    places = np.array([[2, 3], [0, 5]])
    for channel in range(5):
        found = project_units(model, X, layer_of(model, "d"), channel, places, way, resample=False)
        np.testing.assert_allclose(found, carried(X, channel, places, way), atol=1e-9)
    assert found.shape == (2, 12, 12, 3)


def test_a_projection_stays_in_the_receptive_field(model):
    """Where no grid is left after the stride, signals are spread a little further."""
    box = fields_of(model, "d")[0].box(2, 3)
    outside = np.ones((12, 12), bool)
    outside[box.top : box.bottom, box.left : box.right] = False
    for resample in (False, True):
        found = project_units(
            model, X[:1], layer_of(model, "d"), 1, np.array([[2, 3]]), resample=resample
        )
        assert found.any()
        assert resample or not found[0, outside].any()


def test_where_nothing_is_filtered_all_projections_are_one(model):
    """In front of the first activation; the gradient differs by the unit's own."""
    seeds = unit_seeds(layer_of(model, "a"), 2, (1, 4, 12, 12), 1, PLACES)
    found = [project(model, X, "a", seeds, way) for way in PROJECTIONS]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert found[0].any()


def test_projection_is_the_gradient_of_that_unit():
    model = onnxplain.load("models/digits-gap.onnx", precision="double")
    layer = "/2/Conv_output_0"
    x = model.read(np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)).x
    signal = project_units(model, x, model.network.layer(layer), 5, np.array([[2, 6]]), "gradient")
    step = 1e-4
    for i, j in ((2, 6), (1, 5), (7, 0)):
        moved = np.repeat(x.astype(np.float64), 2, axis=0)
        moved[0, 0, i, j] -= step
        moved[1, 0, i, j] += step
        both = model.network.torch.activations(moved, [layer])[layer]
        slope = (both[1] - both[0])[5, 2, 6] / (2 * step)
        np.testing.assert_allclose(signal[0, i, j, 0], slope, rtol=1e-6, atol=1e-8)


def test_an_unknown_projection(model):
    with pytest.raises(UnknownNameError, match=r"unknown projection 'sideways'.*guided"):
        project_units(model, X, layer_of(model, "b"), 1, PLACES, "sideways")


def test_guided_projection_passes_a_saturated_unit():
    """A unit that is on is on: the gradient vanishes there, what it saw does not."""
    body = """
        a = Conv<pads = [1,1,1,1]>(image, k1) b = Clip(a, low, high)
        g = GlobalMaxPool(b) scores = Flatten(g)
    """
    bounds = {"low": np.array(0.0), "high": np.array(6.0)}
    model = opened(body, precision="double", **bounds)
    before, values = tensors(X[:1])["a"], model.network.ort.activations(X[:1], ["b"])["b"]
    np.testing.assert_array_equal(values, before.clip(0, 6))
    channel, row, column = np.argwhere(before[0, :, 1:-1, 1:-1] > 6)[0] + (0, 1, 1)
    place = np.array([[row, column]])
    found = {
        way: project_units(model, X[:1], layer_of(model, "b"), channel, place, way)
        for way in ("gradient", "guided", "deconvnet")
    }
    assert not found["gradient"].any()
    wanted = np.zeros((12, 12, 3))
    kernel = np.moveaxis(WEIGHTS["k1"][channel], 0, -1)
    wanted[row - 1 : row + 2, column - 1 : column + 2] = kernel
    np.testing.assert_array_equal(found["guided"][0], wanted)
    np.testing.assert_array_equal(found["deconvnet"][0], wanted)


def test_values_stand_in_the_colour_order_of_the_picture(model):
    values = np.arange(2 * 3 * 144).reshape(2, 3, 12, 12)
    np.testing.assert_array_equal(in_colors(model, values), np.moveaxis(values, 1, -1))
    blue_first = opened(preprocess="raw-bgr")
    turned = np.moveaxis(values[:, ::-1], 1, -1)
    np.testing.assert_array_equal(in_colors(blue_first, values), turned)
    body = "t = Transpose<perm = [0,3,1,2]>(image) g = GlobalMaxPool(t) scores = Flatten(g)"
    last = opened(body, image="float[N,12,12,3] image")
    channels_last = values.reshape(2, 12, 12, 3)
    np.testing.assert_array_equal(in_colors(last, channels_last), channels_last)


def test_engines_that_disagree_are_not_mixed(model, monkeypatch):
    picture = model.read(np.moveaxis(X[0], 0, -1).astype(np.uint8))
    require_same_engines(model, picture, False)
    torch_engine = model.network.torch
    right = torch_engine.activations

    def wrong(x, names):
        return {n: 1.5 * v for n, v in right(x, names).items()}

    monkeypatch.setattr(torch_engine, "activations", wrong)
    with pytest.raises(ParityError, match="disagree at tensor 'scores'"):
        require_same_engines(model, picture, False)
    require_same_engines(model, picture, True)
