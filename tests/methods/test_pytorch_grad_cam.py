"""pytorch-grad-cam on the original networks (stored numbers) against ours on their ONNX files."""

import json
from pathlib import Path

import numpy as np
import pytest
from originals import difference, pair

STORED = json.loads((Path(__file__).parents[1] / "oracles/grad_cam.json").read_text("utf-8"))
METHODS = list(STORED["maps"]["lite0"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", list(STORED["maps"]))
def test_cam_methods(name, method):
    theirs = np.array(STORED["maps"][name][method])
    made, target = pair(name), STORED["targets"][name]
    found = made.double.explain(made.x, method, target)
    if method == "eigen-cam":  # a singular vector has no sign; ours is chosen, theirs is not
        theirs = theirs if theirs.max() >= -theirs.min() else -theirs
    # Eigen-CAM reads feature maps from ONNX Runtime, in float32.
    tolerance = 1e-5 if method == "eigen-cam" else 1e-6
    assert difference(found.attribution, theirs) < tolerance
    assert difference(made.single.explain(made.x, method, target).attribution, theirs) < 1e-4
    others = [np.array(STORED["maps"][name][m]) for m in METHODS if m != method]
    # Control: on a layer whose gradient is the same everywhere (a global average follows),
    # Grad-CAM, HiResCAM and XGrad-CAM are one map; the others must differ from it.
    assert any(difference(found.attribution, other) > 1e-2 for other in others)
    if method != "eigen-cam":
        other = made.double.explain(made.x, method, target - 1)
        assert difference(other.attribution, theirs) > 1e-2
