"""Receptive fields against the support of the gradient, unit by unit."""

import nets
import numpy as np
import onnx
import pytest
import torch
from handmade import model

from onnxplain.convert import to_torch
from onnxplain.graph.layer_list import usable_layers
from onnxplain.graph.prepare import prepare
from onnxplain.graph.receptive_field import Box, field_sizes, receptive_fields
from onnxplain.network.chosen_layer import about_layers
from onnxplain.network.network import Network

NCHW, NHWC = "float[N,3,13,16] image", "float[N,13,16,3] image"
SMALL = "float[N,3,5,6] image"
_RNG = np.random.default_rng(0)


def ints(*values):
    return np.array(values, np.int64)


def kernel(*shape):
    return np.abs(_RNG.standard_normal(shape)) + 0.1


K33, K55, K12 = kernel(3, 3, 3, 3), kernel(3, 3, 5, 5), kernel(3, 3, 1, 2)
HEAD = " g = GlobalAveragePool(y) scores = Flatten(g)"

# Weights are positive, so that no path cancels another one; nothing rectifies.
GRAPHS = {
    "asymmetric strides and pads": (
        "a = Conv<strides: ints = [2, 3], pads: ints = [0, 2, 1, 0]>(image, k) "
        "y = Conv<pads: ints = [1, 1, 1, 1]>(a, k)",
        {"k": K33},
    ),
    "dilation": (
        "y = Conv<dilations: ints = [3, 2], pads: ints = [3, 2, 3, 2]>(image, k)", {"k": K33},
    ),
    "weights stored as integers": (
        "w = DequantizeLinear(q, s, z) y = Conv<strides: ints = [2, 2]>(image, w)",
        {"q": np.full((3, 3, 4, 3), 9, np.int8), "s": np.float32(0.1), "z": np.int8(0)},
    ),
    "branches of different kernels": (
        "a = Conv<pads: ints = [1, 1, 1, 1]>(image, k) "
        "b = Conv<pads: ints = [0, 0, 0, 1]>(image, n) "
        "c = Conv<pads: ints = [2, 2, 2, 2]>(b, w) s = Add(a, c) "
        "y = Concat<axis: int = 1>(s, image)",
        {"k": K33, "n": K12, "w": K55},
    ),
    "branches of different strides": (
        "a = Conv<strides: ints = [2, 2], pads: ints = [1, 1, 1, 1]>(image, k) "
        "b = AveragePool<kernel_shape: ints = [1, 1], strides: ints = [2, 2]>(image) y = Mul(a, b)",
        {"k": K33},
    ),
    "joined along the height": (
        "p = Concat<axis: int = 2>(rows, image) y = Conv(p, k)",
        {"k": K33, "rows": np.ones((1, 3, 2, 16))},
    ),
    "SAME_UPPER": ('y = Conv<auto_pad: string = "SAME_UPPER", strides: ints = [2, 2]>(image, n)',
                   {"n": kernel(3, 3, 4, 3)}),
    "SAME_LOWER": ('y = Conv<auto_pad: string = "SAME_LOWER", strides: ints = [2, 2]>(image, n)',
                   {"n": kernel(3, 3, 4, 3)}),
    "pooling beyond the end": (
        "y = AveragePool<kernel_shape: ints = [3, 3], strides: ints = [2, 3], ceil_mode: int = 1>"
        "(image)", {},
    ),
    "transposed convolution": (
        "a = Conv<strides: ints = [3, 3]>(image, k) y = ConvTranspose<strides: ints = [2, 3], "
        "pads: ints = [1, 0, 0, 2], dilations: ints = [2, 1]>(a, k)", {"k": K33},
    ),
    "padding by zeros and cropping": (
        "p = Pad(image, pads) y = Conv(p, k)", {"k": K33, "pads": ints(0, 0, 2, -3, 0, 0, 1, 2)},
    ),
    "padding by reflection": (
        'p = Pad<mode: string = "reflect">(image, pads) y = Conv<strides: ints = [2, 2]>(p, k)',
        {"k": K33, "pads": ints(0, 0, 3, 1, 0, 0, 2, 4)},
    ),
    "every second row, upside down": (
        "s = Slice(image, starts, ends, axes, steps) y = Conv(s, k)",
        {"k": K33, "starts": ints(-2, 3), "ends": ints(-(2**31), 14), "axes": ints(2, 3),
         "steps": ints(-2, 1)},
    ),
    "enlarged to the nearest": (
        'r = Resize<coordinate_transformation_mode: string = "asymmetric", '
        'nearest_mode: string = "floor">(image, , factors) y = Conv<strides: ints = [3, 3]>(r, k)',
        {"k": K33, "factors": np.array([1, 1, 2, 1.5], np.float32)},
    ),
    "enlarged linearly": (
        'y = Resize<mode: string = "linear">(image, , factors)',
        {"factors": np.array([1, 1, 2, 3], np.float32)},
    ),
    "reduced linearly": (
        'y = Resize<mode: string = "linear", coordinate_transformation_mode: string = '
        '"align_corners">(image, , , sizes)', {"sizes": ints(1, 3, 7, 6)},
    ),
    "cubic": (
        'y = Resize<mode: string = "cubic">(image, , factors)',
        {"factors": np.array([1, 1, 2, 2], np.float32)},
    ),
    "shuffled channels": (
        "a = Conv<pads: ints = [0, 0, 0, 0]>(image, n) r = Reshape(a, apart) "
        "t = Transpose<perm: ints = [0, 2, 1, 3, 4]>(r) b = Reshape(t, back) y = Conv(b, k)",
        {"n": kernel(6, 3, 1, 3), "k": kernel(3, 6, 3, 3), "apart": ints(-1, 2, 3, 13, 14),
         "back": ints(-1, 6, 13, 14)},
    ),
    "pixels to channels": (
        "c = Slice(image, starts, ends, axes) s = SpaceToDepth<blocksize: int = 2>(c) "
        "a = Conv<pads: ints = [1, 1, 1, 1]>(s, w) y = DepthToSpace<blocksize: int = 2>(a)",
        {"w": kernel(12, 12, 3, 3), "starts": ints(1), "ends": ints(13), "axes": ints(2)},
    ),
    "mean over channels": (
        "m = ReduceMean<axes: ints = [1]>(image) c = Conv<pads: ints = [1, 0, 1, 0]>(m, n) "
        "y = Mul(image, c)", {"n": kernel(1, 1, 3, 1)},
    ),
    "gate of the whole picture": (
        "a = Conv(image, k) m = GlobalAveragePool(a) e = Exp(m) y = Mul(a, e)", {"k": K33},
    ),
    "normalised over places": (
        "y = InstanceNormalization(image, one, one)", {"one": np.ones(3)},
    ),
}  # fmt: skip

