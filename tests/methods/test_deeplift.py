"""DeepLIFT: Captum where it can, closed forms, and completeness on every graph."""

import copy

import captum.attr
import nets
import numpy as np
import pytest
import seeded
import torch
from handmade import context_of, model, target_of
from originals import difference, pair
from torch import nn

import onnxplain
from onnxplain.methods import find

TARGET = 3
NETS = ["vgg", "resnet", "mobilenet", "vit", "squeeze", "tensorflow", "windows", "branches", "mlp"]


def explain(made, **options):
    return made.double.explain(made.x, "deeplift", TARGET, **{"kind": "logit", **options})


def averaging_vgg():
    """The VGG-like network with average pooling.

    Captum 0.9.0's rule for max-pooling is no oracle: its own convergence delta is 0.6 on the
    max-pooling network, where completeness (below) holds for ours.
    """
    net = copy.deepcopy(nets.network("vgg"))
    for k, layer in enumerate(net.features):
        if isinstance(layer, nn.MaxPool2d):
            net.features[k] = nn.AvgPool2d(2)
    x = nets.images("vgg")
    proto = nets.export(net, torch.from_numpy(x).float())
    model = onnxplain.load(proto, precision="double", preprocess="minus-one-one")
    return net.double(), model, x.astype(np.float32)


@pytest.mark.parametrize("name", ["averaging-vgg", "mlp", "squeeze"])
@pytest.mark.parametrize("baseline", ["black", "white"])
def test_captum(name, baseline):
    """Captum needs every activation as a module of its own, and additions have no rule there."""
    if name == "averaging-vgg":
        net, opened, x = averaging_vgg()
    else:
        net, opened, x = pair(name).net, pair(name).double, pair(name).x
    start = np.full_like(x, -1.0 if baseline == "black" else 1.0)
    theirs, delta = captum.attr.DeepLift(net).attribute(
        torch.from_numpy(x).double().requires_grad_(),
        torch.from_numpy(start).double(),
        target=TARGET,
        return_convergence_delta=True,
    )
    assert abs(float(delta)) < 1e-8
    found = opened.explain(x, "deeplift", TARGET, baseline=baseline, kind="logit").attribution
    assert difference(found, theirs[0].detach().numpy()) < 1e-8
    gradient = opened.explain(x, "gradient", TARGET, kind="logit").attribution
    assert difference((x - start)[0] * gradient, found) > 1e-2


@pytest.mark.parametrize("name", ["vit", "squeeze"])
def test_completeness_of_a_margin_whose_rival_changes_on_the_way(name):
    made = pair(name)
    logits = made.double.network.torch.forward(np.concatenate([made.x, np.ones_like(made.x)]))
    # The largest logit of any class but k, for the picture and for the baseline.
    rivals = [[np.delete(row, k).max() for row in logits] for k in range(nets.CLASSES)]
    index = next(
        k
        for k in range(nets.CLASSES)
        if np.flatnonzero(logits[0] == rivals[k][0]) != np.flatnonzero(logits[1] == rivals[k][1])
    )
    found = made.double.explain(
        made.x, "deeplift", index, margin=True, baseline="white", kind="logit"
    )
    assert abs(found.measures["completeness_gap"]) < 1e-9
    change = logits[0, index] - logits[1, index] - (rivals[index][0] - rivals[index][1])
    assert found.attribution.sum() == pytest.approx(change, rel=1e-8)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("baseline", ["black", "mean", "noise"])
def test_completeness_on_every_graph(name, baseline):
    found = explain(pair(name), baseline=baseline)
    assert abs(found.measures["completeness_gap"]) < 1e-9
    assert np.abs(found.attribution).max() > 0


def test_completeness_on_the_real_network():
    made = pair("lite0")
    found = made.double.explain(made.x, "deeplift", kind="logit")
    start = np.broadcast_to(made.double.preprocess.bounds()[0], made.x.shape).astype(np.float32)
    scores = [made.double.network.torch.forward(x)[0, found.target.index] for x in (made.x, start)]
    assert found.attribution.sum() == pytest.approx(scores[0] - scores[1], rel=1e-9)


