"""Files as they are deployed: fused, in float16, with integers, with computed weights."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.helper import make_node as node
from onnx.helper import make_tensor_value_info
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

import onnxplain
from onnxplain.export import export as module
from onnxplain.export.export import export
from tests.convert.forms import noise
from tests.convert.oracle import make_model, session

GAP = "models/digits-gap.onnx"
PICTURE = "examples/digits/3-10.png"


def as_float16(path):
    onnx.save(convert_float_to_float16(onnx.load(GAP), keep_io_types=False), path)


def fused(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(GAP, options, providers=["CPUExecutionProvider"])


def integers(path):
    quantize_dynamic(GAP, path)


@pytest.mark.parametrize(
    ("change", "operator"),
    [(as_float16, "Conv"), (fused, "FusedConv"), (integers, "ConvInteger")],
)
def test_what_people_deploy(change, operator, tmp_path):
    path = tmp_path / "model.onnx"
    change(path)
    original = onnx.load(path)
    assert operator in {n.op_type for n in original.graph.node}
    model = onnxplain.load(path, preprocess="models/digits-gap.preprocess.json")
    methods = ["gradient", "integrated-gradients", "lrp"]
    found = export(model, path, tmp_path / "out.onnx", methods, steps=3, picture=PICTURE)
    # What float32 leaves in doubt was computed in float64 on both sides.
    assert all(m.error < 1e-5 or m.exact < 1e-6 for m in found.maps)
    x = {model.network.image.name: model.read(PICTURE).x}
    outputs = [o.name for o in original.graph.output]
    after = session(onnx.load(tmp_path / "out.onnx")).run(
        [*outputs, *found.written.outputs.values()], x
    )
    for one, other in zip(session(original).run(outputs, x), after, strict=False):
        assert one.tobytes() == other.tobytes()
    theirs = model.explain(PICTURE, "gradient", allow_mismatch=True).attribution
    assert np.corrcoef(after[len(outputs)].ravel(), theirs.ravel())[0, 1] > 0.9


def test_weights_that_a_file_computes_may_stay_so(tmp_path, monkeypatch):
    """A file that is put beside the maps as it is still holds what they read as constants."""
    nodes = [node("Exp", ["w"], ["kernel"]), node("Conv", ["x", "kernel"], ["a"]),
             node("Tanh", ["a"], ["b"]), node("GlobalAveragePool", ["b"], ["p"]),
             node("Flatten", ["p"], ["y"])]  # fmt: skip
    path, out = tmp_path / "model.onnx", tmp_path / "out.onnx"
    constants = {"w": noise(4, 3, 3, 3) / 4 - 2}
    made = make_model(nodes, {"x": noise(1, 3, 12, 12)}, ["y"], constants)
    made.graph.output[0].CopyFrom(make_tensor_value_info("y", 1, [1, 4]))
    onnx.save(made, path)
    ways = module._ways
    monkeypatch.setattr(module, "_ways", lambda *given: list(ways(*given))[-1:])
    model = onnxplain.load(path, scores="logits")
    found = export(model, path, out, ["grad-cam", "gradient"])
    assert found.forward == "repeated"
    assert all(m.error < 1e-5 or m.exact < 1e-6 for m in found.maps)
    assert [n.op_type for n in onnx.load(out).graph.node if "kernel" in n.output] == ["Exp"]
