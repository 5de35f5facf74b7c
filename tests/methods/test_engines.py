"""Forward-only methods on both engines: the PyTorch one can do all that ONNX Runtime can."""

import nets
import pytest
from handmade import PyTorchOnly, context_of, target_of
from noise import require_float32

from onnxplain.adapters.base import FORWARD_VERBS as FORWARD
from onnxplain.methods import find, registered
from onnxplain.network.network import Network

pytestmark = pytest.mark.kernels
TARGET = 3


def both(name, method, *maps, threads=None, **parameters):
    """Require that both agree but for the rounding of ONNX Runtime; return what they find.

    `maps` names those to compare beside the attribution.
    """
    made = nets.exported(name)
    by_ort = context_of(made.proto, Network, threads=threads)
    exact = context_of(made.proto, PyTorchOnly)
    x = made.x.astype("float32")

    def run(context, x):
        target = target_of(context, TARGET, find(method).explains)
        return find(method).function(context, x, target, **parameters)

    ours, wanted = run(by_ort, x), run(exact, x)
    require_float32(lambda x: run(by_ort, x).values, x, wanted.values)
    for key in maps:
        require_float32(lambda x, key=key: run(by_ort, x).maps[key], x, wanted.maps[key])
    return ours, wanted


def test_these_are_the_forward_only_methods():
    assert {"cam", "occlusion"} <= {n for n, m in registered().items() if m.needs in FORWARD}
    assert all((m.runs_on == "ONNX Runtime") == (m.needs in FORWARD) for m in registered().values())


@pytest.mark.parametrize("name", ["resnet", "mobilenet", "tensorflow", "windows", "branches"])
def test_cam(name):
    ort, torch = both(name, "cam")
    assert ort.layer == torch.layer


@pytest.mark.parametrize("name", ["vgg", "resnet", "tensorflow", "vit"])
@pytest.mark.parametrize("fill", ["black", "white", "mean", "blur", "noise", "0.5"])
def test_occlusion(name, fill):
    ort, torch = both(name, "occlusion", "score", window=8, stride=8, fill_with=fill)
    assert (ort.maps["predicted_class"] == torch.maps["predicted_class"]).all()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_threads(name, threads):
    both(name, "occlusion", "score", threads=threads, window=8, stride=8)