BODIES = {
    "product of two branches": "a = Relu(x) b = Tanh(x) y = Mul(a, b)",
    "quotient": "a = Softplus(x) b = Exp(x) c = Add(b, one) y = Div(a, c)",
    "one over": "b = Exp(x) c = Add(b, one) y = Div(one, c)",
    "maximum of two": "a = Neg(x) y = Max(x, a)",
    "minimum of two": "a = Sigmoid(x) y = Min(x, a)",
    "softmax": "y = Softmax<axis = 1>(x)",
    "layer normalisation": "y = LayerNormalization<axis = 1>(x, scale, shift)",
    "square by itself": "y = Mul(x, x)",
    "matrix product of activations": "a = Reshape(x, left) b = Reshape(x, right) "
    "c = MatMul(a, b) y = Reshape(c, flat)",
    "largest of all": "m = ReduceMax<keepdims = 1>(x, last) y = Sub(x, m)",
}


@pytest.mark.parametrize("body", list(BODIES))
def test_completeness_of_single_operators(body):
    rng = np.random.default_rng(0)
    proto = model(
        f"f = Flatten(image) x = Gemm<transB = 1>(f, v) {BODIES[body]} "
        "scores = Gemm<transB = 1>(y, w)",
        v=rng.normal(size=(12, 108)).astype(np.float32) * 0.3,
        w=rng.normal(size=(4, 9 if "matrix" in body else 12)).astype(np.float32),
        one=np.ones(1, np.float32),
        scale=rng.normal(size=12).astype(np.float32),
        shift=rng.normal(size=12).astype(np.float32),
        left=np.array([-1, 3, 4]),
        right=np.array([-1, 4, 3]),
        flat=np.array([-1, 9]),
        last=np.array([1]),
        opset=18,
    )
    context = context_of(proto)
    x = rng.uniform(-1, 1, (2, 3, 6, 6))
    found = find("deeplift").function(context, x, target_of(context, 2), baseline="0.1")
    assert np.abs(found.measures["completeness_gap"]).max() < 1e-10


def test_a_linear_model():
    weight = np.random.default_rng(0).normal(size=(4, 108)).astype(np.float32)
    context = context_of(model("f = Flatten(image) scores = Gemm<transB = 1>(f, w)", w=weight))
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 6, 6))
    found = find("deeplift").function(context, x, target_of(context, 2), baseline="0.25")
    assert difference(found.values, (x - 0.25) * weight[2].reshape(3, 6, 6).astype(float)) < 1e-14


def test_an_input_equal_to_its_baseline_gets_nothing():
    made = pair("vgg")
    x = np.full_like(made.x, -1.0)
    x[..., :5] = 0.5
    found = made.double.explain(x, "deeplift", TARGET, baseline="black", kind="logit").attribution
    assert not found[..., 5:].any()
    assert found[..., :5].any()


@pytest.mark.parametrize(
    "written",
    [
        "l = LpNormalization<axis = 1>(image) f = Flatten(l) scores = Gemm(f, w)",
        "f = Flatten(image) z = Gemm(f, w) scores = LogSoftmax<axis = 1>(z)",
        "f = Flatten(image) z = Gemm(f, w) scores = com.microsoft.Gelu(z)",
    ],
    ids=["LpNormalization", "LogSoftmax", "an operator of another domain"],
)
def test_an_operator_without_rule_is_integrated_over(written):
    weight = np.random.default_rng(0).normal(size=(108, 4)).astype(np.float32) / 20
    context = context_of(model(written, w=weight))
    x = np.random.default_rng(1).uniform(0.2, 1, (2, 3, 6, 6))
    target = target_of(context, 0, "raw")
    found = find("deeplift").function(context, x, target, baseline="0.1")
    assert np.abs(found.measures["completeness_gap"]).max() < 1e-8
    slope = find("gradient").function(context, x, target).values
    assert difference(found.values, slope * (x - 0.1)) > 1e-3


class Sequences(nn.Module):
    """A recurrent cell that reads patches."""

    def __init__(self, cell):
        super().__init__()
        self.conv, self.cell = nn.Conv2d(3, 6, 8, 8), cell(6, 5, batch_first=True)
        self.head = nn.Linear(5, 4)

    def forward(self, image):
        patches = self.conv(image).flatten(2).transpose(1, 2)
        return self.head(self.cell(patches)[0][:, -1])


