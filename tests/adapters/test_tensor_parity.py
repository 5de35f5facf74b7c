"""Where the engines part, tensor by tensor; and how `inspect --parity` says it."""

import json

import onnx
import pytest
import torch
from click.testing import CliRunner

import onnxplain
from onnxplain.adapters.slope_check import TOLERANCE
from onnxplain.adapters.tensor_parity import TensorParity
from onnxplain.cli import main
from onnxplain.inputs.picture import sample_picture
from onnxplain.model.inspection import inspect_parity
from tests.small_models import UNCONVERTIBLE, write_model

GAP = "models/digits-gap.onnx"
DIGIT = "examples/digits/3-10.png"


def broken(model, tensor):
    """Change the weights that one node reads on the PyTorch side."""
    node = model.network.graph.producers[tensor]
    with torch.no_grad():
        model.network.torch._converted.program.constants()[node.inputs[1]].mul_(1.1)


def test_every_tensor_of_a_sound_conversion_agrees():
    model = onnxplain.load(GAP)
    found = model.compare_tensors(model.read(DIGIT))
    written = [o for n in model.network.graph.nodes for o in n.outputs]
    assert [t.tensor for t in found] == written
    assert not any(t.parts or t.differs for t in found)
    assert any(t.error > 0 for t in found)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_node_that_computes_something_else_is_named(position):
    model = onnxplain.load(GAP)
    convolutions = [n.output for n in model.network.graph.nodes if n.op_type == "Conv"]
    wrong = convolutions[position]
    broken(model, wrong)
    found = model.compare_tensors(model.read(DIGIT))
    assert [t.tensor for t in found if t.parts] == [wrong]
    assert next(t for t in found if t.differs).tensor == wrong
    assert found[-1].differs
    assert not found[-1].parts
    record = inspect_parity(model, model.read(DIGIT))
    assert record["parting"]["tensor"] == record["worst"][0]["tensor"] == wrong
    assert record["scores"]["agrees"] is False


def test_rounding_that_adds_up_is_no_wrong_node():
    model = onnxplain.load("models/efficientnet-lite0-int8.onnx")
    found = model.compare_tensors(sample_picture(model.preprocess))
    assert not any(t.parts for t in found)
    assert any(t.differs for t in found)


def test_what_is_not_a_number_parts():
    assert TensorParity("x", "Log", float("nan"), float("nan"), 1e-3).parts
    assert TensorParity("x", "Log", float("inf"), 0.0, 1e-3).differs


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_the_command_names_the_first_tensor_that_parts(monkeypatch):
    opened = onnxplain.load(GAP)
    wrong = [n.output for n in opened.network.graph.nodes if n.op_type == "Conv"][1]
    broken(opened, wrong)
    monkeypatch.setattr("onnxplain.cli.inspect_report.load", lambda *_, **__: opened)
    said = run("inspect", GAP, "--parity", DIGIT)
    assert said.exit_code == 0
    assert f"first to part    {wrong} (Conv): own error 0." in said.stdout
    assert "do not agree at logits" in said.stdout


def test_the_command_takes_a_random_picture_without_an_image():
    said = run("inspect", GAP, "--parity", "--json")
    assert said.exit_code == 0
    record = json.loads(said.stdout)["parity"]
    assert record["picture"] == "random"
    assert record["parting"] is None
    assert record["differing"] is None
    assert record["scores"]["agrees"]
    # One place of a rectifier at its kink may differ: rounding decides which side it is on.
    assert record["gradients"]["difference"] < 0.02
    assert record["gradients"]["correlation"] > 0.999
    assert 0 < record["gradients"]["slope_error"] <= TOLERANCE
    assert record["tensors"] == len(record["worst"]) == len(onnx.load(GAP).graph.node)
    said = run("inspect", GAP, "--parity")
    assert "first to part    none: every node agrees given its inputs" in said.stdout


def test_a_model_that_does_not_convert_is_refused(tmp_path):
    path = write_model(tmp_path / "m.onnx", UNCONVERTIBLE)
    said = run("inspect", path, "--parity")
    assert said.exit_code == 5
    assert "SequenceAt" in said.stderr
    assert said.stdout.startswith("m.onnx")
