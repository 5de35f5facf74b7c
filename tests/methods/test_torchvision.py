"""ResNet-18 and MobileNetV2 as torchvision defines them: Captum on the module, ours on the file."""

import captum.attr
import numpy as np
import pytest
import torch
from originals import difference
from torchvision_nets import SIDE, made

NAMES = ["resnet18", "mobilenet_v2"]
LAYERS = {"resnet18": lambda net: net.layer4, "mobilenet_v2": lambda net: net.features[18]}
TARGET = 7
TOLERANCE = 1e-6


def explain(name, method, target=TARGET, **options):
    return (
        made(name)[1]
        .explain(made(name)[2], method, target, **{"kind": "logit", **options})
        .attribution
    )


def theirs(name, kind, **options):
    net, _, x = made(name)
    leaf = torch.from_numpy(x).double().requires_grad_()
    return kind(net).attribute(leaf, target=TARGET, **options)[0].detach().numpy()


def require_equal(name, method, expected, tolerance=TOLERANCE, **options):
    assert difference(explain(name, method, **options), expected) < tolerance
    assert difference(explain(name, method, TARGET + 1, **options), expected) > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_saliency(name):
    require_equal(name, "saliency", np.abs(theirs(name, captum.attr.Saliency, abs=False)).max(0))


@pytest.mark.parametrize("name", NAMES)
def test_gradient_x_input(name):
    require_equal(name, "gradient-x-input", theirs(name, captum.attr.InputXGradient))


@pytest.mark.parametrize("name", NAMES)
def test_integrated_gradients(name):
    black = torch.from_numpy(made(name)[1].preprocess.bounds()[0]).double().expand(1, 3, SIDE, SIDE)
    settings = {"baselines": black, "n_steps": 8, "method": "gausslegendre"}
    expected = theirs(name, captum.attr.IntegratedGradients, **settings)
    require_equal(name, "integrated-gradients", expected, steps=8, max_steps=8)


@pytest.mark.parametrize("name", NAMES)
def test_grad_cam(name):
    def layer(net):
        return captum.attr.LayerGradCam(net, LAYERS[name](net))

    require_equal(name, "grad-cam", theirs(name, layer)[0])


# Captum replaces the gradient of nn.ReLU only: MobileNetV2 is built of ReLU6.
@pytest.mark.parametrize(
    ("method", "kind"),
    [("guided-backprop", captum.attr.GuidedBackprop), ("deconvnet", captum.attr.Deconvolution)],
)
def test_filtered_gradients(method, kind):
    require_equal("resnet18", method, theirs("resnet18", kind))
    assert difference(explain("resnet18", "gradient"), theirs("resnet18", kind)) > 1e-2


def test_guided_grad_cam():
    def kind(net):
        return captum.attr.GuidedGradCam(net, net.layer4)

    expected = theirs("resnet18", kind, interpolate_mode="bilinear")
    require_equal("resnet18", "guided-grad-cam", expected)


@pytest.mark.parametrize("name", NAMES)
def test_cam_is_grad_cam_times_the_number_of_places(name):
    cam = explain(name, "cam")
    expected = explain(name, "grad-cam") * cam.size
    assert difference(cam, expected) < TOLERANCE
    assert difference(explain(name, "hirescam") * cam.size, expected) < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_completeness(name):
    """Of DeepLIFT, on additions, depthwise convolutions, max-pooling and ReLU6."""
    _, model, x = made(name)
    found = model.explain(x, "deeplift", TARGET, kind="logit")
    assert abs(found.measures["completeness_gap"]) < 1e-9
