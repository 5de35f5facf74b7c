"""LibraGrad: autograd on networks whose paths are cut as its paper says, and identities."""

import functools

import nets
import numpy as np
import pytest
import torch
from handmade import PyTorchOnly, context_of, model, target_of
from originals import difference, pair

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.methods import find
from tests.methods.attending_targets import Opened, Ruled
from tests.methods.other_targets import X

# The file holds the square root of two (in GELU) and the epsilon of normalisations in float32.
CONSTANTS = 1e-7


class Balanced(Ruled):
    """Attention weights, the gate of GELU and the deviation of a normalisation are detached."""

    constant_weights = True

    def convolved(self, layer, x):
        return layer(x)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Open a case, each once."""
    return functools.cache(lambda name: Opened(name, tmp_path_factory.mktemp(name)))


@pytest.mark.parametrize("name", ["value", "likeness", "region"])
def test_input_times_the_gradient_of_the_cut_network(name, opened):
    case = opened(name)
    net, leaf = case.net(Balanced), torch.from_numpy(X).requires_grad_()
    later = net.later(leaf)
    score = case.case.score(net, later)
    same = case.case.score(case.net(), later)
    assert score.item() == pytest.approx(same.item(), rel=1e-9)
    if case.case.length is not None:
        length = case.case.length(net, later)
        score = score * length / length.detach()
    expected = (X * torch.autograd.grad(score.sum(), leaf)[0].numpy())[0]
    found = case.explain("libragrad").attribution
    assert difference(found, expected) < 3 * CONSTANTS
    # The ordinary gradient is another one.
    assert difference(case.explain("gradient-x-input").attribution, expected) > 1e-2


def test_it_is_cp_lrp_without_gamma():
    made = pair("vit")
    found = made.double.explain(made.x, "libragrad", 3, kind="logit").attribution
    plain = {"gamma": 0.0, "linear_gamma": 0.0, "epsilon": 1e-12, "kind": "logit"}
    other = made.double.explain(made.x, "attn-lrp", 3, form="cp", **plain).attribution
    # The gamma rule at the patches adds 1e-6 to its denominators, whatever the epsilon is.
    assert difference(found, other) < 1e-3
    usual = made.double.explain(made.x, "attn-lrp", 3, **plain).attribution
    assert difference(found, usual) > 1e-2


@pytest.mark.parametrize("name", ["resnet", "vgg"])
def test_networks_of_relu_are_balanced_already(name):
    made = pair(name)
    ours, plain = (
        made.double.explain(made.x, method, 3, kind="logit").attribution
        for method in ("libragrad", "gradient-x-input")
    )
    assert difference(ours, plain) < 1e-6


BODIES = {
    "silu": ("g = Sigmoid(c) y = Mul(c, g)", lambda c: c * torch.sigmoid(c).detach()),
    "gelu": (
        "q = Div(c, root) e = Erf(q) h = Add(e, one) m = Mul(c, h) y = Mul(m, half)",
        lambda c: c * (0.5 * (1 + torch.erf(c / np.float32(2**0.5).astype(float)))).detach(),
    ),
    "relu6": ("y = Clip(c, zero, six)", lambda c: c.clamp(0, 6)),
    "two signals": (
        "d = Conv(image, v) y = Mul(c, d)",
        lambda c, d: (c * d.detach() + c.detach() * d) / 2 + (c * d).detach() / 2,
    ),
    "gated by another": (
        "d = Conv(image, v) g = Sigmoid(d) y = Mul(c, g)",
        lambda c, d: c * torch.sigmoid(d).detach(),
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_each_activation_alone(name):
    body, function = BODIES[name]
    rng = np.random.default_rng(0)
    arrays = {
        "w": 6 * rng.normal(size=(4, 3, 1, 1)), "b": rng.normal(size=4),
        "v": rng.normal(size=(4, 3, 1, 1)), "u": rng.normal(size=(144, 2)),
        "root": np.array(2**0.5), "one": np.array(1.0), "half": np.array(0.5),
        "zero": np.array(0.0), "six": np.array(6.0),
    }  # fmt: skip
    text = f"c = Conv(image, w, b) {body} f = Flatten(y) scores = MatMul(f, u)"
    used = {k: v for k, v in arrays.items() if f"{k})" in text or f"{k}," in text}
    on = context_of(model(text, used), PyTorchOnly)
    x = rng.uniform(-1, 1, (1, 3, 6, 6))
    found = find("libragrad").function(on, x, target_of(on, 1)).values
    w, b, v, u = (torch.from_numpy(arrays[k].astype("f4").astype(float)) for k in "wbvu")
    leaf = torch.from_numpy(x).requires_grad_()
    c = torch.nn.functional.conv2d(leaf, w, b)
    operands = (c, torch.nn.functional.conv2d(leaf, v)) if "d = " in body else (c,)
    score = (function(*operands).flatten(1) @ u)[0, 1]
    slope = torch.autograd.grad(score, leaf)[0].numpy()
    assert difference(found, x * slope) < 1e-6


def test_the_score_is_accounted_for():
    made = pair("vit")
    found = made.double.explain(made.x, "libragrad", 3, kind="logit")
    assert found.attribution.sum(dtype=float) == pytest.approx(found.measures["relevance_in"])
    absorbed = found.measures["relevance_out"] - found.measures["relevance_in"]
    assert np.isfinite(absorbed)


def test_an_operator_without_rule_is_refused_by_name():
    weights = {"w": np.ones((108, 2))}
    on = context_of(model("s = Sin(image) f = Flatten(s) scores = MatMul(f, w)", weights))
    x, target = nets.images("resnet")[:, :, :6, :6], target_of(on, 1)
    with pytest.raises(MethodRefusedError, match="no relevance rule for operator Sin"):
        find("libragrad").function(on, x, target)
    assert find("libragrad").function(on, x, target, unknown="gradient").values.any()
    with pytest.raises(UnknownNameError, match="allowed: refuse, pass, gradient"):
        find("libragrad").function(on, x, target, unknown="guess")
