"""Where the cells of a layer answer: right ones agree, and moved ones do not."""

import dataclasses

import graphs
import nets
import numpy as np
import pytest
from handmade import model

import onnxplain
from onnxplain.adapters.placement import _code_grid, measure_placement
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.prepare import prepare
from onnxplain.network.chosen_layer import named_layer
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import _centres, measured, placement

SHIPPED = (
    "digits-gap digits-keras digits-softmax digits-vit fashion-cnn flowers-fc flowers-gap "
    "efficientnet-lite0 efficientnet-lite0-int8"
).split()


def moved(network, layer, seed=0):
    """The layer with its cells in another order, which is wrong."""
    count = layer.grid[0] * layer.grid[1]
    own = np.arange(count) + layer.prefix if layer.order is None else layer.order
    order = own[np.random.default_rng(seed).permutation(count)]
    return dataclasses.replace(layer, order=order)


def flipped(network, layer):
    """The layer upside down, which is wrong."""
    count = layer.grid[0] * layer.grid[1]
    own = np.arange(count) + layer.prefix if layer.order is None else layer.order
    return dataclasses.replace(layer, order=own.reshape(layer.grid)[::-1].ravel())


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_agree(name):
    network = onnxplain.load(f"models/{name}.onnx").network
    assert network.layers
    for layer in {network.layers[0], network.layers[-1]}:
        assert placement(network, layer).verdict == "agrees", layer


@pytest.mark.parametrize("name", ["digits-vit", "digits-gap", "fashion-cnn", "flowers-gap"])
@pytest.mark.parametrize("wrong", [moved, flipped])
def test_moved_cells_of_shipped_models_never_agree(name, wrong):
    network = onnxplain.load(f"models/{name}.onnx").network
    for layer in {network.layers[0], network.layers[-1]}:
        assert measured(network, wrong(network, layer)).verdict != "agrees", layer


@pytest.mark.parametrize("name", nets.NETS)
def test_small_networks_are_never_said_to_answer_elsewhere(name):
    network = Network(prepare(nets.exported(name).proto))
    for layer in network.layers:
        assert placement(network, layer).verdict in ("agrees", "undecided"), layer


@pytest.mark.parametrize("seed", range(3))
def test_a_measured_order_is_the_one_that_was_made(seed):
    network = onnxplain.load("models/digits-vit.onnx").network
    layer = network.layer(None)
    wrong = moved(network, layer, seed)
    found = measured(network, wrong)
    assert found.verdict == "permuted"
    np.testing.assert_array_equal(wrong.order[found.order], np.arange(16) + layer.prefix)


def test_a_layer_that_looks_at_the_mirrored_place_is_refused():
    """Each cell sees its own place a little, and the mirrored one, with its neighbours, well."""
    turned = np.eye(64)[::-1] @ np.kron(np.eye(8) + np.eye(8, k=1), np.eye(8)) + 0.05 * np.eye(64)
    body = (
        "a = Conv<strides: ints = [4, 4]>(image, k) f = Reshape(a, flat) m = MatMul(f, turned) "
        "r = Reshape(m, maps) y = Add(r, a) g = GlobalAveragePool(y) s = Flatten(g) "
        "scores = Gemm(s, w)"
    )
    weights = {
        "k": graphs.weights(6, 3, 4, 4),
        "turned": 20 * turned,
        "flat": np.array([0, 0, -1]),
        "maps": np.array([0, 0, 8, 8]),
        "w": graphs.weights(6, 4, seed=1),
    }
    network = Network(prepare(model(body, weights, image="float[N,3,32,32] image")))
    with pytest.raises(MethodRefusedError, match="does not respond where its grid says") as caught:
        network.layer("y")
    assert "\n" not in str(caught.value)
    assert network.layer("a").grid == (8, 8)


