"""Comparing files: the same file agrees with itself, another one does not."""

import weakref
from dataclasses import replace

import numpy as np
import onnx
import pytest
import scipy.stats

import onnxplain
from onnxplain.compare.compare import compare
from onnxplain.errors import ImageError, UsageError
from onnxplain.evaluate.randomise import learned_layers, randomised
from onnxplain.evaluate.similarity import spearman
from onnxplain.explanations.display import upsample
from onnxplain.inputs.dataset import Sample, read_dataset

METHODS = {"grad-cam": {}, "gradient": {}}


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/fashion-cnn.onnx")


@pytest.fixture(scope="module")
def samples():
    return read_dataset("examples/fashion")[:3]


@pytest.fixture(scope="module")
def untrained(model):
    graph = model.network.graph
    layers = learned_layers(graph, model.network.head.logits)
    return model.with_graph(randomised(graph, layers[:1], 0))


def test_a_file_agrees_with_itself(model, samples):
    found = compare([model, model], samples, METHODS)
    assert found.models == ["fashion-cnn.onnx (1)", "fashion-cnn.onnx (2)"]
    assert len(found.pairs) == 3
    for line in found.summary():
        assert line["same_prediction"] == 1.0
        assert line["score_difference"] == 0.0
        for name in ("spearman", "ssim", "cosine", "top_overlap", "least_spearman"):
            assert line[name] == pytest.approx(1.0)


def test_a_file_without_its_last_layer_does_not(model, samples, untrained):
    found = compare([model, untrained], samples, METHODS)
    gradient = next(line for line in found.summary() if line["method"] == "gradient")
    assert gradient["spearman"] < 0.7
    assert gradient["score_difference"] > 0.1


def test_a_twin_with_random_weights_is_unlike(model, samples):
    """No more like the trained network's maps than those of another picture are."""
    graph = model.network.graph
    layers = learned_layers(graph, model.network.head.logits)
    twin = model.with_graph(randomised(graph, layers, 0))
    found = compare([model, twin, model], samples, {"gradient": {}})
    unlike, itself, _ = found.summary()
    assert unlike["spearman"] < 0.2
    assert itself["low"] > 0.99 > 0.5 > itself["control"]


def test_the_control_is_the_map_of_the_picture_before(model, samples, untrained):
    kept = {}
    found = compare(
        [model, untrained], samples, {"gradient": {}}, keep=lambda n, s: kept.update({n: s})
    )
    first, second = found.models
    maps = [
        (kept[s.name][first].maps["gradient"], kept[s.name][second].maps["gradient"])
        for s in samples
    ]
    wanted = [spearman(maps[k][0], maps[k - 1][1]) for k in (1, 2)]
    assert found.pairs[0].control == {}
    assert [p.control["gradient"] for p in found.pairs[1:]] == pytest.approx(wanted)
    assert found.summary()[0]["control"] == pytest.approx(np.mean(wanted))
    alone = compare([model, untrained], samples[:1], {"gradient": {}})
    assert alone.summary()[0]["control"] is None


def test_the_interval_is_that_of_the_mean_rank_correlation(model, samples, untrained):
    found = compare([model, untrained], samples, {"gradient": {}}, seed=3)
    ranks = [p.likeness["gradient"]["spearman"] for p in found.pairs]
    wanted = scipy.stats.bootstrap(
        (ranks,), np.mean, method="percentile", n_resamples=20_000, random_state=0
    ).confidence_interval
    (line,) = found.summary()
    assert (line["low"], line["high"]) == pytest.approx(tuple(wanted), abs=0.02)
    assert min(ranks) <= line["low"] < line["spearman"] < line["high"] <= max(ranks)


def test_no_more_than_two_pictures_are_in_memory(model, samples):
    found, most = [], []

    def keep(name, seen):
        found.extend(weakref.ref(s) for s in seen.values())
        most.append(sum(reference() is not None for reference in found))

    compare([model, model], [*samples, *samples], {"gradient": {}}, keep=keep)
    assert len(most) == 6
    assert max(most) <= 2 * 2


def test_every_two_files_are_compared(model, samples, untrained):
    found = compare([model, untrained, model], samples[:1], {"gradient": {}})
    assert [(p.first, p.second) for p in found.pairs] == [
        (found.models[0], found.models[1]),
        (found.models[0], found.models[2]),
        (found.models[1], found.models[2]),
    ]
    assert found.pairs[1].agreement == pytest.approx(1.0)
    assert found.most_different(1)[0] in (found.pairs[0], found.pairs[2])


def test_layout_and_size_of_the_input_may_differ(model, samples, tmp_path):
    """The same network behind a Transpose takes its channels first and agrees wholly."""
    proto = onnx.load("models/fashion-cnn.onnx")
    (image,) = proto.graph.input
    old = image.name
    for node in proto.graph.node:
        for k, name in enumerate(node.input):
            if name == old:
                node.input[k] = "channels_last"
    proto.graph.node.insert(
        0, onnx.helper.make_node("Transpose", [old], ["channels_last"], perm=[0, 2, 3, 1])
    )
    dims = image.type.tensor_type.shape.dim
    sizes = [dims[k].dim_value for k in (3, 1, 2)]
    for dim, size in zip(list(dims)[1:], sizes, strict=True):
        dim.dim_value = size
    path = tmp_path / "nchw.onnx"
    onnx.save(proto, path)
    recipe = replace(model.preprocess, layout="NCHW")
    other = onnxplain.load(path, preprocess=recipe, labels=model.labels)
    found = compare([model, other], samples[:2], METHODS)
    for line in found.summary():
        assert line["spearman"] == pytest.approx(1.0, abs=1e-3)
        assert line["score_difference"] < 1e-5


def test_the_question_is_the_first_models_prediction(model, samples, untrained):
    asked = []
    compare(
        [untrained, model],
        samples[:1],
        {"gradient": {}},
        keep=lambda name, seen: asked.append(seen),
    )
    first, second = asked[0].values()
    picture = model.read(samples[0].path)
    wanted = model.explain(picture, "gradient", first.predicted).heatmap()
    seen = second.maps["gradient"]
    np.testing.assert_allclose(seen, upsample(wanted, seen.shape), atol=1e-6)


def test_unreadable_pictures_are_listed(model, samples, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"?")
    found = compare([model, model], [Sample("bad", bad), *samples[:1]], {"gradient": {}})
    assert len(found.pairs) == 1
    assert found.problems[0].startswith("bad: cannot read image")
    with pytest.raises(ImageError, match=r"no picture could be compared: .*cannot read image"):
        compare([model, model], [Sample("bad", bad)], {"gradient": {}})


def test_models_that_cannot_be_compared(model, samples):
    with pytest.raises(UsageError, match="at least two models"):
        compare([model], samples, METHODS)
    photos = onnxplain.load("models/efficientnet-lite0.onnx")
    with pytest.raises(UsageError, match=r"has 10 classes, .* 1000"):
        compare([model, photos], samples, METHODS)
    renamed = onnxplain.load("models/fashion-cnn.onnx", labels=[f"c{k}" for k in range(10)])
    with pytest.raises(UsageError, match="give both the same labels"):
        compare([model, renamed], samples, METHODS)
