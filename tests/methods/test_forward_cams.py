"""Score-CAM, Ablation-CAM and Recipro-CAM: pytorch-grad-cam's numbers, and closed forms."""

import json
from pathlib import Path

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of
from integer_sums import needs_exact_sums
from noise import require_float32
from originals import difference, pair

import onnxplain
from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.graph.quantised import quantisation_step
from onnxplain.methods import find
from onnxplain.network.network import Network

STORED = json.loads((Path(__file__).parents[1] / "oracles/forward_cams.json").read_text("utf-8"))
CASES = [(method, name) for method, maps in STORED["maps"].items() for name in maps]
CLASS = 2
# Theirs multiplies the model's input with the mask.
AS_THEIRS = {"score-cam": {"fill_with": "0"}}
METHODS = ("score-cam", "ablation-cam", "recipro-cam")


@pytest.mark.parametrize(("method", "name"), CASES)
def test_pytorch_grad_cam(method, name):
    theirs = np.array(STORED["maps"][method][name])
    made, target = pair(name), STORED["targets"][name]
    options = AS_THEIRS.get(method, {})
    found = made.double.explain(made.x, method, target, **{"kind": "logit", **options})
    if method == "ablation-cam" and found.score < 0:  # theirs divides by the score, sign included
        theirs = -theirs
    assert difference(found.attribution, theirs) < max(1e-6, rounding_of(made, found, theirs))
    other = made.double.explain(made.x, method, target - 1, **{"kind": "logit", **options})
    assert difference(other.attribution, theirs) > 1e-2


def rounding_of(made, found, theirs):
    """What theirs loses in Ablation-CAM: it keeps the scores in float32, whatever the network.

    Each weight (S - S_k) / S is off by a rounding of S_k / S at most, and is multiplied with its
    map.
    """
    if found.method != "ablation-cam":
        return 0.0
    layer = made.double.network.layer(found.layer)
    maps = layer.to_maps(made.double.network.torch.activations(made.x, [layer.name])[layer.name])
    rounding = np.finfo(np.float32).eps * np.abs(maps[0]).sum(axis=0).max()
    return rounding / np.abs(theirs).max()


@pytest.fixture(scope="module")
def pooled():
    """1 x 1 convolution, ReLU, global average, linear layer; its matrices."""
    rng = np.random.default_rng(2)
    kernel, weight = rng.normal(size=(5, 3)), rng.normal(size=(4, 5))
    body = """
        c = Conv(image, k) a = Relu(c) p = GlobalAveragePool(a) f = Flatten(p)
        scores = Gemm<transB = 1>(f, w, b)
    """
    bias = np.array([0.5, -0.25, 0.75, 1.0])
    proto = model(body, k=kernel[:, :, None, None], w=weight, b=bias)
    rounded = [m.astype("f4").astype("f8") for m in (kernel, weight)]
    return context_of(proto, PyTorchOnly), *rounded


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).uniform(-1, 1, (2, 3, 6, 6)).astype("f4")


def run(name, context, x, index=CLASS, **parameters):
    return find(name).function(context, x, target_of(context, index), **parameters)


def maps_of(kernel, x):
    return np.maximum(np.einsum("kc,nchw->nkhw", kernel, x), 0)


def test_ablation_weights_behind_a_linear_head(pooled, x):
    """w_k = weight of the class times the map's mean, over the score."""
    context, kernel, weight = pooled
    maps = maps_of(kernel, x)
    shares = weight[CLASS] * maps.mean((2, 3))
    scores = shares.sum(1) + 0.75
    expected = np.einsum("nkhw,nk->nhw", maps, shares / np.abs(scores)[:, None])
    found = run("ablation-cam", context, x)
    assert difference(found.values, expected) < 1e-5
    assert found.layer == "a"


def test_recipro_cam_of_one_place_is_cam_over_the_places(pooled, x):
    context, _, _ = pooled
    found = run("recipro-cam", context, x, mask="delta")
    assert difference(found.values, run("cam", context, x).values / 36) < 1e-5


def test_recipro_cam_of_a_gaussian_is_smoothed_cam(pooled, x):
    context, _, _ = pooled
    cam = np.pad(run("cam", context, x).values / 36, ((0, 0), (1, 1), (1, 1)))
    expected = np.zeros((2, 6, 6))
    for i, down in enumerate((0.25, 0.5, 0.25)):
        for j, right in enumerate((0.25, 0.5, 0.25)):
            expected += down * right * cam[:, i : i + 6, j : j + 6]
    found = run("recipro-cam", context, x)
    assert difference(found.values, expected) < 1e-5


def test_score_cam_of_two_maps_by_hand(x):
    """The layer has the picture's size, so that nothing is enlarged."""
    kernel = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]])
    weight = np.random.default_rng(3).normal(size=(4, 2)) * 5
    body = """
        c = Conv(image, k) a = Relu(c) p = GlobalAveragePool(a) f = Flatten(p)
        scores = Gemm<transB = 1>(f, w)
    """
    context = context_of(model(body, k=kernel[:, :, None, None], w=weight))
    for n in range(len(x)):
        maps = maps_of(kernel, x[n : n + 1])[0]
        masks = maps / maps.max((1, 2), keepdims=True)  # a ReLU's smallest value is 0
        seen = -1 + masks[:, None] * (x[n] + 1)  # black is -1
        scores = weight[CLASS] @ maps_of(kernel, seen).mean((2, 3)).T
        weights = np.exp(scores) / np.exp(scores).sum()
        assert 0.01 < weights[0] < 0.99
        found = run("score-cam", context, x[n : n + 1])
        assert difference(found.values[0], np.einsum("k,khw->hw", weights, maps)) < 1e-5


