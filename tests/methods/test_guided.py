"""Guided backpropagation and deconvnet: Captum, zennit, closed forms, refusals."""

import copy

import captum.attr
import numpy as np
import pytest
import torch
from handmade import context_of, model, target_of
from originals import difference, pair
from zennit.attribution import Gradient
from zennit.composites import DeconvNet, GuidedBackprop

from onnxplain.errors import MethodRefusedError
from onnxplain.methods import find

TARGET = 3


def explain(made, method, target=TARGET, **options):
    return made.double.explain(made.x, method, target, **{"kind": "logit", **options}).attribution


def tensor(x):
    return torch.from_numpy(x).double().requires_grad_()


# Captum replaces the gradient of nn.ReLU only, so ReLU6 and GELU networks are no oracle.
@pytest.mark.parametrize("name", ["vgg", "resnet"])
@pytest.mark.parametrize(
    ("method", "theirs"),
    [("guided-backprop", captum.attr.GuidedBackprop), ("deconvnet", captum.attr.Deconvolution)],
)
def test_captum(name, method, theirs):
    made = pair(name)
    expected = theirs(made.net).attribute(tensor(made.x), target=TARGET)[0].detach().numpy()
    assert difference(explain(made, method), expected) < 1e-10
    assert difference(explain(made, "gradient"), expected) > 1e-2


class ReluUpTo6(torch.nn.ReLU):
    """ReLU6 as Captum and zennit filter it: they look for nothing but `torch.nn.ReLU`."""

    def forward(self, x):
        return x.clamp(0.0, 6.0)


def with_relus(net):
    """A copy whose ReLU6 are filtered too."""
    net = copy.deepcopy(net)
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ReLU6):
                setattr(module, name, ReluUpTo6())
    return net


ZENNIT = {"guided-backprop": GuidedBackprop, "deconvnet": DeconvNet}


def by_zennit(net, x, method):
    """Gradient of the target's logit, filtered by zennit at every ReLU."""
    seed = torch.zeros(1, net(tensor(x)).shape[1], dtype=torch.float64)
    seed[0, TARGET] = 1
    with Gradient(net, ZENNIT[method]()) as attributor:
        return attributor(tensor(x), seed)[1][0].detach().numpy()


@pytest.mark.parametrize("method", list(ZENNIT))
@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet"])
def test_zennit(name, method):
    made = pair(name)
    expected = by_zennit(with_relus(made.net), made.x, method)
    assert difference(explain(made, method), expected) < 1e-10
    # Controls: no filter, the other filter, another class.
    other = next(m for m in ZENNIT if m != method)
    assert difference(explain(made, "gradient"), expected) > 1e-2
    assert difference(explain(made, other), expected) > 1e-2
    assert difference(explain(made, method, TARGET - 1), expected) > 1e-2


def test_captum_on_relu6():
    """With guided backpropagation both filter the same: a saturated unit passes nothing."""
    made = pair("mobilenet")
    net = with_relus(made.net)
    found = captum.attr.GuidedBackprop(net).attribute(tensor(made.x), target=TARGET)
    assert difference(explain(made, "guided-backprop"), found[0].detach().numpy()) < 1e-10
    left = captum.attr.GuidedBackprop(made.net).attribute(tensor(made.x), target=TARGET)
    assert difference(explain(made, "guided-backprop"), left[0].detach().numpy()) > 1e-2


def test_captum_guided_grad_cam():
    made = pair("resnet")
    expected = captum.attr.GuidedGradCam(made.net, made.net.layer2.relu2).attribute(
        tensor(made.x), target=TARGET, interpolate_mode="bilinear"
    )
    assert difference(explain(made, "guided-grad-cam"), expected[0].detach().numpy()) < 1e-6
    assert difference(explain(made, "guided-backprop"), expected[0].detach().numpy()) > 1e-2


ACTIVATIONS = {
    "relu": ("y = Relu(x)", lambda x: (x > 0).astype(float)),
    "relu6": ("y = Clip(x, zero, six)", lambda x: ((x > 0) & (x < 6)).astype(float)),
    "leaky": ("y = LeakyRelu<alpha = 0.1>(x)", lambda x: np.where(x > 0, 1, np.float32(0.1))),
    "silu": ("s = Sigmoid(x) y = Mul(x, s)", lambda x: silu_slope(x)),
    "silu-reversed": ("s = Sigmoid(x) y = Mul(s, x)", lambda x: silu_slope(x)),
}


