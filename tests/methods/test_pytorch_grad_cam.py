"""pytorch-grad-cam on the original networks (stored numbers) against ours on their ONNX files."""

import json
from pathlib import Path

import numpy as np
import pytest
from originals import difference, pair

STORED = json.loads((Path(__file__).parents[1] / "oracles/grad_cam.json").read_text("utf-8"))


@pytest.mark.parametrize("name", list(STORED["maps"]))
def test_grad_cam(name):
    theirs = np.array(STORED["maps"][name])
    made, target = pair(name), STORED["targets"][name]
    found = made.double.explain(made.x, "grad-cam", target)
    assert difference(found.attribution, theirs) < 1e-6
    assert difference(made.single.explain(made.x, "grad-cam", target).attribution, theirs) < 1e-4
    other = made.double.explain(made.x, "grad-cam", target - 1)
    assert difference(other.attribution, theirs) > 1e-2
