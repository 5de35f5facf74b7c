"""Forward-only methods on both engines: the PyTorch one can do all that ONNX Runtime can."""

import nets
import pytest
from handmade import PyTorchOnly, context_of, target_of
from originals import difference

from onnxplain.adapters.base import Capability
from onnxplain.methods import find, registered

FORWARD = Capability.FORWARD | Capability.ACTIVATIONS
TARGET = 3


def both(name, method, **parameters):
    made = nets.exported(name)
    results = []
    for kind in (None, PyTorchOnly):
        context = context_of(made.proto, kind) if kind else context_of(made.proto)
        target = target_of(context, TARGET, find(method).explains)
        x = made.x.astype("float32")
        results.append(find(method).function(context, x, target, **parameters))
    return results


def test_these_are_the_forward_only_methods():
    assert {"cam", "occlusion"} <= {n for n, m in registered().items() if m.needs in FORWARD}
    assert all((m.runs_on == "ONNX Runtime") == (m.needs in FORWARD) for m in registered().values())


@pytest.mark.parametrize("name", ["resnet", "mobilenet", "tensorflow", "windows", "branches"])
def test_cam(name):
    ort, torch = both(name, "cam")
    assert difference(ort.values, torch.values) < 1e-5
    assert ort.layer == torch.layer


@pytest.mark.parametrize("name", ["vgg", "resnet", "tensorflow", "vit"])
@pytest.mark.parametrize("fill", ["black", "white", "mean", "blur", "noise", "0.5"])
def test_occlusion(name, fill):
    ort, torch = both(name, "occlusion", window=8, stride=8, fill_with=fill)
    assert difference(ort.values, torch.values) < 1e-4
    assert difference(ort.maps["score"], torch.maps["score"]) < 1e-5
    assert (ort.maps["predicted_class"] == torch.maps["predicted_class"]).all()
