"""AttnLRP and CP-LRP on a two-block transformer: LXT's numbers, and propositions by hand."""

import json
from pathlib import Path

import nets
import numpy as np
import onnxruntime
import pytest
import torch
from originals import difference, pair

import onnxplain
from tests.engines import relevance

STORED = json.loads((Path(__file__).parents[1] / "oracles/lxt.json").read_text())
TARGET = 3
TOLERANCE = 1e-4
# LXT has the epsilon rule at linear layers and, as one of them, at the patches.
EPSILON_ONLY = {"gamma": 0.0, "linear_gamma": 0.0, "epsilon": 1e-12}


def opened(opset, precision="double", *, fused=None):
    net, x = nets.network("vit"), nets.images("vit")
    proto = nets.export(net, torch.from_numpy(x).float(), opset=opset)
    if fused is not None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(fused)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        proto = fused
    return onnxplain.load(proto, preprocess="minus-one-one", precision=precision)


def explain(model, form, **parameters):
    x = nets.images("vit").astype(np.float32)
    return model.explain(
        x, "attn-lrp", TARGET, kind="logit", form=form, **(parameters or EPSILON_ONLY)
    )


@pytest.mark.parametrize("form", ["attn", "cp"])
@pytest.mark.parametrize("opset", [11, 14, 17, 20])
def test_lxt(opset, form):
    """Up to opset 16, LayerNormalization is in pieces; from 20 on, Gelu is whole."""
    model = opened(opset)
    kinds = {n.op_type for n in model.network.graph.nodes}
    assert ("LayerNormalization" in kinds) == (opset >= 17)
    assert ("Gelu" in kinds) == (opset >= 20)
    found = explain(model, form).attribution.sum(0)
    theirs = np.array(STORED[form])
    assert difference(found, theirs) < TOLERANCE
    # Controls: the other form, and gammas, are visibly different.
    other = np.array(STORED["cp" if form == "attn" else "attn"])
    assert difference(found, other) > 1e-2
    assert difference(explain(model, form, gamma=0.25).attribution.sum(0), theirs) > 1e-2


def test_lxt_in_single_precision():
    found = explain(opened(17, "single"), "attn").attribution.sum(0)
    assert difference(found, np.array(STORED["attn"])) < TOLERANCE


def test_lxt_on_a_file_that_onnx_runtime_fused(tmp_path):
    model = opened(17, fused=tmp_path / "fused.onnx")
    assert any(n.domain == "com.microsoft" for n in model.network.graph.nodes)
    for form in ("attn", "cp"):
        found = explain(model, form).attribution.sum(0)
        assert difference(found, np.array(STORED[form])) < TOLERANCE


def test_attention_weights_receive_nothing_under_cp():
    model = pair("vit").double
    graph = model.network.graph
    weights = next(n for n in graph.nodes if n.op_type == "Softmax").output
    target = model.target(TARGET, model.predict(pair("vit").x))
    from onnxplain.relevance.composites import composite

    def at_weights(name):
        rules = composite(name, gamma=0.0, linear_gamma=0.0)
        return relevance(model.network.torch, pair("vit").x, target, rules, [weights]).relevance

    assert not at_weights("cp-lrp")[weights].any()
    assert np.abs(at_weights("attn-lrp")[weights]).max() > 1e-3
