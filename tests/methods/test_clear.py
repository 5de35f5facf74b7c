"""CLEAR: closed forms, a transcription layer by layer, and one map for one function."""

import functools

import numpy as np
import pytest
import torch
from handmade import context_of, model, target_of
from integer_sums import needs_exact_sums
from originals import CAT, LITE0, ROOT, difference, pair
from torch import nn
from torch.nn import functional

import onnxplain
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.methods import find
from onnxplain.targets.target import Target
from tests.engines import back_project

WAYS = ("none", "gradient", "deconvnet", "guided")
SIGNED = {"positive": False}
RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (2, 3, 6, 6))
KERNELS = {
    "w": RNG.normal(size=(5, 3, 3, 3)).astype(np.float32),
    "b": RNG.normal(size=5).astype(np.float32),
    "u": RNG.normal(size=(4, 5)).astype(np.float32),
    "a": RNG.normal(size=4).astype(np.float32),
}
STEM = "c = Conv<pads = [1,1,1,1], strides = [2,2]>(image, w, b) s = Relu(c) "
LINEAR_HEAD = STEM + "p = GlobalAveragePool(s) f = Flatten(p) scores = Gemm<transB = 1>(f, u, a)"


def clear(proto, x, index=1, **options):
    context = context_of(proto)
    return find("clear").function(context, x, target_of(context, index), **options)


def with_linear_head(order=slice(None)):
    return model(LINEAR_HEAD, KERNELS | {"u": KERNELS["u"][order], "a": KERNELS["a"][order]})


def test_a_linear_model_in_closed_form():
    weight = RNG.normal(size=(4, 108)).astype(np.float32).astype(np.float64)
    bias = RNG.normal(size=4).astype(np.float32).astype(np.float64)
    proto = model("f = Flatten(image) scores = Gemm<transB = 1>(f, w, b)", w=weight, b=bias)
    found = clear(proto, X, relu="none", **SIGNED)
    z = X.reshape(2, -1) @ weight.T + bias
    expected = z[:, :, None, None, None] * weight.reshape(4, 3, 6, 6)
    assert difference(found.values, expected[:, 1]) < 1e-12
    responses = expected.sum(axis=2)
    assert difference(found.maps["responses"], responses) < 1e-12
    np.testing.assert_array_equal(found.maps["dominant_class"], responses.argmax(axis=1))
    np.testing.assert_array_equal(found.maps["opposing_class"], responses.argmin(axis=1))
    assert difference(found.maps["dominant_response"], responses.max(axis=1)) < 1e-12
    assert difference(found.maps["opposing_response"], responses.min(axis=1)) < 1e-12
    positive = np.maximum(responses.max(axis=1), 0)
    own = (positive * (responses.argmax(axis=1) == 1)).sum((1, 2)) / positive.sum((1, 2))
    np.testing.assert_allclose(found.measures["dominance"], own, rtol=1e-10)


def test_two_classes_that_look_at_one_half_each():
    halves = np.zeros((1, 2, 6, 6), np.float32)
    halves[:, 0, :, :3] = halves[:, 1, :, 3:] = 1
    proto = model(
        "c = Conv(image, w) m = Mul(c, halves) p = GlobalAveragePool(m) scores = Flatten(p)",
        w=np.ones((2, 3, 1, 1), np.float32),
        halves=halves,
    )
    bright = np.abs(X) + 0.1
    found = clear(proto, bright)
    wanted = np.broadcast_to([0, 0, 0, 1, 1, 1], (2, 6, 6))
    np.testing.assert_array_equal(found.maps["dominant_class"], wanted)
    # The response stands where it arose: each pixel gets the sum over its own channels.
    z = bright.sum(1, keepdims=True) * wanted[:, None]
    assert difference(found.values, z.repeat(3, 1)) < 1e-12


@pytest.mark.parametrize("relu", WAYS)
def test_the_order_of_the_classes_does_not_matter(relu):
    order = np.array([2, 0, 3, 1])
    plain = clear(with_linear_head(), X, relu=relu)
    moved = clear(with_linear_head(order), X, relu=relu)
    assert difference(moved.maps["responses"], plain.maps["responses"][:, order]) < 1e-12
    for kind in ("dominant_class", "opposing_class"):
        before = plain.maps[kind]
        renamed = np.where(before < 0, before, np.argsort(order)[before])
        np.testing.assert_array_equal(moved.maps[kind], renamed)
    assert len(np.unique(plain.maps["dominant_class"])) > 1