def silu_slope(x):
    s = 1 / (1 + np.exp(-x))
    return s + x * s * (1 - s)


def rectified(kind, method):
    """Scores are W f(V x): the filtered gradient is V^T [relu(W_c) (f')+] in closed form."""
    rng = np.random.default_rng(3)
    inner = rng.normal(size=(12, 108)).astype(np.float32)
    outer = rng.normal(size=(4, 12)).astype(np.float32)
    body, slope = ACTIVATIONS[kind]
    proto = model(
        f"f = Flatten(image) x = Gemm<transB = 1>(f, v) {body} scores = Gemm<transB = 1>(y, w)",
        v=inner,
        w=outer,
        zero=np.zeros((), np.float32),
        six=np.full((), 6, np.float32),
    )
    context = context_of(proto)
    x = rng.uniform(-1, 1, (1, 3, 6, 6))
    found = find(method).function(context, x, target_of(context, 2)).values.reshape(-1)
    kept = np.maximum(outer[2].astype(float), 0)
    hidden = inner.astype(float) @ x.reshape(-1)
    if method == "guided-backprop":
        kept = kept * np.maximum(slope(hidden), 0)
    return found, inner.astype(float).T @ kept


@pytest.mark.parametrize("kind", list(ACTIVATIONS))
@pytest.mark.parametrize("method", ["guided-backprop", "deconvnet"])
def test_closed_form_of_each_activation(kind, method):
    found, expected = rectified(kind, method)
    assert difference(found, expected) < 1e-12


def test_gates_are_not_filtered():
    """A squeeze-and-excitation product keeps its ordinary gradient."""
    weight = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    proto = model(
        "p = GlobalAveragePool(image) f = Flatten(p) z = Gemm(f, w) s = Sigmoid(z) "
        "scores = Mul(f, s)",
        w=weight,
    )
    context = context_of(proto)
    x = np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))
    with pytest.raises(MethodRefusedError, match="ReLU-like"):
        find("guided-backprop").function(context, x, target_of(context, 1))


def test_vit_is_filtered_at_its_gelus_only():
    made = pair("vit")
    assert difference(explain(made, "guided-backprop"), explain(made, "gradient")) > 1e-3


def test_a_network_without_activations_is_refused():
    body = "f = Flatten(image) scores = Gemm<transB = 1>(f, w)"
    context = context_of(model(body, w=np.ones((4, 108), np.float32)))
    x = np.ones((1, 3, 6, 6))
    for method in ("guided-backprop", "deconvnet"):
        with pytest.raises(MethodRefusedError, match="use gradient"):
            find(method).function(context, x, target_of(context, 0))


GELU = {
    "operator": "y = Gelu(x)",
    "half in front": "h = Mul(x, half) q = Div(x, root) e = Erf(q) f = Add(e, one) y = Mul(h, f)",
    "half behind": "q = Div(x, root) e = Erf(q) f = Add(e, one) g = Mul(x, f) y = Mul(g, half)",
    "halved": "q = Div(x, root) e = Erf(q) f = Add(e, one) g = Mul(x, f) y = Div(g, two)",
}


@pytest.mark.parametrize("method", ["guided-backprop", "deconvnet"])
@pytest.mark.parametrize("spelling", list(GELU)[1:])
def test_gelu_is_one_activation_however_it_is_written(spelling, method):
    random = np.random.default_rng(0)
    constants = {"half": 0.5, "root": np.sqrt(2), "one": 1.0, "two": 2.0}
    names = {k: np.array(v, np.float64) for k, v in constants.items()}
    names |= {"w": random.normal(size=(16, 3, 6, 6)), "v": random.normal(size=(5, 16, 1, 1))}

    def explain_written(nodes, method=method):
        body = f"x = Conv(image, w) {nodes} c = Conv(y, v) scores = Flatten(c)"
        context = context_of(model(body, names, opset=20))
        x = random_picture.astype(np.float32)
        return find(method).function(context, x, target_of(context, 2)).values

    random_picture = random.uniform(-1, 1, (1, 3, 6, 6))
    expected = explain_written(GELU["operator"])
    assert difference(explain_written(GELU[spelling]), expected) < 1e-6
    assert difference(explain_written(GELU[spelling], "gradient"), expected) > 1e-2
