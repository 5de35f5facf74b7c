"""What methods promise about their own numbers, on networks with realistic statistics."""

import copy

import nets
import numpy as np
import pytest
import torch
from originals import difference, pair
from PIL import Image
from torch import nn

import onnxplain
from onnxplain.network.context import Context
from onnxplain.perturb.fills import FILLS, fill
from onnxplain.relevance import rules
from onnxplain.relevance.composites import NAMES as COMPOSITES
from onnxplain.relevance.composites import composite
from tests.engines import relevance

WITH_CAM = ["resnet", "mobilenet", "squeeze", "tensorflow", "windows", "branches", "sizes"]
RELU_ONLY = ["vgg", "resnet", "branches"]
TARGET = 3
STABILIZER = 1e-14


@pytest.mark.parametrize("name", WITH_CAM)
def test_grad_cam_times_places_is_cam(name):
    made = pair(name)
    cam = made.double.explain(made.x, "cam", TARGET, kind="logit")
    grad_cam = made.double.explain(made.x, "grad-cam", TARGET, kind="logit")
    assert cam.layer == grad_cam.layer
    # Feature maps of CAM come from ONNX Runtime in float32.
    assert difference(cam.attribution.size * grad_cam.attribution, cam.attribution) < 1e-5
    other = made.double.explain(made.x, "grad-cam", TARGET - 1, kind="logit").attribution
    assert difference(cam.attribution.size * other, cam.attribution) > 1e-2


@pytest.mark.parametrize("name", WITH_CAM)
def test_mean_of_cam_and_bias_is_the_logit(name):
    made = pair(name)
    found = made.single.explain(made.x, "cam", TARGET, kind="logit")
    bias = made.single.network.cam_head(made.single.network.layer(None)).bias[TARGET]
    assert found.attribution.mean() + bias == pytest.approx(found.score, rel=1e-5, abs=1e-5)
    assert found.measures["completeness_gap"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "vit"])
def test_integrated_gradients_sum_to_the_change_of_the_score(name):
    made = pair(name)
    x, black = made.x, np.full_like(made.x, -1.0)
    changes = made.double.network.torch.forward(x)[0] - made.double.network.torch.forward(black)[0]
    index = int(np.abs(changes).argmax())
    options = {"baseline": "black", "steps": 800, "max_steps": 800}
    found = made.double.explain(x, "integrated-gradients", index, **{"kind": "logit", **options})
    gap = (changes[index] - found.attribution.sum()) / changes[index]
    # Kinks on the way are stepped over; the error falls with the number of steps.
    assert abs(gap) < 5e-3
    assert found.measures["completeness_gap"] == pytest.approx(gap, abs=1e-9)
    other = made.double.explain(
        x, "integrated-gradients", index, **{**options, "baseline": "white"}, kind="logit"
    )
    assert abs(changes[index] - other.attribution.sum()) > 0.1 * abs(changes[index])


def test_integrated_gradients_double_their_steps_until_the_gap_is_small():
    made = pair("vgg")

    def run(**p):
        found = made.double.explain(
            made.x, "integrated-gradients", TARGET, **{"kind": "logit", **p}
        )
        return found.measures

    coarse = run(steps=2, tolerance=1e9)
    assert coarse["steps"] == 2
    aim = abs(coarse["completeness_gap"]) / 4
    fine = run(steps=2, max_steps=5000, tolerance=aim)
    assert fine["steps"] > 2
    assert abs(fine["completeness_gap"]) <= aim
    assert run(steps=2, max_steps=9, tolerance=0)["steps"] == 8


