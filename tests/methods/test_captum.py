"""Captum on the original PyTorch networks against ours on their ONNX files, in float64.

In float32 a ReLU whose input is almost zero falls on either side by rounding; its gradient then
differs entirely, though neither side is wrong. Float64 and unfolded exports leave formulas only.
"""

import captum.attr
import numpy as np
import pytest
import torch

import onnxplain

NETS = ["vgg", "resnet", "mobile", "vit", "lite0"]
TOLERANCE = 1e-6
TARGET = 3


def difference(ours, theirs):
    """Largest difference as a share of the largest value; both must be about something."""
    theirs = np.asarray(theirs)
    assert np.abs(theirs).max() > 0
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def tensor(x):
    return torch.from_numpy(x).double().requires_grad_()


@pytest.mark.parametrize("name", NETS)
def test_both_compute_the_same_function(pair, name):
    pair = pair(name)
    theirs = pair.net(tensor(pair.x)).detach().numpy()
    ours = pair.double.network.torch.forward(pair.x)
    # Attributes such as the epsilon of LayerNorm are float32 in the file: 1.8e-9 in the ViT.
    assert difference(ours, theirs) < 1e-8
    other = pair.double.network.torch.forward(pair.x[:, :, ::-1].copy())
    assert difference(other, theirs) > 1e-3


@pytest.mark.parametrize("name", NETS)
def test_saliency(pair, name):
    pair = pair(name)
    signed = captum.attr.Saliency(pair.net).attribute(tensor(pair.x), target=TARGET)
    ours = pair.double.explain(pair.x, "saliency", TARGET).attribution
    assert difference(ours, signed.abs().amax(1)[0].numpy()) < TOLERANCE
    other = pair.double.explain(pair.x, "saliency", TARGET + 1).attribution
    assert difference(other, ours) > 1e-2


@pytest.mark.parametrize("name", NETS)
def test_gradient_x_input(pair, name):
    pair = pair(name)
    theirs = captum.attr.InputXGradient(pair.net).attribute(tensor(pair.x), target=TARGET)
    ours = pair.double.explain(pair.x, "gradient-x-input", TARGET).attribution
    assert difference(ours, theirs[0].detach().numpy()) < TOLERANCE


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("baseline", ["black", "white"])
def test_integrated_gradients(pair, name, baseline):
    steps = 4 if name == "lite0" else 20
    pair = pair(name)
    start = pair.double.preprocess.bounds()[baseline == "white"]
    theirs = captum.attr.IntegratedGradients(pair.net).attribute(
        tensor(pair.x),
        torch.from_numpy(start).double().expand(pair.x.shape),
        target=TARGET,
        n_steps=steps,
        method="gausslegendre",
    )
    options = {"baseline": baseline, "steps": steps, "max_steps": steps}
    found = pair.double.explain(pair.x, "integrated-gradients", TARGET, **options)
    assert difference(found.attribution, theirs[0].detach().numpy()) < TOLERANCE
    coarser = {**options, "steps": steps - 1, "max_steps": steps - 1}
    other = pair.double.explain(pair.x, "integrated-gradients", TARGET, **coarser)
    assert difference(other.attribution, found.attribution) > 1e-4


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobile"])
def test_grad_cam(pair, name):
    pair = pair(name)
    layer = captum.attr.LayerGradCam(pair.net, pair.net.layer())
    theirs = layer.attribute(tensor(pair.x), target=TARGET)[0, 0].detach().numpy()
    found = pair.double.explain(pair.x, "grad-cam", TARGET)
    assert difference(found.attribution, theirs) < TOLERANCE
    earlier = pair.double.network.layers[1].name
    other = pair.double.explain(pair.x, "grad-cam", TARGET, layer=earlier).attribution
    assert other.shape != theirs.shape or difference(other, theirs) > 1e-2


@pytest.mark.parametrize(("window", "stride"), [(8, 4), (10, 10), (7, 3)])
def test_occlusion(pair, window, stride):
    """Captum's occlusion of the logit, with windows that do and do not fit the image evenly."""
    pair = pair("resnet")
    theirs = captum.attr.Occlusion(lambda x: pair.net(x.double())).attribute(
        torch.from_numpy(pair.x).double(),
        sliding_window_shapes=(3, window, window),
        strides=(3, stride, stride),
        baselines=0.25,
        target=TARGET,
    )
    options = {"window": window, "stride": stride, "fill_with": "0.25", "kind": "logit"}
    found = pair.single.explain(pair.x, "occlusion", TARGET, **options)
    # Forward passes of the user's file are float32; a difference of logits has its rounding.
    assert difference(found.attribution, theirs[0, 0].numpy()) < 1e-4
    other = pair.single.explain(pair.x, "occlusion", TARGET, **{**options, "fill_with": "0"})
    assert difference(other.attribution, found.attribution) > 1e-2


def test_a_weight_changed_by_one_percent_is_seen(pair, tmp_path):
    import nets

    pair = pair("resnet")
    changed = nets.build("resnet")
    with torch.no_grad():
        changed.stem[0].weight[0] *= 1.01
    path = nets.export(changed, str(tmp_path / "changed.onnx"))
    model = onnxplain.load(path, precision="double", preprocess=pair.double.preprocess)
    theirs = captum.attr.InputXGradient(pair.net).attribute(tensor(pair.x), target=TARGET)
    ours = model.explain(pair.x, "gradient-x-input", TARGET).attribution
    assert difference(ours, theirs[0].detach().numpy()) > 1e-4
