"""Methods that take derivatives or relevance find the same in both engines."""

import functools

import nets
import numpy as np
import pytest
from handmade import context_of, target_of
from noise import require_float32

from onnxplain.adapters.base import FORWARD_VERBS, Capability
from onnxplain.methods import find, registered
from onnxplain.network.network import Network
from tests.applicable import NEED_BOXES, WITHOUT_ATTENTION

pytestmark = pytest.mark.kernels
TARGET = 3
FEW = {"samples": 4}
OPTIONS = {
    "smoothgrad": FEW,
    "smoothgrad-squared": FEW,
    "vargrad": FEW,
    "expected-gradients": FEW,
    "integrated-gradients": {"steps": 8, "max_steps": 8},
    "guided-ig": {"steps": 4},
    "blur-ig": {"steps": 8, "max_steps": 8},
}
ELSEWHERE = Capability.SIGNALS
METHODS = sorted(
    name
    for name, m in registered().items()
    if m.needs not in FORWARD_VERBS and not m.needs & ELSEWHERE and name not in NEED_BOXES
)


@functools.cache
def opened(net, engine):
    precision = "double" if engine == "pytorch" else "single"
    return context_of(nets.exported(net).proto, Network, engine=engine, precision=precision)


@pytest.mark.parametrize("net", ["mobilenet", "vit"])
@pytest.mark.parametrize("name", METHODS)
def test_the_engines_agree(name, net):
    if net != "vit" and name not in WITHOUT_ATTENTION:
        pytest.skip("there is no attention")
    found = find(name)

    def run(engine, x):
        context = opened(net, engine)
        target = target_of(context, TARGET, found.explains)
        return found.function(context, x, target, **OPTIONS.get(name, {})).values

    x = nets.exported(net).x.astype(np.float32)
    exact = run("pytorch", x.astype(np.float64))
    assert np.abs(exact).max() > 0
    require_float32(lambda x: run("onnxruntime", x), x, exact)
    slopes = opened(net, "onnxruntime").network.slopes
    assert slopes.device.endswith("derivatives in ONNX nodes")


def test_the_methods_of_the_registry_are_there():
    assert {"gradient", "grad-cam", "integrated-gradients", "smoothgrad"} <= set(METHODS)
    assert {"lrp", "attn-lrp", "deep-taylor"} <= set(METHODS)
    assert not {"deeplift", "guided-backprop"} & set(METHODS)