MIXING = {"gate of the whole picture", "normalised over places"}


def support(proto, tensor, through=None):
    """Bounding boxes of non-zero gradients, for every unit of channel sums of `tensor`."""
    network = Network(prepare(proto))
    program = to_torch(network.graph, double=True)
    layout = network.image.layout
    x = torch.from_numpy(np.random.default_rng(1).random((1, *network.image.shape[1:]))) + 0.5
    x.requires_grad_()
    layer = network.layer(tensor)
    values = program.run({"image": x}, [layer.name])[layer.name]
    order = [layer.axes.index(a) for a in "NCHW"]
    maps = values.permute(order)[0].sum(0)
    if layer.order is not None:
        maps = maps.reshape(-1)[layer.order].reshape(layer.grid)
    boxes = {}
    for i, j in np.ndindex(*maps.shape):
        (slope,) = torch.autograd.grad(maps[i, j], x, retain_graph=True)
        flat = slope[0].abs().sum(0 if layout == "NCHW" else 2).numpy() > 0
        rows, columns = np.nonzero(flat.any(1))[0], np.nonzero(flat.any(0))[0]
        boxes[i, j] = (
            Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
            if len(rows)
            else Box(0, 0, 0, 0)
        )
    return network, layer.name, boxes


def fields(network, tensor, **options):
    return receptive_fields(
        network.graph, network.shapes, network.axes, network.image, tensor, **options
    )


@pytest.mark.parametrize("name", GRAPHS)
def test_field_is_the_support_of_the_gradient(name):
    body, weights = GRAPHS[name]
    proto = model(body + HEAD, weights, image=NCHW)
    network, tensor, boxes = support(proto, "y")
    found = fields(network, tensor)
    assert {unit: found.box(*unit) for unit in boxes} == boxes
    assert (len(set(boxes.values())) == 1) == (name in MIXING)


def test_channels_last():
    body = (
        "a = Transpose<perm: ints = [0, 3, 1, 2]>(image) "
        "b = Conv<strides: ints = [2, 1], pads: ints = [0, 1, 1, 0]>(a, k) "
        "c = Transpose<perm: ints = [0, 2, 3, 1]>(b) y = MatMul(c, m) "
        "g = ReduceMean<axes: ints = [1, 2], keepdims: int = 0>(y) scores = Identity(g)"
    )
    proto = model(body, {"k": K33, "m": kernel(3, 3)}, image=NHWC)
    network, tensor, boxes = support(proto, "y")
    found = fields(network, tensor)
    assert {unit: found.box(*unit) for unit in boxes} == boxes


