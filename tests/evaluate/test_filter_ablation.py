"""On flowers: silencing the selected filters costs a class far more than random ones."""

import numpy as np
import pytest

import onnxplain
from onnxplain.dataset import read_dataset
from onnxplain.evaluate.filter_ablation import accuracy, filter_ablation
from onnxplain.evaluate.flowers import flowers, write_flowers
from onnxplain.features.relevant import Feature, relevant_features
from onnxplain.features.responses import feature_layers


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
    assert spread[0] == 0
    assert found.random.shape == (2, 12, 2)


def test_silencing_is_what_the_graph_computes(model, unseen):
    """Against the last layer by hand: the logits lose what the silenced maps gave."""
    x, labels = unseen
    layers = {layer.name: layer for layer in feature_layers(model)}
    name = "/13/Relu_output_0"
    head = model.network.cam_head(model.network.layer(None))
    pooled = model.network.ort.activations(x, [name])[name].mean(axis=(2, 3))
    pooled[:, [4, 9]] = 0
    expected = ((pooled @ head.weight.T + head.bias).argmax(axis=1) == labels)[labels == 2].mean()
    off = [Feature(name, 4), Feature(name, 9)]
    assert accuracy(model, x[labels == 2], 2, off, layers) == expected
    everything = [Feature(name, k) for k in range(48)]
    constant = int(head.bias.argmax())
    for index in (constant, (constant + 1) % 12):
        right = accuracy(model, x[labels == index], index, everything, layers)
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
