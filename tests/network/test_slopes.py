"""PyTorch stays away from a process in which ONNX Runtime gives the derivatives."""

import subprocess
import sys

import pytest
from small_models import LINEAR, model_of, write_model

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.prepare import prepare
from onnxplain.network.slopes import suits_onnx

CODE = """
import sys, numpy, onnxplain
model = onnxplain.load({path!r}, engine={engine!r})
picture = numpy.random.default_rng(0).integers(0, 255, (4, 4), dtype=numpy.uint8)
found = model.explain(picture, {method!r}, 0)
print("torch" in sys.modules, found.provenance["engine"])
"""


@pytest.mark.parametrize("method", ["gradient", "saliency", "integrated-gradients", "smoothgrad"])
def test_a_fresh_process_does_not_import_pytorch(tmp_path, method):
    path = write_model(tmp_path / "m.onnx")
    said = run(str(path), None, method)
    assert said == "False CPUExecutionProvider, derivatives in ONNX nodes"


def test_who_asks_for_pytorch_gets_it(tmp_path):
    path = write_model(tmp_path / "m.onnx")
    assert run(str(path), "pytorch", "gradient") == "True torch cpu"


def run(path, engine, method):
    code = CODE.format(path=path, engine=engine, method=method)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_the_choice_depends_on_the_model_alone():
    import onnxplain.adapters.torch  # noqa: F401

    graph = prepare(model_of(LINEAR))
    image = ImageInput("x", "float32", "NCHW", 1, (4, 4), None, False)
    assert suits_onnx(graph, image, "single", "CPUExecutionProvider")
    assert not suits_onnx(graph, image, "double", "CPUExecutionProvider")
    assert not suits_onnx(graph, image, "single", "CUDAExecutionProvider")
    pixels = ImageInput("x", "uint8", "NCHW", 1, (4, 4), None, False)
    assert not suits_onnx(graph, pixels, "single", "CPUExecutionProvider")