def test_maximum_sees_its_whole_window():
    """Over many pictures every pixel of a window wins once."""
    body = (
        "y = MaxPool<kernel_shape: ints = [3, 2], strides: ints = [2, 2], "
        "pads: ints = [1, 0, 0, 1]>(image)"
    )
    network = Network(prepare(model(body + HEAD, image=SMALL)))
    found = fields(network, "y")
    x = np.random.default_rng(0).random((1, 3, 5, 6)).astype(np.float32)
    base = network.ort.activations(x, ["y"])["y"]
    seen = {unit: np.zeros((5, 6), bool) for unit in np.ndindex(*base.shape[2:])}
    for i, j in np.ndindex(5, 6):
        changed = x.copy()
        changed[:, :, i, j] = 2.0
        moved = (network.ort.activations(changed, ["y"])["y"] != base).any(axis=(0, 1))
        for unit in zip(*np.nonzero(moved), strict=True):
            seen[tuple(map(int, unit))][i, j] = True
    for unit, pixels in seen.items():
        rows, columns = np.nonzero(pixels)
        assert found.box(*unit) == Box(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)


def test_local_path_leaves_out_what_mixes_all_places():
    body, weights = GRAPHS["gate of the whole picture"]
    gated = Network(prepare(model(body + HEAD, weights, image=NCHW)))
    assert fields(gated, "y").box(0, 0) == Box(0, 0, 13, 16)
    assert fields(gated, "y", through_mixing=False).box(2, 3) == Box(2, 3, 5, 6)
    body, weights = GRAPHS["normalised over places"]
    normalised = Network(prepare(model(body + HEAD, weights, image=NCHW)))
    assert fields(normalised, "y", through_mixing=False).box(2, 3) == Box(2, 3, 3, 4)


def test_units_without_a_place_see_everything():
    network = Network(prepare(model("y = Conv(image, k)" + HEAD, {"k": K33}, image=NCHW)))
    for through_mixing in (True, False):
        found = fields(network, "scores", through_mixing=through_mixing)
        assert found.box(0, 0) == Box(0, 0, 13, 16)
        assert found.size == (13, 16)


def test_a_unit_in_the_padding_sees_nothing():
    body = "y = Conv<pads: ints = [4, 0, 0, 0]>(image, k)" + HEAD
    network = Network(prepare(model(body, {"k": K33}, image=NCHW)))
    assert fields(network, "y").box(0, 0) == Box(0, 0, 0, 0)
    assert fields(network, "y").box(2, 0) == Box(0, 0, 1, 3)


def test_unknown_operators_are_taken_to_see_everything():
    body = "a = Conv(image, k) y = CumSum(a, axis)" + HEAD
    network = Network(prepare(model(body, {"k": K33, "axis": ints(3)}, image=NCHW)))
    assert fields(network, network.graph.resolve("a")).size == (3, 3)
    assert fields(network, "y").size == (13, 16)


@pytest.mark.parametrize("name", nets.NETS)
def test_no_gradient_leads_out_of_the_field(name):
    """Real networks: dead units hide pixels, so the support can only be smaller."""
    network = Network(prepare(nets.exported(name).proto))
    program = to_torch(network.graph, double=True)
    x = torch.from_numpy(nets.images(name)[:1]).double().requires_grad_()
    for layer in network.layers[::3]:
        found = fields(network, layer.name)
        values = program.run({network.image.name: x}, [layer.name])[layer.name]
        order = [layer.axes.index(a) for a in ("N", "C", "H", "W", "L") if a in layer.axes]
        maps = values.permute(order)[0].sum(0)
        maps = maps[layer.prefix :] if layer.prefix else maps
        maps = maps.reshape(layer.grid)
        for unit in ((0, 0), (layer.grid[0] // 2, layer.grid[1] - 1)):
            (slope,) = torch.autograd.grad(maps[unit], x, retain_graph=True)
            axis = network.image.layout.index("C") - 1
            top, left, bottom, right = found.box(*unit)
            outside = slope[0].abs().sum(axis)
            assert float(outside.sum()) > 0
            outside[top:bottom, left:right] = 0
            assert float(outside.sum()) == 0


def test_no_path_to_the_picture_is_no_field_of_its_own():
    proto = model("y = Conv(image, k)" + HEAD, {"k": K33}, image=NCHW)
    onnx.checker.check_model(proto)
    network = Network(prepare(proto))
    assert fields(network, "image").box(4, 7) == Box(4, 7, 5, 8)


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "branches", "tensorflow"])
def test_fields_in_one_pass_are_those_of_each_tensor(name):
    net = Network(prepare(nets.exported(name).proto))
    about = net.graph, net.shapes, net.axes, net.image
    sizes = field_sizes(*about)
    for layer in usable_layers(*about_layers(net)):
        each = receptive_fields(*about, layer.name, through_mixing=False)
        assert sizes[layer.name] == each.size, layer.name
