"""Does one input stand for itself: found out with few passes, and named where it does not."""

from pathlib import Path

import company
import numpy as np
import onnx
import pytest
from onnxruntime.quantization import QuantFormat, quantize_dynamic
from quantised_twins import GAP, RECIPE, static

import onnxplain
from onnxplain.adapters.independence import Independence, measure_independence
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.draws import random_nodes
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

SHIPPED = sorted(str(p) for p in Path("models").glob("*.onnx"))
# The node that an expert would name, by its operator.
NODES = {
    "statistics of the batch": "BatchNormalization in training mode (tensor 'm')",
    "of the scores alone": "BatchNormalization in training mode (tensor 'scores')",
    "before there was a mode": "BatchNormalization in training mode (tensor 'm')",
    "statistics written out": "ReduceMean (tensor 'mu')",
    "centred": "ReduceMean (tensor 'mu')",
    "centred a little": "ReduceMean (tensor 'mu')",
    "a norm of all": "ReduceL2 (tensor 'n')",
    "a norm over the batch": "LpNormalization (tensor 'u')",
    "softmax over the batch": "Softmax (tensor 'u')",
    "softmax of all": "Softmax (tensor 'u')",
    "the largest": "TopK (tensor 't')",
    "who is the largest": "ArgMax (tensor 'i')",
    "divided by the largest": "ReduceMax (tensor 't')",
    "summed up": "CumSum (tensor 'u')",
    "summed from behind": "CumSum (tensor 'u')",
    "scanned": "Scan (tensor 'last')",
    "a sequence of inputs": "RNN (tensor 'h')",
    "a shape that mixes": "Softmax (tensor 'p')",
    "turned round": "Slice (tensor 'u')",
    "a range of all": "DynamicQuantizeLinear (tensor 'q')",
}


def network(parts, **more):
    return Network(prepare(company.classifier(**parts, **more)), device="cpu")


@pytest.mark.parametrize("name", company.MEETING)
def test_inputs_that_meet_are_seen_and_the_node_is_named(name):
    found = network(company.MEETING[name]).independence
    assert found.coupled
    assert found.parts
    assert found.repeats
    assert NODES.get(name, "") in found.cause
    assert found.refused == (name == "one only")
    assert len(found.warnings) == 1
    assert "every input is run alone" in found.warnings[0]


@pytest.mark.parametrize("name", company.APART)
def test_what_only_looks_like_it_is_let_alone(name):
    found = network(company.APART[name]).independence
    assert found == Independence()
    assert found.warnings == ()


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_models_stand_for_themselves(path):
    found = onnxplain.load(path, device="cpu").network.independence
    assert found == Independence(batch=found.batch)


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_fixed_scales_let_inputs_alone(form, tmp_path):
    path = tmp_path / "m.onnx"
    static(path, form)
    found = onnxplain.load(path, preprocess=RECIPE, device="cpu").network.independence
    assert found == Independence()


def test_scales_that_are_measured_do_not(tmp_path):
    """The range of a dynamic quantisation is that of the whole batch."""
    path = tmp_path / "m.onnx"
    quantize_dynamic(GAP, path)
    found = onnxplain.load(path, preprocess=RECIPE, device="cpu").network.independence
    assert found.coupled
    assert "DynamicQuantizeLinear" in found.cause


@pytest.mark.parametrize("name", company.RANDOM)
def test_random_numbers_are_seen_and_the_node_is_named(name):
    opened = network(company.RANDOM[name])
    found = opened.independence
    assert not found.repeats
    assert found.parts
    assert found.spread > 0.01
    assert found.drawn_by
    assert found.drawn_by[0] in found.warnings[0]
    assert found.to_dict()["coupled"] is None
    with pytest.raises(UnsupportedModelError, match=r"run to run.*\(tensor '\w+'\).*--average N"):
        opened.require_repeatable()
    opened.require_repeatable(averaged=True)


def test_a_random_node_that_is_seldom_seen_is_told_of():
    """One with no effect in any run is no reason to refuse, but one to say so."""
    nothing = {"vector": "z = RandomUniform<low=0.0, high=0.0, shape=[1,12]>() u = Add(v, z) "}
    seldom = {"vector": "z = RandomNormalLike(v) y = Mul(z, none) u = Add(v, y) "}
    for parts in (nothing, seldom):
        found = network(parts).independence
        assert found.repeats
        assert not found.parts
        assert "draws random numbers" in found.warnings[0]


def test_it_costs_nothing_where_no_node_is_random(monkeypatch):
    opened = network({})
    monkeypatch.setattr(OrtAdapter, "activations", None)
    opened.require_repeatable()
    assert opened.known_independence is None


def test_scores_that_drift_are_refused():
    """ONNX Runtime writes the running statistics over constants that other nodes share."""
    weights = {"gamma": np.ones(company.WIDE), "beta": np.zeros(company.WIDE)}
    shared = "m, mm, mv = BatchNormalization<training_mode=1>(c, gamma, beta, beta, gamma) "
    proto = company.classifier(maps=shared)
    for tensor in proto.graph.initializer:
        if tensor.name in weights:
            value = weights[tensor.name].astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(value, tensor.name))
    opened = Network(prepare(proto), device="cpu")
    assert not opened.independence.repeats
    for averaged in (False, True):
        with pytest.raises(UnsupportedModelError, match="overwrites constants at BatchNorm"):
            opened.require_repeatable(averaged=averaged)


def test_a_file_of_one_input_has_no_company():
    for name in ("statistics of the batch", "centred a little"):
        assert network(company.MEETING[name], batch=1).independence == Independence(batch=1)


@pytest.mark.parametrize("batch", [2, 5])
def test_a_fixed_batch(batch):
    found = network(company.MEETING["statistics written out"], batch=batch).independence
    assert found.coupled
    assert found.cause == NODES["statistics written out"]
    assert f"a batch of {batch} copies of itself" in found.warnings[0]
    assert network({}, batch=batch).independence == Independence(batch=batch)


class Rounding(OrtAdapter):
    """Another number of inputs is another order of additions, as in many kernels."""

    by = 1e-6

    def activations(self, x, names):
        found = super().activations(x, names)
        return {k: v * np.float32(1 + self.by * len(x)) for k, v in found.items()}


@pytest.mark.parametrize(("by", "coupled"), [(1e-6, False), (1e-2, True)])
def test_rounding_by_the_number_of_inputs_is_allowed_and_no_more(by, coupled):
    opened = network({})
    engine = Rounding(opened.graph, opened.image, "scores", device="cpu")
    engine.by = by
    x = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)
    found = measure_independence(opened.graph, opened.image, engine, lambda: engine, x, ["scores"])
    assert found.coupled == coupled


def test_random_nodes_behind_the_scores_do_not_count():
    graph = prepare(company.classifier(**company.RANDOM["noise"]))
    assert [n.op_type for n in random_nodes(graph, ["scores"])] == ["RandomNormalLike"]
    assert random_nodes(graph, ["v"]) == []


def test_what_lies_behind_a_tensor_is_as_the_whole():
    whole = network(company.MEETING["statistics written out"])
    (info,) = whole.graph.inputs
    rest = whole.cut_at(info, "NCHW", (16, 16))
    assert rest.independence is whole.independence
    edited = whole.with_graph(prepare(company.classifier()))
    assert not edited.independence.coupled
