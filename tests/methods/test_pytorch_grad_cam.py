"""pytorch-grad-cam on the original networks (stored numbers) against ours on their ONNX files."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from noise import require_float32
from originals import difference, pair
from torchvision_nets import NETS as TORCHVISION
from torchvision_nets import made

pytestmark = pytest.mark.kernels
STORED = json.loads((Path(__file__).parents[1] / "oracles/grad_cam.json").read_text("utf-8"))
METHODS = list(STORED["maps"]["lite0"])
# The library adds a constant to the denominator of the formula.
OPTIONS = {"grad-cam++": {"stabilizer": 1e-6}}


# In float64 each map of it takes seconds, and four of them are products of one gradient.
LARGE, ENOUGH = "lite0", ("grad-cam", "grad-cam++")
CASES = [
    pytest.param(
        name,
        method,
        id=f"{name}-{method}",
        marks=[pytest.mark.slow] if name == LARGE and method not in ENOUGH else [],
    )
    for name in STORED["maps"]
    for method in METHODS
]


@functools.cache
def opened(name):
    """Return the model in float64 and in float32, and the picture."""
    if name not in TORCHVISION:
        return pair(name).double, pair(name).single, pair(name).x
    _, double, x = made(name)
    return double, None, x


@pytest.mark.parametrize(("name", "method"), CASES)
def test_cam_methods(name, method):
    theirs = np.array(STORED["maps"][name][method])
    (double, single, x), target = opened(name), STORED["targets"][name]
    options = OPTIONS.get(method, {})
    found = double.explain(x, method, target, **{"kind": "logit", **options})
    if method == "eigen-cam":  # a singular vector has no sign; ours is chosen, theirs is not
        theirs = theirs if theirs.max() >= -theirs.min() else -theirs
    assert difference(found.attribution, theirs) < 1e-6
    if single is not None:
        require_float32(
            lambda x: single.explain(x, method, target, **{"kind": "logit", **options}).attribution,
            x,
            theirs,
        )
    others = [np.array(STORED["maps"][name][m]) for m in METHODS if m != method]
    # Control: on a layer whose gradient is the same everywhere (a global average follows),
    # Grad-CAM, HiResCAM and XGrad-CAM are one map; the others must differ from it.
    assert any(difference(found.attribution, other) > 1e-2 for other in others)
    if method != "eigen-cam":
        other = double.explain(x, method, target - 1, **{"kind": "logit", **options})
        assert difference(other.attribution, theirs) > 1e-2
