"""Maps of networks that cut or pad their picture lie where the picture has its mark."""

import nets
import numpy as np
import pytest
import rearranged
import torch
from rearranged import MAPS, PATCH, SIZE, Way
from torch import nn
from torch.nn import functional

import onnxplain
from onnxplain.features.maps import feature_maps
from onnxplain.network.map_spread import map_spread
from onnxplain.perturb.masks import under_masks

# Each with marks that it sees, as rows and columns of the picture's patches.
CUT = {
    "the lower half": (
        Way(lambda x: rearranged._brightness(x[:, :, 8:]), 8, MAPS),
        [(2, 0), (3, 4)],
    ),
    "the right half": (
        Way(lambda x: rearranged._brightness(x[..., 12:]), 8, MAPS),
        [(0, 3), (2, 5)],
    ),
    "the middle": (
        Way(lambda x: rearranged._brightness(x[:, :, 4:12, 4:20]), 8, MAPS),
        [(1, 1), (2, 4)],
    ),
    "rows of the map": (
        Way(lambda x: rearranged._brightness(x)[:, :, 2:], 8, MAPS),
        [(2, 0), (3, 4)],
    ),
    "padded above and below": (
        Way(lambda x: rearranged._brightness(functional.pad(x, (0, 0, 8, 8))), 8, MAPS),
        [(0, 0), (1, 3), (3, 5)],
    ),
    "padded on the right": (
        Way(lambda x: rearranged._brightness(functional.pad(x, (0, 24, 0, 0))), 8, MAPS),
        [(0, 0), (1, 3), (3, 5)],
    ),
    "tokens of the lower half": (
        Way(lambda x: rearranged._tokens(x[:, :, 8:]), 8, rearranged.TOKENS),
        [(2, 0), (3, 4)],
    ),
}  # fmt: skip
METHODS = ["grad-cam", "recipro-cam"]


def opened(way):
    return onnxplain.load(rearranged.file_of(way), preprocess="zero-one")


def place_of(heatmap):
    row, column = np.unravel_index(np.argmax(heatmap), heatmap.shape)
    return int(row) // PATCH, int(column) // PATCH


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CUT)
def test_the_map_lies_where_the_mark_is(name, method):
    way, marks = CUT[name]
    model = opened(way)
    for mark in marks:
        found = model.explain(rearranged.marked(*mark), method, target=0)
        assert place_of(found.heatmap()) == mark
        # Occlusion covers pixels and knows of no layer.
        covered = model.explain(rearranged.marked(*mark), "occlusion", target=0, window=4, stride=4)
        assert place_of(covered.heatmap()) == mark


@pytest.mark.parametrize("name", ["the lower half", "padded above and below"])
def test_spread_over_the_whole_picture_it_would_not(name):
    """The control: the same numbers, drawn as if the layer saw all of the picture."""
    way, marks = CUT[name]
    model = opened(way)
    even = [
        place_of(onnxplain.explanations.display.upsample(
            model.explain(rearranged.marked(*mark), "grad-cam", target=0).attribution, SIZE
        ))
        for mark in marks
    ]  # fmt: skip
    assert even != marks


def test_there_is_no_evidence_where_nothing_is_seen():
    model = opened(CUT["the lower half"][0])
    found = model.explain(rearranged.marked(2, 1), "grad-cam", target=0)
    heatmap = found.heatmap()
    assert not heatmap[:8].any()
    assert heatmap[8:].any()
    overlay = np.asarray(found.overlay())
    assert np.ptp(overlay[: len(overlay) // 4].reshape(-1, 3), axis=0).max() == 0


def test_a_saved_result_is_drawn_in_the_same_place(tmp_path):
    model = opened(CUT["the lower half"][0])
    found = model.explain(rearranged.marked(2, 1), "grad-cam", target=0)
    found.save(tmp_path / "a.npz")
    again = onnxplain.Explanation.load(tmp_path / "a.npz")
    assert np.array_equal(again.heatmap(), found.heatmap())


def test_guided_grad_cam_has_its_gate_there():
    model = opened(CUT["the lower half"][0])
    found = model.explain(rearranged.marked(2, 1), "guided-grad-cam", target=0)
    assert place_of(np.abs(found.attribution).sum(axis=0)) == (2, 1)


def test_feature_maps_know_where_they_lie():
    model = opened(CUT["the lower half"][0])
    maps = feature_maps(model, rearranged.marked(2, 1))
    assert maps.spread is not None
    assert maps.spread.cells == (8.0, 0.0, 16.0, 24.0)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(7, 4, 3), (4, 4, 0), (3, 2, 1)])
def test_usual_kernels_are_spread_evenly(kernel, stride, padding):
    net = nn.Sequential(
        nn.Conv2d(3, 4, kernel, stride, padding), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip
    model = onnxplain.load(nets.export(net.eval(), torch.rand(1, 3, 32, 32)), preprocess="zero-one")
    assert map_spread(model.network, model.network.layers[0].name) is None


def test_valid_kernels_lie_inside():
    """Two kernels of 9 lose 8 pixels on each side: cells stand at 8 to 23 of 32."""
    net = nn.Sequential(
        nn.Conv2d(3, 4, 9), nn.ReLU(), nn.Conv2d(4, 4, 9), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip
    model = onnxplain.load(nets.export(net.eval(), torch.rand(1, 3, 32, 32)), preprocess="zero-one")
    spread = map_spread(model.network, model.network.layers[0].name)
    assert spread is not None
    assert spread.cells == (8.0, 8.0, 24.0, 24.0)
    assert spread.seen == (0.0, 0.0, 32.0, 32.0)


def test_score_cam_covers_what_a_channel_sees(monkeypatch):
    """The picture is looked at under the maps: they have to lie where the channel answers."""
    model = opened(CUT["the lower half"][0])
    seen = []

    def noted(context, x, absent, masks):
        seen.append(masks)
        return under_masks(context, x, absent, masks)

    monkeypatch.setattr("onnxplain.methods.score_cam.under_masks", noted)
    found = model.explain(rearranged.marked(2, 1), "score-cam", target=0)
    assert place_of(found.heatmap()) == (2, 1)
    assert {place_of(mask) for mask in np.concatenate(seen)} == {(2, 1)}
