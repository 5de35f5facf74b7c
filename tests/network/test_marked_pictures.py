"""A map lies where the mark is, however a layer holds the places of the picture."""

from dataclasses import replace

import numpy as np
import pytest
import rearranged
from rearranged import DERIVED, GRID, MEASURED, SORTED, WRONG

import onnxplain
from onnxplain.errors import MethodRefusedError
from onnxplain.network.chosen_layer import named_layer
from onnxplain.network.placed_layer import placement

MARKS = [(0, 0), (0, 5), (1, 3), (2, 1), (3, 4)]


def opened(way):
    return onnxplain.load(rearranged.file_of(way), preprocess="zero-one")


def last_layer(model):
    """The tensor that is averaged."""
    graph = model.network.graph
    averaged = [n for n in graph.nodes if n.op_type in ("ReduceMean", "GlobalAveragePool")]
    return averaged[-1].inputs[0]


def peaks(model, method, **parameters):
    """Place of the grid of patches at which a map has its peak, for each mark."""
    found = []
    for mark in MARKS:
        map_ = model.explain(rearranged.marked(*mark), method, target=0, **parameters).attribution
        row, column = np.unravel_index(np.argmax(map_), map_.shape)
        found.append((row * GRID[0] // map_.shape[0], column * GRID[1] // map_.shape[1]))
    return found


@pytest.mark.parametrize("method", ["hirescam", "eigen-cam", "recipro-cam"])
@pytest.mark.parametrize("name", [*DERIVED, *MEASURED])
def test_the_map_lies_where_the_mark_is(name, method):
    model = opened({**DERIVED, **MEASURED}[name])
    assert peaks(model, method, layer=last_layer(model)) == MARKS


@pytest.mark.parametrize("name", [*DERIVED, *MEASURED])
def test_the_chosen_layer_lies_where_the_mark_is(name):
    model = opened({**DERIVED, **MEASURED}[name])
    assert peaks(model, "grad-cam") == MARKS


@pytest.mark.parametrize("name", DERIVED)
def test_the_measurement_confirms_what_is_derived(name):
    model = opened(DERIVED[name])
    layer = named_layer(model.network, last_layer(model))
    assert placement(model.network, layer).verdict == "agrees"


@pytest.mark.parametrize("name", MEASURED)
def test_a_measured_order_is_said(name):
    model = opened(MEASURED[name])
    layer = last_layer(model)
    found = model.explain(rearranged.marked(0, 0), "eigen-cam", layer=layer)
    assert any("not in the picture's order" in text for text in found.warnings)
    assert found.notes["placement"]["verdict"] == "permuted"


@pytest.mark.parametrize("name", ["tokens", "tokens re-ordered", "maps upside down"])
def test_a_forced_order_fails_the_same_check(name, monkeypatch):
    """The control: cells in another order, and no measurement to notice it."""
    model = opened(DERIVED[name])
    layer = last_layer(model)
    wrong = replace(
        named_layer(model.network, layer), order=np.random.default_rng(0).permutation(24)
    )
    monkeypatch.setattr(model.network, "layer", lambda name: wrong)
    assert peaks(model, "eigen-cam", layer=layer) != MARKS


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_map_is_refused(name):
    model = opened(WRONG[name])
    with pytest.raises(MethodRefusedError) as caught:
        model.explain(rearranged.marked(0, 0), "eigen-cam", layer=last_layer(model))
    assert "\n" not in str(caught.value)


def test_attention_to_re_ordered_tokens_lies_where_the_mark_is():
    model = opened(DERIVED["attention of re-ordered tokens"])
    assert peaks(model, "attention-rollout") == MARKS


def test_tokens_sorted_by_the_picture_are_no_map():
    model = opened(SORTED)
    assert peaks(model, "grad-cam") == MARKS
    with pytest.raises(MethodRefusedError, match="no height and width of the picture"):
        model.explain(rearranged.marked(0, 0), "grad-cam", layer=last_layer(model))