class Normalised(nn.Module):
    """Group normalisation, squeeze-and-excitation, maxima; the activation is given."""

    def __init__(self, activation):
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 6, 4, 4), nn.Conv2d(6, 6, 3, 1, 1)
        self.norm, self.activation = nn.GroupNorm(2, 6), activation
        self.gate, self.head = nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, image):
        x = self.norm(self.inner(self.activation(self.stem(image))))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]
        x = nn.functional.max_pool2d(self.activation(x), 2)
        return self.head(x.amax((2, 3)))


AWKWARD = {
    "lstm": lambda: Sequences(nn.LSTM),
    "gru": lambda: Sequences(nn.GRU),
    "silu": lambda: Normalised(nn.SiLU()),
    "gelu": lambda: Normalised(nn.GELU()),
    "tanh-gelu": lambda: Normalised(nn.GELU("tanh")),
    "hard-swish": lambda: Normalised(nn.Hardswish()),
    "mish": lambda: Normalised(nn.Mish()),
    "prelu": lambda: Normalised(nn.PReLU()),
}


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("name", AWKWARD)
def test_completeness_on_what_other_tools_do_not_cover(name, opset):
    net = seeded.made(AWKWARD[name]).float().eval()
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    proto = nets.export(net, x[:1], opset=opset)
    opened = onnxplain.load(proto, precision="double", preprocess="minus-one-one")
    for single in x.numpy()[:, None]:
        found = opened.explain(single, "deeplift", 1, kind="logit")
        assert abs(found.measures["completeness_gap"]) < 1e-9
        assert np.abs(found.attribution).max() > 0


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("more", [{}, {"contrast": 0}, {"margin": True}], ids=str)
def test_completeness_of_probabilities(name, more):
    """Their Softmax is none of the graph's nodes: the target has multipliers of its own."""
    made = pair(name)
    start = np.full_like(made.x, 1.0)
    found = explain(made, baseline="white", kind="probability", **more)
    logits = made.double.network.torch.activations(
        np.concatenate([made.x, start]), [made.double.network.head.logits]
    )[made.double.network.head.logits]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    others = np.delete(shares, TARGET, axis=1).max(axis=1)
    against = {"contrast": shares[:, 0], "margin": others}.get(next(iter(more), ""), 0.0)
    change = -np.diff(shares[:, TARGET] - against)[0]
    # The score is that of the file, in float32.
    assert found.score == pytest.approx((shares[:, TARGET] - against)[0], abs=1e-5)
    assert abs(change) > 1e-4
    assert found.attribution.sum() == pytest.approx(change, rel=1e-8)


def test_multipliers_of_a_probability_are_no_slopes():
    """Controls: neither the slope at the picture nor the map of the logit will do."""
    made = pair("vgg")
    found = explain(made, kind="probability").attribution
    gradient = made.double.explain(made.x, "gradient", TARGET, kind="probability").attribution
    assert difference((made.x + 1.0)[0] * gradient, found) > 1e-2
    assert difference(explain(made).attribution, found) > 1e-2


def test_multipliers_of_a_probability_of_a_linear_model():
    """In two classes p is a Sigmoid of one difference: Rescale has one quotient, in closed form."""
    weight = np.random.default_rng(0).normal(size=(2, 108)) / 8
    weight = weight.astype(np.float32)
    context = context_of(model("f = Flatten(image) scores = Gemm<transB = 1>(f, w)", w=weight))
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 6, 6))
    found = find("deeplift").function(
        context, x, target_of(context, 1, "probability"), baseline="0.25"
    )
    direction = weight.astype(float)[1] - weight.astype(float)[0]
    here, there = x.reshape(2, -1) @ direction, np.full(108, 0.25) @ direction
    change = 1 / (1 + np.exp(-here)) - 1 / (1 + np.exp(-there))
    share = (x - 0.25).reshape(2, -1) * direction / (here - there)[:, None]
    expected = (change[:, None] * share).reshape(x.shape)
    assert np.abs(change).min() > 0.01
    assert difference(found.values, expected) < 1e-12