def test_score_cam_of_the_strongest_maps(pooled, x):
    context, kernel, _ = pooled
    maps = maps_of(kernel, x[:1])[0]
    strongest = np.linalg.norm(maps, axis=(1, 2)).argmax()
    found = run("score-cam", context, x[:1], channels=1)
    assert difference(found.values[0], maps[strongest]) < 1e-6
    assert found.parameters == {"channels": 1}
    assert run("score-cam", context, x[:1]).parameters == {"channels": 5}


@pytest.mark.parametrize("method", ["score-cam", "ablation-cam"])
def test_time_ends_it_with_the_map_of_fewer_channels(method):
    made = nets.exported("mobilenet")
    context, x = context_of(made.proto, batch_size=5), made.x.astype("f4")
    hurried = run(method, context, x, 3, max_seconds=1e-9)
    assert hurried.notes["sampling_ended"] == ["time"]
    assert hurried.measures["channels"] == [5]
    fewer, whole = run(method, context, x, 3, channels=5), run(method, context, x, 3)
    np.testing.assert_array_equal(hurried.values, fewer.values)
    assert fewer.notes["sampling_ended"] == whole.notes["sampling_ended"] == ["all samples"]
    assert whole.measures["channels"] == [24]
    assert difference(hurried.values, whole.values) > 1e-3
    patient = run(method, context, x, 3, max_seconds=1e6)
    np.testing.assert_array_equal(patient.values, whole.values)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["resnet", "tensorflow", "vit", "windows"])
def test_both_engines(method, name):
    made = nets.exported(name)
    x = made.x.astype("f4")
    by_ort, exact = (context_of(made.proto, kind) for kind in (Network, PyTorchOnly))
    wanted = run(method, exact, x, 3)
    require_float32(lambda x: run(method, by_ort, x, 3).values, x, wanted.values)
    assert run(method, by_ort, x, 3).layer == wanted.layer


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_changes_nothing(method, batch_size):
    made = nets.exported("mobilenet")
    x = nets.images("mobilenet", 2, seed=3).astype("f4")
    one, other = (
        run(method, context_of(made.proto, batch_size=b), x, 3).values for b in (None, batch_size)
    )
    assert difference(one, other) < 1e-4


def test_only_the_head_runs_again(pooled, x, monkeypatch):
    context, _, _ = pooled
    counted = []
    whole = type(context.network.torch).activations
    monkeypatch.setattr(
        type(context.network.torch),
        "activations",
        lambda self, x, names: counted.append(len(x)) or whole(self, x, names),
    )
    for name in ("ablation-cam", "recipro-cam"):
        counted.clear()
        run(name, context, x)
        assert counted == [2]


@needs_exact_sums
def test_the_int8_file_itself_is_explained():
    """What one place does is few steps of the quantised logits; what one map does adds up."""
    models = [onnxplain.load(f"models/efficientnet-lite0{form}.onnx") for form in ("", "-int8")]
    network = models[1].network
    step = quantisation_step(network.graph, network.head.logits)
    cat = "examples/photos/chelsea.png"
    wanted, found = (m.explain(cat, "recipro-cam", 282, kind="logit").attribution for m in models)
    assert np.abs(found - wanted).max() < step < np.abs(wanted).max() / 4
    wanted, found = (m.explain(cat, "ablation-cam", 282, kind="logit").attribution for m in models)
    assert np.corrcoef(wanted.ravel(), found.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("recipro-cam", {"mask": "delat"}, UnknownNameError, "nearest: 'delta'"),
        ("score-cam", {"channels": 0}, UsageError, "channels 0"),
        ("ablation-cam", {"channels": 6}, UsageError, "ablation-cam: channels 6"),
        ("score-cam", {"channels": 6}, UsageError, "'a' has 5"),
        ("ablation-cam", {"layer": "scores"}, MethodRefusedError, "no height and width"),
    ],
)
def test_what_makes_no_sense_is_refused(pooled, x, name, options, error, message):
    with pytest.raises(error, match=message):
        run(name, pooled[0], x, **options)


@pytest.mark.parametrize("method", METHODS)
def test_quantised_numbers_stand_for_others(method, x):
    body = """
        q = QuantizeLinear(image, step, zero) d = DequantizeLinear(q, step, zero)
        p = GlobalAveragePool(d) f = Flatten(p) scores = MatMul(f, w)
    """
    more = {"step": np.array(0.02, "f4"), "zero": np.array(30, "i1")}
    context = context_of(model(body, w=np.random.default_rng(0).normal(size=(3, 4)), **more))
    # A mask of halves would put values beside the whole numbers.
    options = {"mask": "delta"} if method == "recipro-cam" else {}
    found, wanted = (run(method, context, x, layer=n, **options).values for n in ("q", "d"))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_of_unknown_scale_are_refused(method, x):
    body = """
        q, step, zero = DynamicQuantizeLinear(image) d = DequantizeLinear(q, step, zero)
        p = GlobalAveragePool(d) f = Flatten(p) scores = MatMul(f, w)
    """
    context = context_of(model(body, w=np.ones((3, 4))))
    with pytest.raises(MethodRefusedError, match="holds uint8 numbers"):
        run(method, context, x, layer="q")
