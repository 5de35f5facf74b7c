"""Axis meanings, dominating layers and the choice among them, against slower definitions."""

import graphs
import nets
import numpy as np
import pytest
from graphs import build, value_info
from onnx.helper import make_node as node

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.graph.shapes import infer_shapes
from onnxplain.network.network import Network

IMAGE = [value_info("image", ["N", 3, 8, 8])]


def opened(nodes, constants, outputs=4, **options):
    proto = build(nodes, [value_info("scores", ["N", outputs])], constants, inputs=IMAGE, **options)
    return Network(prepare(proto))


def network(name):
    return Network(prepare(nets.exported(name).proto))


@pytest.mark.parametrize("name", nets.NETS)
def test_shapes_are_those_of_a_run(name):
    net = network(name)
    names = list(net.graph.tensor_names())
    x = nets.images(name).astype(np.float32)
    measured = {k: v.shape for k, v in net.ort.activations(x, names).items()}
    assert {k: net.shapes[k] for k in measured} == measured


def test_shapes_of_a_fixed_batch_and_an_open_size():
    graph = prepare(graphs.classifier(batch=4))
    assert infer_shapes(graph, find_image_input(graph))["maps"] == (4, 12, 6, 6)
    proto = graphs.classifier()
    del proto.graph.input[0].type.tensor_type.shape.dim[2:]
    for size in ("H", "W"):
        proto.graph.input[0].type.tensor_type.shape.dim.add().dim_param = size
    graph = prepare(proto)
    image = find_image_input(graph, size=(20, 30))
    assert infer_shapes(graph, image)["maps"] == (1, 12, 10, 15)


def reaches(graph, start, end, without):
    """Whether a path leads from one tensor to the other past `without`."""
    reached, waiting = set(), [start]
    while waiting:
        tensor = waiting.pop()
        if tensor in reached or tensor == without:
            continue
        reached.add(tensor)
        waiting += [o for n in graph.consumers.get(tensor, ()) for o in n.outputs]
    return end in reached


def is_evidence(graph, tensor):
    """Whether values, and not only shapes, flow from the image to `tensor`."""
    reached = {graph.inputs[0].name}
    for item in graph.nodes:
        if item.op_type not in ("Shape", "Size") and reached & set(item.inputs):
            reached.update(item.outputs)
    return tensor in reached


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "squeeze", "windows", "branches"])
def test_every_layer_on_offer_is_passed_by_all_evidence(name):
    net = network(name)
    logits = net.head.logits
    offered = [c.name for c in net.layers]
    assert offered
    for tensor in offered:
        assert is_evidence(net.graph, tensor)
        assert not reaches(net.graph, net.image.name, logits, tensor), tensor


def test_a_layer_that_a_shortcut_jumps_over_is_not_on_offer():
    net = network("resnet")
    inside = [n.output for n in net.graph.nodes if "/layer1/conv1" in n.output]
    assert inside
    assert reaches(net.graph, net.image.name, net.head.logits, inside[0])
    assert inside[0] not in [c.name for c in net.layers]
    assert net.layer(inside[0]).grid == (8, 8)


TAGS = {
    "resnet": ({"Conv", "BatchNormalization", "Relu", "MaxPool", "Add"}, "NCHW"),
    "windows": ({"LayerNormalization"}, "NHWC"),
    "vit": ({"LayerNormalization", "Add"}, "NLC"),
}


@pytest.mark.parametrize("name", TAGS)
def test_tags(name):
    operators, expected = TAGS[name]
    net = network(name)
    checked = [
        n
        for n in net.graph.nodes
        if n.op_type in operators and len(net.shapes[n.output]) == len(expected)
    ]
    in_stream = [n for n in checked if "mlp" not in n.output and "qkv" not in n.output]
    assert len(in_stream) >= 1
    found = {n.output: "".join(net.axes.tags.get(n.output, "")) for n in in_stream}
    assert set(found.values()) == {expected}, found


def test_a_transposed_stream_knows_where_its_axes_went():
    net = network("tensorflow")
    for item in net.graph.nodes:
        if item.op_type == "Transpose":
            before, after = (net.axes.tags[t] for t in (item.inputs[0], item.output))
            assert after == tuple(before[p] for p in item.attributes["perm"])
        if item.op_type == "Conv":
            assert "".join(net.axes.tags[item.output]) == "NCHW"
        if item.op_type == "Relu":
            assert "".join(net.axes.tags[item.output]) == "NHWC"


