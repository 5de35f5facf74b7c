"""Sections of Keras exports: an NHWC input, odd sizes, padding on one side only."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from adapters.incremental.compare import Case, require_same, windows_of
from adapters.incremental.mutations import MUTATIONS, largest_difference
from handmade import context_of

from onnxplain.graph.prepare import prepare
from onnxplain.graph.sections import Sections
from onnxplain.network.network import Network

ROOT = Path(__file__).parents[3]
MOBILE = ROOT / "tests/oracles/keras_mobile.onnx"
FILES = [MOBILE, ROOT / "models/fashion-cnn.onnx", ROOT / "models/digits-keras.onnx"]
EXACT = 1e-5


def case_of(path):
    """Windows all over the picture, and the whole last feature map; the rest is the head."""
    proto = onnx.load(path)
    network = Network(prepare(proto), device="cpu")
    assert network.image.layout == "NHWC"
    found = Sections(network.graph, network.shapes, network.image, [network.head.logits])
    behind = [n.op_type for n in found.nodes[found.cuts[-1].position :]]
    assert behind[:2] == ["GlobalAveragePool", "Squeeze"]
    high, wide = network.image.size
    windows = windows_of((high, wide), (high // 7, max(1, wide // 9)), (high // 8, wide // 8))
    return proto, Case(proto, list(found.cuts[-1].tensors), windows=windows)


def crops_most(part):
    """Whether most windows leave out cells of a section's inputs, in both directions."""
    sides = zip((part.rows, part.columns), part.section.start.size, strict=True)
    return all(np.median(side.crops.length) < cells for side, cells in sides)


def test_the_export_has_what_it_is_here_for():
    """Both kinds of padding that Keras writes, and sizes that stride two does not divide."""
    graph = Network(prepare(onnx.load(MOBILE)), device="cpu").graph
    strided = [n for n in graph.nodes if n.attributes.get("strides") == [2, 2]]
    pads = [n.attributes.get("pads", [0, 0, 0, 0]) for n in strided]
    assert pads == [[1, 1, 1, 1], [1, 0, 1, 1], [0, 0, 0, 0]]
    assert [n.op_type for n in graph.nodes].count("Pad") == 1
    assert graph.nodes[0].op_type == "Transpose"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_cell_of_the_last_feature_map(path):
    _, case = case_of(path)
    plans = case.plans(0, 3)
    assert len({p.cuts for p in plans}) > 2
    assert any(crops_most(part) for plan in plans for part in plan.parts)
    for plan in plans:
        assert case.difference(plan) < EXACT


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_engine_runs_in_sections(path):
    proto, case = case_of(path)
    windows = windows_of(case.network.image.size, (3, 2), (4, 5))
    context = context_of(proto, threads=1)
    record = require_same(context, case.x, windows, EXACT, case.names)
    assert record["name"] == "incremental"
    assert record["sections"]
    assert record["difference"] < EXACT


@pytest.mark.parametrize(("module", "name", "mutation"), MUTATIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_mutation_is_seen(monkeypatch, path, module, name, mutation):
    monkeypatch.setattr(module, name, mutation)
    _, case = case_of(path)
    assert largest_difference(case, case.plans(0, 3)) > 100 * EXACT
