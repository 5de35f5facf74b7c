"""What `onnxplain inspect` prints."""

import json
import re

import onnx
import pytest
from deep_networks import deep, proto_of
from raw_heads import written

from onnxplain import load
from onnxplain.model.inspection import inspect_file, inspect_model
from tests.small_models import NEVER_RUNS, WITHOUT_RULE, write_model


def unaligned(text):
    """Without the spaces that columns are aligned by."""
    return re.sub(" +", " ", text)


def test_tables_name_all_that_matters(run):
    found = run("inspect", "models/fashion-cnn.onnx")
    assert found.exit_code == 0
    assert found.stderr == ""
    for text in (
        "tf2onnx", "ai.onnx 17", "float32", "Conv 3", "NHWC",
        "10 classes, a Softmax over 10 classes", "logits at",
        "fashion-mnist: gray", "from fashion-cnn.preprocess.json",
        "10 from fashion-cnn.labels.json", "(Relu, 64 maps of 7 x 7)", "next candidate",
        "CAM head found", "occlusion yes",
    ):  # fmt: skip
        assert text in unaligned(found.stdout)


def test_why_not_is_said_for_each_method(run):
    found = run("inspect", "models/digits-softmax.onnx")
    assert "\ncam no: cam needs global average pooling" in unaligned(found.stdout)
    assert "\ngrad-cam yes" in unaligned(found.stdout)


def test_only_what_uses_relevance_needs_a_rule(run, tmp_path):
    path = write_model(tmp_path / "m.onnx", WITHOUT_RULE)
    said = unaligned(run("inspect", path).stdout)
    for method in ("gradient", "smoothgrad", "smoothgrad-squared", "vargrad", "deeplift"):
        assert f"\n{method} yes" in said
    for method in ("lrp", "deep-taylor"):
        assert f"\n{method} no: no relevance rule for Sin" in said
    assert "\nguided-backprop no: guided backpropagation needs ReLU-like activations" in said


def test_lines_are_never_broken_in_a_pipe(run):
    for line in run("inspect", "models/digits-vit.onnx").stdout.splitlines():
        assert line == line.rstrip()
        assert not line or line.split()[0] != "global"


@pytest.mark.parametrize("stem", ["digits-gap", "digits-softmax", "fashion-cnn"])
def test_json_is_what_python_gets(run, stem):
    path = f"models/{stem}.onnx"
    found = json.loads(run("inspect", path, "--json").stdout)
    assert list(found) == ["format", "file", "model", "problem"]
    assert found["format"] == 1
    assert found["file"] == json.loads(json.dumps(inspect_file(path).to_dict()))
    assert found["model"] == json.loads(json.dumps(inspect_model(load(path))))
    assert found["problem"] is None


def test_a_guess_is_a_warning(run, tmp_path):
    found = run("inspect", write_model(tmp_path / "m.onnx"))
    assert found.exit_code == 0
    assert "onnxplain: warning: preprocessing is guessed" in found.stderr
    assert "from a guess" in found.stdout


def test_a_model_that_is_no_image_classifier_is_still_described(run, tmp_path):
    path = write_model(tmp_path / "m.onnx", image="float[N,4,4] x")
    found = run("inspect", path)
    assert found.exit_code == 3
    assert "x: float32 [N, 4, 4]" in found.stdout
    assert "onnxplain: error: no input looks like an image" in found.stderr
    document = json.loads(run("inspect", path, "--json").stdout)
    assert document["model"] is None
    assert "no input looks like an image" in document["problem"]
    assert document["file"]["inputs"] == [{"name": "x", "dtype": "float32", "shape": ["N", 4, 4]}]


def test_control_characters_in_names_do_not_reach_the_terminal(run, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("a\x1b[31mred\nb\nc\n")
    found = run(
        "explain", write_model(tmp_path / "m.onnx"), "examples/digits/3-10.png",
        "-m", "occlusion", "-o", tmp_path / "out", "--labels", labels,
    )  # fmt: skip
    assert found.exit_code == 0
    assert "[31mred" in found.stdout
    assert "\x1b" not in found.stdout + found.stderr


def test_a_model_that_fails_when_it_is_run_is_a_fault_of_its_file(run, tmp_path):
    path = write_model(tmp_path / "m.onnx", NEVER_RUNS)
    found = run("inspect", path)
    assert found.exit_code == 3
    assert "ONNX Runtime cannot run this model on any picture" in found.stderr
    assert "Reshape 1" in found.stdout  # the facts of the file are told all the same
    found = run("explain", path, "examples/digits/3-10.png", "-m", "occlusion", "-o", tmp_path)
    assert found.exit_code == 3


def test_layers_are_listed_with_their_numbers_and_the_reason_of_the_choice(run):
    path = "models/digits-vit.onnx"
    said = run("inspect", path, "--layers").stdout
    network = load(path).network
    rows = re.findall(r"^(\d+) +(\S+) +(\S+) +(\d+) of", said, re.M)
    assert [int(index) for index, *_ in rows] == list(range(len(rows)))
    for index, name, operator, channels in rows:
        layer = network.layer(int(index))
        assert (layer.name, layer.op_type, str(layer.channels)) == (name, operator, channels)
    chosen = network.layer(None).name
    (marked,) = [row for row in said.splitlines() if row.endswith("last: chosen")]
    assert marked.split()[1] == chosen
    assert said.splitlines()[-1].startswith(f"chosen: {chosen}: the input of the last attention")
    assert "layers for maps" not in run("inspect", path).stdout


def test_an_early_choice_is_said(run, tmp_path):
    path = tmp_path / "early.onnx"
    nodes, constants = deep(lost=True)
    path.write_bytes(proto_of(nodes, constants).SerializeToString())
    found = run("inspect", path, "--json")
    choice = json.loads(found.stdout)["model"]["layer_choice"]
    assert "of the network's depth" in choice["warning"]
    assert choice["warning"] in json.loads(found.stdout)["model"]["warnings"]
    assert f"warning: {choice['warning']}" in run("inspect", path).stderr


def test_a_start_for_a_declaration_is_printed_where_boxes_cannot_be_read(run, tmp_path):
    onnx.save(written("yolov5 maps"), tmp_path / "m.onnx")
    found = run("inspect", str(tmp_path / "m.onnx"))
    assert found.exit_code == 3
    assert "`onnxplain inspect` prints a start" in found.stderr
    assert "m.onnxplain.json" in found.stdout
    listed = found.stdout[found.stdout.index("{") : found.stdout.rindex("}") + 1]
    said = run("inspect", "--json", str(tmp_path / "m.onnx"))
    template = json.loads(said.stdout)["boxes_template"]
    assert json.loads(listed) == {"boxes": template}
    assert template["boxes"]["tensor"] == ["small", "middle", "large"]
