"""Taking the weights away: which constants, in which order, and with what in their place."""

import numpy as np
import pytest
from detector_forms import SIDE, written
from handmade import model

import onnxplain
from onnxplain.errors import UnsupportedModelError
from onnxplain.evaluate.randomise import (
    RandomisedModels,
    learned_layers,
    randomised,
    shuffled,
    stages,
)
from onnxplain.graph.prepare import prepare

RNG = np.random.default_rng(0)
WEIGHTS = {
    "k": RNG.normal(3.0, 2.0, (4, 3, 3, 3)),
    "kb": RNG.normal(size=4),
    "scale": np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1),
    "w": RNG.normal(size=(4, 5)),
    "b": RNG.normal(size=5),
}
BODY = (
    "c = Conv<pads: ints = [1,1,1,1]>(image, k, kb) r = Relu(c) s = Mul(r, scale) "
    "p = GlobalAveragePool(s) f = Flatten(p) scores = Gemm(f, w, b)"
)


@pytest.fixture
def graph():
    return prepare(model(BODY, WEIGHTS))


def test_layers_come_from_the_output_on_and_scales_are_no_weights(graph):
    layers = learned_layers(graph, "scores")
    assert [(layer.node.op_type, layer.constants) for layer in layers] == [
        ("Gemm", ("w", "b")),
        ("Conv", ("k", "kb")),
    ]


def test_only_what_the_tensor_is_computed_from(graph):
    assert [layer.node.op_type for layer in learned_layers(graph, "f")] == ["Conv"]


def test_a_graph_without_weights_is_refused():
    plain = prepare(model("r = Relu(image) p = GlobalAveragePool(r) scores = Flatten(p)"))
    with pytest.raises(UnsupportedModelError, match="no weights"):
        learned_layers(plain, "scores")


def test_new_weights_have_mean_zero_and_the_old_spread(graph):
    layers = learned_layers(graph, "scores")
    lost = randomised(graph, layers[1:], seed=3)
    old, new = graph.constant("k"), lost.constant("k")
    assert new.dtype == old.dtype
    assert np.std(new) == pytest.approx(np.std(old), rel=0.2)
    assert abs(new.mean()) < 0.6  # the old mean is 3
    np.testing.assert_array_equal(lost.constant("w"), graph.constant("w"))
    again, other = (randomised(graph, layers[1:], seed=s).constant("k") for s in (3, 4))
    np.testing.assert_array_equal(again, new)
    assert not np.array_equal(other, new)


def test_integer_weights_behind_a_dequantisation_are_shuffled():
    quantised = RNG.integers(-128, 128, (4, 5)).astype(np.int8)
    body = (
        "p = GlobalAveragePool(image) f = Flatten(p) d = DequantizeLinear(q, s) "
        "scores = MatMul(f, d)"
    )
    graph = prepare(model(body, q=quantised[:3], s=np.array(0.1, np.float32)))
    layers = learned_layers(graph, "scores")
    (name,) = layers[0].constants
    old, new = graph.constant(name), randomised(graph, layers, 0).constant(name)
    assert new.dtype == old.dtype
    np.testing.assert_array_equal(np.sort(new, axis=None), np.sort(old, axis=None))
    assert not np.array_equal(new, old)


@pytest.mark.parametrize(
    ("count", "steps", "wanted"), [(10, 5, [2, 4, 6, 8, 10]), (3, 6, [1, 2, 3]), (49, 1, [49])]
)
def test_stages_are_even_and_end_with_everything(count, steps, wanted):
    found = stages(count, steps)
    assert found[-1] == count
    assert found == wanted


def test_stages_are_those_of_what_is_explained():
    """Of a detector's box, and of a tensor inside: layers beside it, or after it, do not count."""
    opened = onnxplain.load(written("v8"), preprocess="zero-one", device="cpu")
    picture = opened.read(RNG.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    lost = RandomisedModels(opened, steps=3)
    boxes = opened.resolve(picture, [str(k + 1) for k in range(8)])
    assert len({box.origin for box in boxes}) > 1
    for box in boxes:
        ways = opened.network.graph.ancestors(box.origin)
        ends = [end for _, end, _ in lost.stages(box)]
        assert len(ends) == 3
        assert set(ends) <= ways
        for _, _, other in lost.stages(box):
            values = other.network.ort.activations(picture.x, box.tensors)
            assert box.score(values) != box.score(
                opened.network.ort.activations(picture.x, box.tensors)
            )
    inner = next(iter(opened.resolve(picture, ["/first/first.1/Relu_output_0[0, 0, 0]"])))
    assert {end for _, end, _ in lost.stages(inner)} == {"/first/first.0/Conv_output_0"}


def test_shuffled_weights_are_the_same_numbers_at_other_places():
    opened = onnxplain.load(model(BODY, WEIGHTS), preprocess="zero-one", device="cpu")
    first, again, other = (shuffled(opened, "scores", seed) for seed in (1, 1, 2))
    for name, values in WEIGHTS.items():
        old, new = (m.network.graph.constant(name) for m in (opened, first))
        np.testing.assert_array_equal(np.sort(new, axis=None), np.sort(old, axis=None))
        np.testing.assert_array_equal(again.network.graph.constant(name), new)
        if name != "scale":  # no weights: it stays
            assert not np.array_equal(new, old), values.shape
    assert not np.array_equal(first.network.graph.constant("k"), other.network.graph.constant("k"))
    np.testing.assert_array_equal(
        first.network.graph.constant("scale"), opened.network.graph.constant("scale")
    )