@pytest.mark.parametrize(("relu", "adds_up"), [("none", 1), ("gradient", 1), ("deconvnet", 0)])
def test_all_classes_add_up_to_the_whole_layer(relu, adds_up):
    context = context_of(with_linear_head())
    found = find("clear").function(context, X, target_of(context, 1), relu=relu, **SIGNED)
    engine = context.network.torch
    maps = engine.activations(X, ["s"])["s"]
    u = KERNELS["u"].astype(float)
    z = np.einsum("nkhw,ck->nchw", maps, u) + KERNELS["a"].astype(float)[:, None, None]
    way = {"none": "linear", "gradient": None, "deconvnet": "deconvnet"}[relu]
    whole = np.einsum("nchw,ck->nkhw", z, u)[:, None]
    projected = back_project(engine, X, "s", whole, rectify=way)[:, 0].sum(axis=1)
    assert (difference(found.maps["responses"].sum(axis=1), projected) < 1e-10) == bool(adds_up)


def transcribed(net, x, relu):
    """R(x|c) for all classes of a VGG-like network: each layer undone in turn, as published."""
    layers = [*net.features, *net.head]
    signals, trail = torch.from_numpy(x).double(), []
    for layer in layers:
        entering = signals
        if isinstance(layer, nn.MaxPool2d):
            signals, switches = functional.max_pool2d(signals, 2, return_indices=True)
            trail.append((layer, entering, switches))
        else:
            signals = layer(signals)
            trail.append((layer, entering, None))
    z = signals[0]
    R = torch.diag(z)  # one row for each class: all kernels of the last layer but its own are zero
    for layer, entering, switches in reversed(trail):
        if isinstance(layer, nn.Linear):
            R = R @ layer.weight
        elif isinstance(layer, nn.Flatten):
            R = R.reshape(-1, *entering.shape[1:])
        elif isinstance(layer, nn.Conv2d):
            R = functional.conv_transpose2d(R, layer.weight, padding=layer.padding)
        elif isinstance(layer, nn.MaxPool2d):
            each = switches.expand(len(R), -1, -1, -1)
            R = functional.max_unpool2d(R, each, 2, output_size=entering.shape[2:])
        else:
            if relu in ("deconvnet", "guided"):
                R = R.clamp(min=0)
            if relu in ("gradient", "guided"):
                R = R * (entering > 0)
    return R.detach().numpy()


@pytest.mark.parametrize("relu", WAYS)
def test_a_vgg_layer_by_layer(relu):
    made = pair("vgg")
    expected = transcribed(made.net, made.x, relu)
    others = [transcribed(made.net, made.x, other) for other in WAYS if other != relu]
    found = made.double.explain(made.x, "clear", 3, relu=relu, **SIGNED)
    assert difference(found.attribution, expected[3]) < 1e-10
    assert difference(found.maps["responses"], expected.sum(axis=1)) < 1e-10
    assert min(difference(found.attribution, other[3]) for other in others) > 0.1


def class_maps(net, name, x):
    """Response of the last layer at each place, (1, K, h, w), from the original network."""
    if name == "squeeze":
        return net.classes[:2](net.features(x))
    if name == "resnet":
        maps = net.layer2(net.layer1(net.stem(x)))
        return net.fc(maps.movedim(1, -1)).movedim(-1, 1)
    maps = net.conv1(x.permute(0, 3, 1, 2)).relu()
    return net.dense(net.conv2(maps).relu().movedim(1, -1)).movedim(-1, 1)


@pytest.mark.parametrize("name", ["squeeze", "resnet", "tensorflow"])
@pytest.mark.parametrize("positive", [False, True])
def test_heads_that_average_on_the_original_network(name, positive):
    """R(x|c) is the derivative of half the squared response, summed over its places."""
    made = pair(name)
    x = torch.from_numpy(made.x).double().requires_grad_()
    z = class_maps(made.net, name, x)
    z = z.clamp(min=0) if positive else z
    halves = z.square().sum((2, 3))[0] / 2
    expected = [torch.autograd.grad(half, x, retain_graph=True)[0][0].numpy() for half in halves]
    best, second = np.argsort([-float(half.detach()) for half in halves])[:2]
    found = made.double.explain(made.x, "clear", int(best), positive=positive)
    assert difference(found.attribution, expected[best]) < 1e-10
    assert difference(found.attribution, expected[second]) > 0.1
    channels = -1 if name == "tensorflow" else 0
    summed = np.stack([e.sum(axis=channels) for e in expected])
    assert difference(found.maps["responses"], summed) < 1e-10


