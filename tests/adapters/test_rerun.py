"""The network behind a tensor, run alone, gives what the whole network gives."""

import nets
import numpy as np
import pytest
from handmade import context_of, model
from originals import difference

import onnxplain
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.graph import light


def rerun(context, x, layer, values, engine="ort"):
    return getattr(context.network, engine).rerun_from(x, layer, values, [output(context)])[
        output(context)
    ]


def output(context):
    return context.network.head.output


@pytest.mark.parametrize("name", list(nets.NETS))
def test_other_pictures_through_every_layer(name):
    """A layer's values of other pictures give their scores: all that matters passes it."""
    made = nets.exported(name)
    on = context_of(made.proto)
    # A shortcut passes by the normalisation in a transformer's block.
    layers = [la for la in on.network.layers if la.op_type != "LayerNormalization"]
    pictures = nets.images(name, 5, seed=3).astype(np.float32)
    for layer in layers[:: max(1, len(layers) // 3)]:
        found = on.network.ort.activations(pictures, [layer.name, output(on)])
        for engine in ("ort", "torch"):
            again = rerun(on, made.x.astype("f4"), layer.name, found[layer.name], engine)
            assert difference(again, found[output(on)]) < 1e-4


def branching(batch="N"):
    rng = np.random.default_rng(0)
    body = """
        a = Relu(image) b = Conv<pads = [1,1,1,1]>(a, k) c = Add(a, b)
        p = GlobalAveragePool(c) s = Shape(image) n = Slice(s, zero, one, zero)
        t = Concat<axis = 0>(n, minus) f = Reshape(p, t) scores = MatMul(f, w)
    """
    weights = {"k": rng.normal(size=(3, 3, 3, 3)), "w": rng.normal(size=(3, 4))}
    shapes = {"zero": [0], "one": [1], "minus": [-1]}
    weights |= {n: np.array(v, np.int64) for n, v in shapes.items()}
    return model(body, weights, image=f"float[{batch},3,6,6] image")


@pytest.mark.parametrize("batch", ["N", 4])
@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_a_shortcut_belongs_to_the_picture(batch, batch_size):
    """Only one branch changes; shapes measured in front keep the size of the batch."""
    on = context_of(branching(batch), batch_size=batch_size)
    rng = np.random.default_rng(1)
    for _ in range(2):  # another picture, the same session
        x = rng.normal(size=(1, 3, 6, 6)).astype("f4")
        values = rng.normal(size=(7, 3, 6, 6)).astype("f4")
        pooled = (np.maximum(x, 0) + values).mean((2, 3))
        expected = pooled @ on.network.graph.constant("w")
        assert difference(rerun(on, x, "b", values), expected) < 1e-5
        assert difference(rerun(on, x, "b", values[::-1]), expected) > 0.1
        assert difference(rerun(on, x, "b", values, "torch"), expected) < 1e-5


def test_inputs_that_are_bound_are_kept():
    body = "a = Relu(image) b = Mul(a, gain) p = GlobalAveragePool(b) scores = Flatten(p)"
    proto = model(body, image="float[N,3,6,6] image, float[1] gain")
    on = context_of(proto, bound={"gain": np.array([2.5], np.float32)})
    values = np.ones((2, 3, 6, 6), np.float32)
    for engine in ("ort", "torch"):
        found = rerun(on, np.zeros((1, 3, 6, 6), np.float32), "a", values, engine)
        np.testing.assert_allclose(found, 2.5)


def test_large_models_share_their_weights(monkeypatch):
    monkeypatch.setattr(light, "LARGE", 0)
    path = "models/efficientnet-lite0.onnx"
    network = onnxplain.load(path).network
    sizes = []
    opened = OrtAdapter._open_part
    monkeypatch.setattr(
        OrtAdapter,
        "_open_part",
        lambda self, file, weights: sizes.append(len(file)) or opened(self, file, weights),
    )
    layer = network.layers[0].name
    x = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype("f4")
    found = network.ort.activations(x, [layer, network.head.output])
    values = np.repeat(found[layer], 3, axis=0)
    again = network.ort.rerun_from(x, layer, values, [network.head.output])
    assert difference(again[network.head.output], found[network.head.output].repeat(3, 0)) < 1e-5
    assert len(sizes) == 1
    assert sizes[0] < 10_000
