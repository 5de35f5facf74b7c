"""Whole networks of torchvision, from both exporters, against ONNX Runtime and PyTorch.

The networks are untrained but calibrated: an untrained one gives nearly the same output
for every input, which any conversion would reproduce.
"""

import logging
import warnings

import numpy as np
import onnx
import pytest
import seeded
import torch
from torch import nn

from onnxplain.convert import to_torch
from onnxplain.convert.torchvision_guard import import_torchvision
from onnxplain.graph.prepare import prepare
from tests.convert.oracle import session

import_torchvision()

from torchvision import models  # noqa: E402

# The TorchScript exporter needs sides that adaptive pooling divides; a transformer a fixed side.
SIDES = {"vgg11": 224, "vit_b_32": 96}
QUICK = [
    ("mobilenet_v2", "torchscript", 17),
    ("swin_t", "torchscript", 17),
    ("convnext_tiny", "torchscript", 13),
    ("resnet18", "default", 20),
]
NAMES = ["resnet18", "vgg11", "mobilenet_v2", "densenet121", "vit_b_32", "swin_t", "convnext_tiny"]
FORMATS = [("torchscript", 13), ("torchscript", 17), ("default", 18), ("default", 20)]
# That exporter knows scaled dot-product attention from opset 14 on.
NOT_EXPORTABLE = {("vit_b_32", "torchscript", 13)}
FULL = [
    (name, *form)
    for name in NAMES
    for form in FORMATS
    if (name, *form) not in NOT_EXPORTABLE and (name, *form) not in QUICK
]


def calibrated(name):
    """A network with random weights whose output depends on its input."""
    side = SIDES.get(name, 64)
    size = {"image_size": side} if name.startswith("vit") else {}
    net = seeded.made(lambda: getattr(models, name)(weights=None, **size))
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.uniform_(module.bias, -0.2, 0.2)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        if hasattr(module, "layer_scale"):
            module.layer_scale.data.fill_(0.5)
    if any(isinstance(module, nn.BatchNorm2d) for module in net.modules()):
        seeded.calibrated(net, torch.randn(8, 3, side, side, dtype=torch.float64))
    return net.eval().float(), side


def export(net, side, path, exporter, opset, **settings):
    x = torch.randn(2, 3, side, side)
    names = {"input_names": ["x"], "output_names": ["y"], "opset_version": opset}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            if exporter == "torchscript":
                axes = {"x": {0: "n"}, "y": {0: "n"}}
                torch.onnx.export(
                    net, (x,), path, dynamo=False, dynamic_axes=axes, **names, **settings
                )
            else:
                batch = ({0: torch.export.Dim("n")},)
                torch.onnx.export(
                    net, (x,), path, dynamo=True, dynamic_shapes=batch, external_data=False,
                    verbose=False, **names,
                )  # fmt: skip
        finally:
            logging.disable(logging.NOTSET)
    return onnx.load(path)


def assert_same_function(model, side):
    program, oracle = to_torch(prepare(model)), session(model)
    rng = np.random.default_rng(0)
    wanted = []
    for batch in (1, 3):
        x = rng.standard_normal((batch, 3, side, side)).astype(np.float32)
        wanted.append(oracle.run(["y"], {"x": x})[0])
        with torch.no_grad():
            got = program.run({"x": torch.from_numpy(x)}, ["y"])["y"].numpy()
        variation = np.abs(wanted[-1] - wanted[0][:1]).max()
        if batch > 1:
            assert variation > 0.05 * np.abs(wanted[0]).max(), "the output ignores the input"
            assert np.abs(got - wanted[-1]).max() < 1e-4 * variation
    assert wanted[0].shape == (1, 1000)


@pytest.mark.parametrize(("name", "exporter", "opset"), QUICK)
def test_a_network_agrees_with_onnx_runtime(name, exporter, opset, tmp_path):
    net, side = calibrated(name)
    assert_same_function(export(net, side, tmp_path / "net.onnx", exporter, opset), side)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "exporter", "opset"), FULL)
def test_a_network_agrees_with_onnx_runtime_full_matrix(name, exporter, opset, tmp_path):
    net, side = calibrated(name)
    assert_same_function(export(net, side, tmp_path / "net.onnx", exporter, opset), side)


@pytest.mark.parametrize(
    "name", ["resnet18", "swin_t", pytest.param("densenet121", marks=pytest.mark.slow)]
)
def test_gradients_agree_with_the_original_in_float64(name, tmp_path):
    # Batch normalisation stays in the file: merged in float32, it would move the kinks.
    settings = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    net, side = calibrated(name)
    model = export(net, side, tmp_path / "net.onnx", "torchscript", 17, **settings)
    program = to_torch(prepare(model), double=True)
    x = torch.randn(2, 3, side, side, dtype=torch.float64)
    gradients = []
    for function in (net.double(), lambda t: program.run({"x": t}, ["y"])["y"]):
        leaf = x.clone().requires_grad_()
        function(leaf)[:, 7].sum().backward()
        gradients.append(leaf.grad)
    assert gradients[0].abs().max() > 0
    worst = (gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max()
    assert worst < 1e-6