def test_maps_are_the_tensor_with_channels_first():
    net = network("tensorflow")
    layer = net.layer(None)
    values = np.random.default_rng(0).random(net.shapes[layer.name])
    np.testing.assert_array_equal(layer.to_maps(values), np.moveaxis(values, -1, 1))


def test_maps_of_tokens_leave_the_class_token_out():
    net = network("vit")
    layer = net.layer(None)
    assert (layer.prefix, layer.grid) == (1, (4, 4))
    values = np.random.default_rng(0).random((2, 17, 16))
    maps = layer.to_maps(values)
    assert maps.shape == (2, 16, 4, 4)
    for row, column in ((0, 0), (1, 3), (3, 2)):
        np.testing.assert_array_equal(maps[:, :, row, column], values[:, 1 + 4 * row + column])


@pytest.mark.parametrize("name", ["vit", "windows", "tensorflow", "resnet"])
def test_a_change_of_the_picture_shows_at_its_place(name):
    """Grid and axis order are right only if a corner of the picture moves that corner."""
    net = network(name)
    first = net.layers[-1]  # the earliest one, before places mix
    x = nets.images(name).astype(np.float32)
    changed = x.copy()
    axes = (2, 3) if net.image.layout == "NCHW" else (1, 2)
    corner = [slice(None)] * 4
    corner[axes[0]], corner[axes[1]] = slice(0, 4), slice(nets.SIDE - 4, nets.SIDE)
    changed[tuple(corner)] *= -1
    before, after = (
        first.to_maps(net.ort.activations(v, [first.name])[first.name]) for v in (x, changed)
    )
    moved = np.abs(after - before).max(axis=(0, 1))
    rows, columns = first.grid
    assert moved[0, columns - 1] > 0
    assert not moved[rows // 2 :].any()
    assert not moved[:, : columns // 2].any()


HEAD = [
    node("GlobalAveragePool", ["last"], ["p"]),
    node("Flatten", ["p"], ["e"]),
    node("MatMul", ["e", "w"], ["scores"]),
]
CONV = node("Conv", ["image", "k"], ["c"], pads=[1, 1, 1, 1])
WEIGHTS = {"k": graphs.weights(6, 3, 3, 3), "w": graphs.weights(6, 4)}


@pytest.mark.parametrize(
    ("behind", "constants"),
    [
        ([node("MaxPool", ["r"], ["last"], kernel_shape=[2, 2], strides=[2, 2])], {}),
        ([node("AveragePool", ["r"], ["last"], kernel_shape=[2, 2], strides=[2, 2])], {}),
        (
            [
                node("Transpose", ["r"], ["t"], perm=[0, 2, 3, 1]),
                node("Transpose", ["t"], ["last"], perm=[0, 3, 1, 2]),
            ],
            {},
        ),
        ([node("Reshape", ["r", "s"], ["last"])], {"s": np.array([0, 0, 8, 8])}),
    ],
    ids=["MaxPool", "AveragePool", "Transpose", "Reshape"],
)
def test_of_tensors_that_say_the_same_the_finest_is_chosen(behind, constants):
    net = opened([CONV, node("Relu", ["c"], ["r"]), *behind, *HEAD], {**WEIGHTS, **constants})
    assert net.layer(None).name == "r"
    assert net.layer(None).grid == (8, 8)


def test_pooling_of_the_picture_itself_is_no_layer():
    nodes = [
        node("AveragePool", ["image"], ["a"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["a"], ["e"]),
        node("MatMul", ["e", "w"], ["scores"]),
    ]
    net = opened(nodes, {"w": graphs.weights(48, 4)})
    assert net.layers == []
    with pytest.raises(MethodRefusedError, match="name one with --layer: a "):
        net.layer(None)
    assert net.layer("a").grid == (4, 4)


def test_maps_of_one_place_are_no_layer():
    wide = {"k": graphs.weights(6, 3, 8, 8), "w": graphs.weights(6, 4)}
    nodes = [
        node("Conv", ["image", "k"], ["c"]),
        node("Flatten", ["c"], ["e"]),
        node("MatMul", ["e", "w"], ["scores"]),
    ]
    assert opened(nodes, wide).layers == []


def test_a_layer_by_name_and_a_name_that_is_none():
    net = opened([CONV, node("Relu", ["c"], ["last"]), *HEAD], WEIGHTS)
    assert net.layer("c").op_type == "Conv"
    with pytest.raises(UnknownNameError, match="lists the layers"):
        net.layer("conv9")
    with pytest.raises(MethodRefusedError, match=r"'e' of shape .* has no height and width"):
        net.layer("e")
