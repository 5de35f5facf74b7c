"""On flowers: silencing the selected filters costs a class far more than random ones."""

import numpy as np
import pytest

import onnxplain
from onnxplain.evaluate.filter_ablation import Ablated, filter_ablation
from onnxplain.evaluate.flowers import flowers, write_flowers
from onnxplain.features.relevant import Feature, relevant_features
from onnxplain.inputs.dataset import read_dataset


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/flowers-gap.onnx")


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flowers")
    write_flowers(folder, "double12", 144, first_seed=4_000_000, decoys=True)
    return relevant_features(model, read_dataset(folder), mu=10.0, top=5)


@pytest.fixture(scope="module")
def unseen(model):
    drawn = list(flowers("double12", 48, first_seed=5_000_000, decoys=True))
    x = model.preprocess.encode(np.stack([f.image for f in drawn]))
    return x, np.array([f.label for f in drawn])


def test_selected_filters_matter(model, bundle, unseen):
    found = filter_ablation(model, *unseen, bundle, counts=(0, 6), seeds=(0, 1))
    relevant, random, spread = found.means()
    assert relevant[0] == random[0] > 0.95
    assert relevant[1] < random[1] - 0.2
    least = found.least.mean(axis=0)
    assert least[0] == relevant[0]
    assert least[1] > relevant[1] + 0.2
    assert spread[0] == 0
    assert found.random.shape == (2, 12, 2)


def test_silencing_is_what_the_graph_computes(model, unseen):
    """Against the last layer by hand: the logits lose what the silenced maps gave."""
    x, labels = unseen
    ablated = Ablated(model)
    name = "/13/Relu_output_0"
    head = model.network.cam_head(model.network.layer(None))
    pooled = model.network.ort.activations(x, [name])[name].mean(axis=(2, 3))
    pooled[:, [4, 9]] = 0
    expected = ((pooled @ head.weight.T + head.bias).argmax(axis=1) == labels)[labels == 2].mean()
    off = [Feature(name, 4), Feature(name, 9)]
    assert ablated.accuracy(x[labels == 2], 2, off) == expected
    everything = [Feature(name, k) for k in range(48)]
    constant = int(head.bias.argmax())
    for index in (constant, (constant + 1) % 12):
        right = ablated.accuracy(x[labels == index], index, everything)
        assert right == float(index == constant)


def test_features_answer_to_the_part_that_decides(model, bundle):
    """The heatmap of a flower's features lies on its coloured part, with decoys around."""
    from onnxplain.features.enriched import enrich

    shares, areas = [], []
    for drawn in flowers("double12", 12, first_seed=6_000_000, decoys=True):
        found = enrich(model, drawn.image, bundle, target=drawn.label)
        shares.append(found.heatmap[drawn.mask].sum() / max(found.heatmap.sum(), 1e-9))
        areas.append(drawn.mask.mean())
    assert np.mean(shares) > 4 * np.mean(areas)


def test_all_ablations_share_one_session(model, unseen, bundle, monkeypatch):
    import onnxruntime

    opened = []
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda *a, **k: opened.append(a) or session(*a, **k)
    )
    ablated = Ablated(model)
    x, labels = unseen
    before = len(opened)
    own = x[labels == 0]
    found = [ablated.accuracy(own, 0, bundle.features[:n]) for n in (0, 3, 0)]
    assert before >= 1
    assert len(opened) == before
    assert found[0] == found[2]  # a mask is forgotten with its ablation


def test_without_any_filter_the_answers_are_chance(model, unseen):
    x, labels = unseen
    ablated = Ablated(model)
    everything = [
        Feature(n, c) for n, layer in ablated.layers.items() for c in range(layer.channels)
    ]
    rates = [ablated.accuracy(x[labels == c], c, everything) for c in range(12)]
    assert np.mean(rates) == pytest.approx(1 / 12)
