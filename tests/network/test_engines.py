"""Which engine a network asks for what, as its user chose."""

import pytest
from graphs import classifier

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.network import engines, slopes
from onnxplain.network.network import Network


def opened(engine, **options):
    return Network(prepare(classifier()), engine=engine, **options)


def test_onnx_runtime_gives_gradients_to_who_asks_for_it():
    network = opened("onnxruntime")
    assert network.adapter(Capability.GRADIENTS) is network.slopes
    assert network.adapter(Capability.FORWARD) is network.ort
    assert network.adapter(Capability.RELEVANCE) is network.slopes
    with pytest.raises(MethodRefusedError, match="--engine pytorch"):
        network.adapter(Capability.GRADIENTS | Capability.SIGNALS)
    assert network.with_graph(network.graph).gradients_by == "onnxruntime"


def test_pytorch_gives_them_to_who_asks_for_that():
    network = opened("pytorch")
    assert network.adapter(Capability.GRADIENTS) is network.torch
    assert network.converted is network.torch


def test_onnx_runtime_does_not_compute_in_double_precision():
    with pytest.raises(UsageError, match="--engine pytorch"):
        opened("onnxruntime", precision="double")
    assert not opened("auto", precision="double").slopes_in_onnx(Capability.GRADIENTS)


def test_relevance_comes_from_pytorch_where_onnx_runtime_opens_late(monkeypatch):
    network = opened("auto")
    assert network.adapter(Capability.RELEVANCE) is network.slopes
    network.passing = True
    assert network.adapter(Capability.RELEVANCE) is network.torch
    monkeypatch.setattr(slopes, "_QUICK_NODES", len(network.graph.nodes) - 1)
    network = opened("auto")
    assert network.adapter(Capability.RELEVANCE) is network.torch
    assert network.adapter(Capability.GRADIENTS) is network.slopes
    monkeypatch.setattr(slopes, "_QUICK_NODES", len(network.graph.nodes))
    monkeypatch.setattr(slopes, "_QUICK_BYTES", 10)
    network = opened("auto")
    assert network.adapter(Capability.RELEVANCE) is network.torch
    monkeypatch.setattr(engines, "lacks_pytorch", lambda: "torch is not installed")
    assert network.adapter(Capability.RELEVANCE) is network.slopes
    # Another precision, or another device, is not at hand.
    assert not opened("auto", precision="double").slopes_in_onnx(Capability.RELEVANCE)
