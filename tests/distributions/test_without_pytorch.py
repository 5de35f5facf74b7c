"""Without PyTorch forward-only work goes on, and everything else says what to install."""

import json

import numpy as np
import pytest

from onnxplain import Explanation, machine
from onnxplain.convert.torch_threads import import_torch
from onnxplain.errors import MissingPackageError
from onnxplain.methods import registered
from tests.distributions.without_pytorch import onnxplain

MODEL, PICTURE = "models/digits-gap.onnx", "examples/digits/7-8.png"
INSTALL = "install with: pip install torch onnx2torch"


def test_maps_of_methods_that_do_not_need_it_are_those_of_the_full_package(tmp_path):
    names = [
        "cam",
        "occlusion",
        "rise",
        "score-cam",
        "grad-cam",
        "gradient",
        "integrated-gradients",
    ]
    # Both in processes of their own: this one may be told to take other kernels.
    for hiding in (True, False):
        words = ("explain", MODEL, PICTURE, "-m", ",".join(names), "-o", tmp_path / str(hiding))
        done = onnxplain(*words, hiding=hiding)
        assert done.returncode == 0, done.stderr
    for name in names:
        alone, beside = (
            Explanation.load(tmp_path / str(hiding) / f"7-8.{name}.npz").attribution
            for hiding in (True, False)
        )
        assert np.array_equal(alone, beside), name


def test_all_leaves_out_what_needs_it_and_says_so(tmp_path):
    done = onnxplain("explain", MODEL, PICTURE, "-m", "all", "-o", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    written = {path.name.split(".")[1] for path in tmp_path.glob("*.npz")}
    forward = {n for n, m in registered().items() if m.runs_on == "ONNX Runtime"}
    assert {"cam", "lime", "kernel-shap", "prediction-difference", "ablation-cam"} <= written
    assert {"grad-cam", "saliency", "integrated-gradients", "smoothgrad"} <= written
    assert {"lrp", "deep-taylor"} <= written
    assert written.isdisjoint({"guided-backprop", "deeplift", "clear"})
    assert written & forward
    assert INSTALL in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("explain", MODEL, PICTURE, "-m", "guided-backprop"),
        ("inspect", MODEL, "--parity"),
        ("export", MODEL, "-m", "lrp"),
        ("features", "dream", MODEL, PICTURE),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_one_line_says_what_to_install(words, tmp_path):
    more = () if words[0] == "inspect" else ("-o", tmp_path / "out")
    done = onnxplain(*words, *more)
    assert done.returncode == MissingPackageError.exit_code == 5
    lines = [line for line in done.stderr.splitlines() if "PyTorch" in line]
    assert len(lines) == 1
    assert INSTALL in lines[0]
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


def test_inspect_tells_it_of_each_method():
    done = onnxplain("inspect", MODEL, "--json")
    assert done.returncode == 0, done.stderr
    methods = json.loads(done.stdout)["model"]["methods"]
    assert INSTALL in str(methods["deeplift"])
    for name in ("occlusion", "grad-cam", "lrp"):
        assert INSTALL not in str(methods[name])


def test_only_what_is_absent_is_named(monkeypatch):
    assert machine.lacks_pytorch() == ""
    monkeypatch.setattr(machine, "_is_there", lambda name: name == "torch")
    assert machine.lacks_pytorch().endswith("pip install onnx2torch")
    with pytest.raises(MissingPackageError, match="onnx2torch is not installed"):
        import_torch()