@pytest.mark.parametrize("relu", WAYS)
def test_averaging_before_or_after_the_last_layer_is_one_function(relu):
    after = STEM + "m = Conv(s, v, a) p = GlobalAveragePool(m) scores = Flatten(p)"
    kernels = KERNELS["u"][:, :, None, None]
    one, other = (
        clear(proto, X, relu=relu)
        for proto in (with_linear_head(), model(after, KERNELS, v=kernels))
    )
    assert one.notes["last_layer"] == "s"
    assert other.notes["last_layer"] == "m"
    assert difference(other.values, one.values) < 1e-12
    assert difference(other.maps["responses"], one.maps["responses"]) < 1e-12


def test_channels_last_is_the_same_map():
    body = "first = Transpose<perm = [0, 3, 1, 2]>(picture) " + LINEAR_HEAD.replace(
        "image", "first"
    )
    proto = model(body, KERNELS, image="float[N,6,6,3] picture")
    found, plain = clear(proto, np.moveaxis(X, 1, -1)), clear(with_linear_head(), X)
    assert difference(np.moveaxis(found.values, -1, 1), plain.values) < 1e-12
    assert difference(found.maps["responses"], plain.maps["responses"]) < 1e-12


def test_classes_with_negative_scores_do_not_compete():
    """Their negative kernels times their negative score would look like evidence."""
    low = model(LINEAR_HEAD, KERNELS | {"a": np.array([-90, 5, -90, -90], np.float32)})
    found = clear(low, X)
    assert set(np.unique(found.maps["dominant_class"])) == {-1, 1}
    assert not found.maps["responses"][:, [0, 2, 3]].any()
    nobody = found.maps["dominant_class"] < 0
    assert not found.maps["dominant_response"][nobody].any()
    signed = clear(low, X, **SIGNED)
    assert {0, 2, 3} & set(np.unique(signed.maps["dominant_class"]))
    assert difference(signed.maps["responses"][:, 1], found.maps["responses"][:, 1]) < 1e-12


@functools.cache
def many():
    rng = np.random.default_rng(1)
    stem = {"w": KERNELS["w"], "b": KERNELS["b"]}
    head = {"u": rng.normal(size=(30, 5)), "a": rng.normal(size=30)}
    return model(LINEAR_HEAD, stem | head)


def test_beyond_twenty_classes_the_ten_best_and_the_target_are_shown():
    context = context_of(many())
    scores = context.all_scores(X, target_of(context, 0))
    best = np.argsort(-scores, axis=1)
    worst = int(best[0, -1])
    found = clear(many(), X, worst)
    assert found.parameters["classes"] == 10
    assert found.maps["responses"].shape == (2, 10, 6, 6)
    np.testing.assert_array_equal(found.maps["classes"][0], [*best[0, :9], worst])
    everyone = clear(many(), X, worst, classes=30)
    same = everyone.maps["responses"][0, best[0, :9]]
    assert difference(found.maps["responses"][0, :9], same) < 1e-12
    assert set(np.unique(found.maps["dominant_class"][0])) <= {-1, *found.maps["classes"][0]}


def test_a_contrast_is_the_difference_of_two_maps():
    context = context_of(many())
    target = target_of(context, 3, contrast=7)
    found = find("clear").function(context, X, target, classes=2, **SIGNED)
    one, other = (clear(many(), X, k, **SIGNED).values for k in (3, 7))
    assert difference(found.values, one - other) < 1e-12
    assert set(found.maps["classes"][0]) == {3, 7}


def test_a_picture_in_a_batch_is_explained_as_alone():
    together = clear(many(), X, 3)
    for k in range(len(X)):
        alone = clear(many(), X[k : k + 1], 3)
        np.testing.assert_array_equal(alone.maps["classes"][0], together.maps["classes"][k])
        assert difference(alone.maps["responses"][0], together.maps["responses"][k]) < 1e-10


