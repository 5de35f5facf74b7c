"""The way of the relevance as a model of its own: what it takes, and what it gives."""

import numpy as np
import onnxruntime
from handmade import model

from onnxplain.adapters.ort import OrtAdapter
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from onnxplain.relevance.nodes.part import relevance_way
from onnxplain.symbolic.facts import measure_facts


def test_it_reads_a_forward_pass_and_gives_the_epsilon_rule_of_a_dense_layer():
    rng = np.random.default_rng(0)
    w, b = (rng.normal(size=s).astype(np.float32) for s in ((12, 4), (4,)))
    body = "f = Flatten(image) scores = Gemm(f, w, b)"
    graph = prepare(model(body, {"w": w, "b": b}, image="float[N,3,2,2] image"))
    x = rng.normal(size=(2, 3, 2, 2)).astype(np.float32)
    engine = OrtAdapter(graph, find_image_input(graph), "scores", device="cpu")
    facts = measure_facts(graph, [x[:1], x], engine.activations)
    way = relevance_way(graph, facts, ["scores"], composite("epsilon"), ["image"], "image")
    R = rng.normal(size=(2, 4)).astype(np.float32)
    kept = [n for n in way.back.reads if n != "image"]
    forward = {**engine.activations(x, kept), "image": x}
    options = onnxruntime.SessionOptions()
    given = [onnxruntime.OrtValue.ortvalue_from_numpy(v) for v in way.back.weights.values()]
    options.add_external_initializers(list(way.back.weights), given)
    session = onnxruntime.InferenceSession(
        way.back.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feeds = {**{n: forward[n] for n in way.back.reads}, way.back.seeds["scores"]: R}
    found, sums = session.run([way.back.outputs["image"], way.sums], feeds)
    flat = x.reshape(2, 12).astype(np.float64)
    z = flat @ w + b
    expected = flat * (R / (z + 1e-6 * np.where(z < 0, -1, 1)) @ w.T)
    np.testing.assert_allclose(found.reshape(2, 12), expected, rtol=1e-4, atol=1e-5)
    leaks, growth = way.balance.read(sums)
    assert leaks[0].tensor == "scores"
    assert abs(leaks[0].absorbed - (R.sum() - expected.sum())) < 1e-3
    assert growth.op_type in ("", "Gemm")
