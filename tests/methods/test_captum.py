"""Captum on the original PyTorch networks against ours on their ONNX files, in float64.

In float32 a ReLU whose input is almost zero falls on either side by rounding; its gradient then
differs entirely, though neither side is wrong. Float64 and unfolded exports leave formulas only.
"""

import copy

import captum.attr
import nets
import pytest
import torch
from originals import difference, pair

import onnxplain

NETS = ["vgg", "resnet", "mobilenet", "vit", "lite0"]
LAYERS = {
    "vgg": lambda net: net.features[8],
    "resnet": lambda net: net.layer2.relu2,
    "mobilenet": lambda net: net.features[7],
}
TOLERANCE = 1e-6
TARGET = 3


def tensor(x):
    return torch.from_numpy(x).double().requires_grad_()


@pytest.mark.parametrize("name", NETS)
def test_both_compute_the_same_function(name):
    made = pair(name)
    theirs = made.net(tensor(made.x)).detach().numpy()
    ours = made.double.network.torch.forward(made.x)
    # Attributes such as the epsilon of LayerNorm are float32 in the file: 1.8e-9 in the ViT.
    assert difference(ours, theirs) < 1e-8
    other = made.double.network.torch.forward(made.x[:, :, ::-1].copy())
    assert difference(other, theirs) > 1e-3


@pytest.mark.parametrize("name", NETS)
def test_saliency(name):
    made = pair(name)
    signed = captum.attr.Saliency(made.net).attribute(tensor(made.x), target=TARGET)
    ours = made.double.explain(made.x, "saliency", TARGET, kind="logit").attribution
    assert difference(ours, signed.abs().amax(1)[0].numpy()) < TOLERANCE
    other = made.double.explain(made.x, "saliency", TARGET + 1, kind="logit").attribution
    assert difference(other, ours) > 1e-2


@pytest.mark.parametrize("name", NETS)
def test_gradient_x_input(name):
    made = pair(name)
    theirs = captum.attr.InputXGradient(made.net).attribute(tensor(made.x), target=TARGET)
    ours = made.double.explain(made.x, "gradient-x-input", TARGET, kind="logit").attribution
    assert difference(ours, theirs[0].detach().numpy()) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "baseline"), [*((name, "black") for name in NETS), ("vgg", "white"), ("vit", "white")]
)
def test_integrated_gradients(name, baseline):
    steps = 4 if name == "lite0" else 20
    made = pair(name)
    start = made.double.preprocess.bounds()[baseline == "white"]
    theirs = captum.attr.IntegratedGradients(made.net).attribute(
        tensor(made.x),
        torch.from_numpy(start).double().expand(made.x.shape),
        target=TARGET,
        n_steps=steps,
        method="gausslegendre",
    )
    options = {"baseline": baseline, "steps": steps, "max_steps": steps}
    found = made.double.explain(
        made.x, "integrated-gradients", TARGET, **{"kind": "logit", **options}
    )
    assert difference(found.attribution, theirs[0].detach().numpy()) < TOLERANCE
    # Control: a coarser path, also where the network is as smooth as the ViT.
    coarser = {**options, "steps": steps // 4, "max_steps": steps // 4}
    other = made.double.explain(
        made.x, "integrated-gradients", TARGET, **{"kind": "logit", **coarser}
    )
    assert difference(other.attribution, found.attribution) > 1e-4


@pytest.mark.parametrize("name", list(LAYERS))
def test_grad_cam(name):
    made = pair(name)
    layer = captum.attr.LayerGradCam(made.net, LAYERS[name](made.net))
    theirs = layer.attribute(tensor(made.x), target=TARGET)[0, 0].detach().numpy()
    found = made.double.explain(made.x, "grad-cam", TARGET, kind="logit")
    assert difference(found.attribution, theirs) < TOLERANCE
    earlier = made.double.network.layers[1].name
    other = made.double.explain(made.x, "grad-cam", TARGET, layer=earlier, kind="logit").attribution
    assert other.shape != theirs.shape or difference(other, theirs) > 1e-2


@pytest.mark.parametrize(("window", "stride"), [(8, 4), (10, 10), (7, 3)])
def test_occlusion(window, stride):
    """Captum's occlusion of the logit, with windows that do and do not fit the image evenly."""
    made = pair("resnet")
    theirs = captum.attr.Occlusion(lambda x: made.net(x.double())).attribute(
        torch.from_numpy(made.x).double(),
        sliding_window_shapes=(3, window, window),
        strides=(3, stride, stride),
        baselines=0.25,
        target=TARGET,
    )
    options = {"window": window, "stride": stride, "fill_with": "0.25", "kind": "logit"}
    found = made.single.explain(made.x, "occlusion", TARGET, **options)
    # Forward passes of the user's file are float32; a difference of logits has its rounding.
    assert difference(found.attribution, theirs[0, 0].numpy()) < 1e-4
    other = made.single.explain(made.x, "occlusion", TARGET, **{**options, "fill_with": "0"})
    assert difference(other.attribution, found.attribution) > 1e-2


def test_a_weight_changed_by_one_percent_is_seen():
    made = pair("resnet")
    changed = copy.deepcopy(nets.network("resnet"))
    with torch.no_grad():
        changed.stem[0].weight[0] *= 1.01
    proto = nets.export(changed, torch.from_numpy(made.x))
    model = onnxplain.load(proto, precision="double", preprocess="minus-one-one")
    theirs = captum.attr.InputXGradient(made.net).attribute(tensor(made.x), target=TARGET)
    ours = model.explain(made.x, "gradient-x-input", TARGET, kind="logit").attribution
    assert difference(ours, theirs[0].detach().numpy()) > 1e-4