@pytest.mark.parametrize("baseline", [*FILLS, "image"])
def test_integrated_gradients_are_complete_from_every_baseline(baseline, tmp_path):
    made = pair("vit")
    if baseline == "image":
        baseline = str(tmp_path / "other.png")
        pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(baseline)
    found = made.double.explain(
        made.x, "integrated-gradients", TARGET, baseline=baseline, kind="logit"
    )
    context = Context(made.double.network, made.double.preprocess)
    ends = np.concatenate([made.x, fill(context, made.x, baseline)])
    scores = made.double.network.torch.forward(ends)[:, TARGET]
    change = scores[0] - scores[1]
    assert abs(change) > 1e-3
    assert abs(change - found.attribution.sum()) < 0.01 * abs(change)


@pytest.mark.parametrize("name", RELU_ONLY)
def test_lrp_zero_is_gradient_x_input(name):
    """Where ReLU is the only non-linearity: x_i J_i^T R / y telescopes to x dS/dx."""
    made = pair(name)
    options = {"composite": "epsilon", "epsilon": STABILIZER}
    found = made.double.explain(made.x, "lrp", TARGET, **{"kind": "logit", **options}).attribution
    expected = made.double.explain(made.x, "gradient-x-input", TARGET, kind="logit").attribution
    assert difference(found, expected) < 1e-9


def test_lrp_zero_is_not_gradient_x_input_where_relu6_saturates():
    made = pair("lite0")
    options = {"composite": "epsilon", "epsilon": STABILIZER}
    found = made.single.explain(made.x, "lrp", TARGET, **{"kind": "logit", **options}).attribution
    other = made.single.explain(made.x, "gradient-x-input", TARGET, kind="logit").attribution
    assert difference(found, other) > 0.1


def without_biases(name):
    """The network with every bias, and every shift of BatchNorm, set to zero."""
    net = copy.deepcopy(nets.network(name))
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.bias)
            nn.init.zeros_(module.running_mean)
    x = torch.from_numpy(nets.images(name)).float()
    return onnxplain.load(nets.export(net, x), preprocess="minus-one-one", precision="double")


# Softmax absorbs relevance. Alpha-beta conserves it where every neuron has contributions of both
# signs, which is not so behind the max-pooled stem of the residual network.
CONSERVING = [
    (rule, name)
    for rule in COMPOSITES
    for name in RELU_ONLY
    if rule not in ("attn-lrp", "cp-lrp") and not ("alpha2" in rule and name == "resnet")
]


@pytest.mark.parametrize(("rule", "name"), CONSERVING)
def test_without_biases_relevance_is_conserved(name, rule, monkeypatch):
    monkeypatch.setattr(rules, "STABILIZER", STABILIZER)
    model = without_biases(name)
    options = {"composite": rule, "epsilon": STABILIZER}
    x = nets.images(name)
    found = model.explain(x, "lrp", TARGET, **{"kind": "logit", **options})
    logit = model.network.torch.forward(x)[0, TARGET]
    assert found.attribution.sum() / logit == pytest.approx(1, abs=1e-10)
    assert max(abs(leak["absorbed"]) for leak in found.notes["leaks"]) < 1e-10
    if (rule, name) == ("deep-taylor", "branches"):
        return  # z-box at the only convolutions: their biases absorb nothing
    with_biases = pair(name).double.explain(x, "lrp", TARGET, **{"kind": "logit", **options})
    assert abs(with_biases.measures["conservation"] - 1) > 1e-3


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "vit"])
def test_reported_conservation_is_the_sum_over_the_score(name):
    made = pair(name)
    found = made.double.explain(made.x, "lrp", TARGET, kind="logit")
    logit = made.double.network.torch.forward(made.x)[0, TARGET]
    expected = found.attribution.sum() / logit
    assert found.measures["conservation"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "vit"])
def test_leaks_account_for_all_that_is_lost(name):
    made = pair(name)
    network = made.double.network
    target = made.double.target(TARGET, made.double.predict(made.x))
    found = relevance(network.torch, made.x, target, composite("epsilon-plus"), ["image"])
    lost = found.scores[0] - found.relevance["image"].sum()
    assert sum(leak.absorbed for leak in found.leaks) == pytest.approx(lost, rel=1e-9, abs=1e-9)