def test_refusals():
    proto = with_linear_head()
    for wrong, message in (
        ({"relu": "leaky"}, "allowed: none, gradient, deconvnet, guided"),
        ({"classes": 5}, "classes must be 1 to 4"),
        ({"classes": 0}, "classes must be 1 to 4"),
    ):
        with pytest.raises(UsageError, match=message):
            clear(proto, X, **wrong)
    context = context_of(proto)
    with pytest.raises(MethodRefusedError, match="logits"):
        find("clear").function(context, X, target_of(context, 0, "probability"))
    plain = model("f = Flatten(image) scores = Gemm<transB = 1>(f, w)", w=np.ones((4, 108)))
    with pytest.raises(MethodRefusedError, match="ReLU-like"):
        clear(plain, X, relu="guided")


def test_a_margin_is_over_the_strongest_other_class_of_each_picture():
    context = context_of(many())
    scores = context.all_scores(X, target_of(context, 0))
    found = find("clear").function(context, X, target_of(context, 3, margin=True), **SIGNED)
    for n in range(len(X)):
        rival = int(np.argmax(np.where(np.arange(30) == 3, -np.inf, scores[n])))
        one, other = (clear(many(), X[n : n + 1], k, **SIGNED).values for k in (3, rival))
        assert difference(found.values[n : n + 1], one - other) < 1e-10


def test_one_place_of_a_dense_output():
    """The response of a class at one place of a segmentation head starts there alone."""
    proto = model(
        STEM + "scores = Conv(s, v, a)",
        KERNELS,
        v=KERNELS["u"][:, :, None, None],
        output="float[N,4,3,3] scores",
    )
    context = context_of(proto)
    target = Target(1, "logit", "scores", "none", 4, position=(0, 2))
    found = find("clear").function(context, X, target, **SIGNED)
    assert found.maps["responses"].shape == (2, 4, 6, 6)
    z = context.network.torch.activations(X, ["scores"])["scores"]
    seed = np.zeros((2, 1, 4, 3, 3))
    seed[:, 0, 1, 0, 2] = z[:, 1, 0, 2]
    expected = back_project(context.network.torch, X, "scores", seed)[:, 0]
    assert difference(found.values, expected) < 1e-12
    assert not found.values[:, :, 3:].any()  # beyond what that place sees


@needs_exact_sums
def test_an_int8_file_responds_like_its_float_twin():
    found = [
        onnxplain.load(LITE0.with_name(name)).explain(CAT, "clear", 282, classes=3)
        for name in (LITE0.name, "efficientnet-lite0-int8.onnx")
    ]
    same = set(found[0].maps["classes"]) & set(found[1].maps["classes"])
    assert {282, 285} <= same
    for index in same:
        one, other = (
            e.maps["responses"][list(e.maps["classes"]).index(index)].ravel() for e in found
        )
        assert np.corrcoef(one, other)[0, 1] > 0.7


def test_everything_is_stored(tmp_path):
    model = onnxplain.load(ROOT / "models/fashion-cnn.onnx")
    found = model.explain(CAT, "clear")
    assert found.maps["responses"].shape == (10, 28, 28)
    for name in ("clear.npz", "clear.json"):
        found.save(tmp_path / name)
        again = onnxplain.Explanation.load(tmp_path / name)
        assert again.maps.keys() == found.maps.keys()
        for key, value in found.maps.items():
            np.testing.assert_array_equal(again.maps[key], value)
        assert again.measures["dominance"] == found.measures["dominance"]


@pytest.mark.parametrize(
    ("preset", "options"), [("photo", {"relu": "guided"}), ("equation", {"relu": "none", **SIGNED})]
)
def test_a_preset_stands_for_its_settings(preset, options):
    found, expected = (
        clear(with_linear_head(), X, preset=preset),
        clear(with_linear_head(), X, **options),
    )
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.parameters["relu"] == options["relu"]
    assert np.abs(found.values - clear(with_linear_head(), X).values).max() > 0
    for more in ({"relu": "none"}, {"positive": False}):
        with pytest.raises(UsageError, match=f"preset={preset} sets relu and positive itself"):
            clear(with_linear_head(), X, preset=preset, **more)
    with pytest.raises(UsageError, match="preset 'phot' is not known"):
        clear(with_linear_head(), X, preset="phot")