def test_a_gate_of_the_whole_picture_is_no_place():
    """All cells answer to everything, and to their own place a little."""
    body = (
        "a = Conv<strides: ints = [4, 4]>(image, k) m = GlobalAveragePool(a) t = Mul(m, ten) "
        "e = Sigmoid(t) y = Mul(a, e) g = GlobalAveragePool(y) s = Flatten(g) scores = Gemm(s, w)"
    )
    weights = {
        "k": graphs.weights(6, 3, 4, 4), "w": graphs.weights(6, 4, seed=1), "ten": np.full(1, 10.0)
    }  # fmt: skip
    network = Network(prepare(model(body, weights, image="float[N,3,32,32] image")))
    assert placement(network, named_layer(network, "y")).verdict == "agrees"


def test_a_layer_that_does_not_answer_is_undecided():
    body = (
        "a = Conv<strides: ints = [4, 4]>(image, k) z = Mul(a, zero) y = Add(z, one) "
        "g = GlobalAveragePool(y) s = Flatten(g) scores = Gemm(s, w)"
    )
    weights = {
        "k": graphs.weights(6, 3, 4, 4), "w": graphs.weights(6, 4, seed=1),
        "zero": np.zeros(1), "one": np.ones(1),
    }  # fmt: skip
    network = Network(prepare(model(body, weights, image="float[N,3,32,32] image")))
    assert placement(network, network.layer("y")).verdict == "undecided"


def test_it_is_measured_once(monkeypatch):
    network = onnxplain.load("models/digits-gap.onnx").network
    network.layer(None)
    monkeypatch.setattr(type(network.ort), "activations", None)
    network.layer(None)


@pytest.mark.parametrize("batch", [None, 4])
def test_pictures_run_one_by_one_or_as_many_as_the_file_wants(batch):
    network = onnxplain.load("models/digits-gap.onnx").network
    layer = network.layers[0]
    image, asked = dataclasses.replace(network.image, batch=batch), []

    class Counting:
        def activations(self, x, names):
            asked.append(len(x))
            return network.ort.activations(x, names)

    found = measure_placement(Counting(), image, layer, _centres(network, layer), network.example())
    assert asked == [batch or 1] * (16 // (batch or 1))
    assert found.verdict == "agrees"


def test_places_that_follow_from_the_graph_are_believed_of_a_very_large_layer(monkeypatch):
    network = onnxplain.load("models/digits-gap.onnx").network
    layer = network.layers[0]

    def measure(derived):
        return measure_placement(
            network.ort, network.image, layer, _centres(network, layer), network.example(),
            derived=derived,
        ).verdict  # fmt: skip

    assert measure(True) == "agrees"
    monkeypatch.setattr("onnxplain.adapters.placement._BELIEVED", layer_size(layer))
    assert (measure(True), measure(False)) == ("undecided", "agrees")


def layer_size(layer):
    return layer.channels * layer.grid[0] * layer.grid[1]


@pytest.mark.parametrize(
    "grid", [(1, 1), (1, 65_536), (65_536, 1), (2, 32_768), (300, 300), (7, 7), (1, 200), (99, 3)]
)
def test_even_the_thinnest_grid_has_places_and_not_too_many(grid):
    rows, columns = _code_grid(grid)
    assert 1 <= rows <= grid[0]
    assert 1 <= columns <= grid[1]
    assert rows * columns <= 256


@pytest.mark.parametrize("size", [(1, 4096), (4096, 1), (2, 3000)])
def test_an_extremely_thin_picture_has_layers_that_agree(size):
    proto = model(
        "c = Conv<pads = [1, 1, 1, 1]>(image, k) r = Relu(c) p = GlobalAveragePool(r) "
        "f = Flatten(p) scores = MatMul(f, w)",
        {}, k=np.random.default_rng(0).normal(size=(4, 3, 3, 3)), w=np.eye(4, 2),
    )  # fmt: skip
    for axis, length in zip((2, 3), size, strict=True):
        proto.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = length
    network = Network(prepare(proto))
    assert network.image.size == size
    assert placement(network, network.layers[0]).verdict == "agrees"
