"""Exported maps in other sizes and scales are those that `explain` shows."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import rearranged

import onnxplain
from onnxplain.errors import ParityError, UsageError
from onnxplain.export import display as viewed_display
from onnxplain.export.export import export
from onnxplain.export.view import View
from onnxplain.render.colors import blend
from tests.export.views import Viewed, of_product
from tests.network.test_map_spread import CUT

MODELS = {
    "digits-gap": "examples/digits/3-10.png",
    "fashion-cnn": "examples/fashion/bag-18.png",
    "flowers-gap": "examples/flowers/petals-red-1000000.png",
    "digits-keras": "examples/digits/3-10.png",
}
METHODS = ["grad-cam", "gradient", "gradient-x-input", "saliency"]
# What float32 costs, as a share of the largest number, if both maps are summed in other orders.
CLOSE = 2e-5


@pytest.fixture(scope="module", params=MODELS)
def in_units(request, tmp_path_factory):
    source = f"models/{request.param}.onnx"
    out = tmp_path_factory.mktemp("view") / "out.onnx"
    model = onnxplain.load(source)
    picture = MODELS[request.param]
    return picture, Viewed(
        model, source, out, METHODS, picture,
        map_size="input", map_scale="unit", overlay=True,
    )  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_maps_in_units_are_those_that_are_coloured(in_units, method):
    picture, file = in_units
    (ours,) = file.output(method, file.x(picture))
    _, expected, _ = of_product(file.model.explain(picture, method))
    assert ours.shape == file.model.network.image.size
    assert np.abs(expected).max() > 0.9
    np.testing.assert_allclose(ours, expected, rtol=0, atol=CLOSE * 10)


@pytest.mark.parametrize("method", METHODS)
def test_the_overlay_is_the_one_of_explain(in_units, method):
    picture, file = in_units
    (ours,) = file.overlay(method, file.x(picture))
    explanation = file.model.explain(picture, method)
    _, _, expected = of_product(explanation)
    apart = np.abs(ours.astype(int) - expected)
    assert ours.dtype == np.uint8
    # On the border between two of 256 colours a pixel may have either.
    assert (apart > 1).mean() < 0.002
    assert apart.max() <= 8
    assert np.abs(expected.astype(int) - explanation.pixels).max() > 50


def test_the_scores_stay(in_units):
    picture, file = in_units
    outputs = [o.name for o in file.original.get_outputs()]
    x = file.x(picture, picture)
    before = file.original.run(outputs, x)
    for explain in (True, False):
        after = file.run(outputs, x, explain=np.array(explain))
        assert [a.tobytes() for a in after] == [b.tobytes() for b in before]


def test_without_maps_there_is_no_overlay(in_units):
    picture, file = in_units
    names = [*file.made.written.outputs.values(), *file.made.written.overlays.values()]
    found = file.run(names, file.x(picture), explain=np.array(False))
    assert [len(f) for f in found] == [0] * len(names)


def test_pictures_of_a_batch_have_their_own_scale(in_units):
    picture, file = in_units
    turned = {n: x[:, ::-1, ::-1].copy() * 0.5 for n, x in file.x(picture).items()}
    both = {n: np.concatenate([x, turned[n]]) for n, x in file.x(picture).items()}
    for method in METHODS:
        together = file.output(method, both)
        for row, feeds in zip(together, (file.x(picture), turned), strict=True):
            (alone,) = file.output(method, feeds)
            np.testing.assert_allclose(row, alone, rtol=0, atol=CLOSE * 10)


@pytest.mark.parametrize("name", CUT)
def test_large_maps_lie_where_the_network_looks(name, tmp_path):
    way, marks = CUT[name]
    source = tmp_path / "model.onnx"
    onnx.save(rearranged.file_of(way), source)
    model = onnxplain.load(source, preprocess="zero-one")
    picture = rearranged.marked(*marks[0])
    file = Viewed(model, source, tmp_path / "out.onnx", ["grad-cam"], picture, map_size="input")
    for mark in marks:
        marked = rearranged.marked(*mark)
        (ours,) = file.output("grad-cam", file.x(marked), target=np.array([0]))
        expected = model.explain(marked, "grad-cam", 0).heatmap()
        np.testing.assert_allclose(
            np.maximum(ours, 0), expected, rtol=0, atol=CLOSE * np.abs(expected).max()
        )
        row, column = np.unravel_index(np.argmax(ours), ours.shape)
        assert (row // rearranged.PATCH, column // rearranged.PATCH) == mark


def test_raw_numbers_of_the_inputs_size_keep_their_sign(tmp_path):
    source, picture = "models/flowers-gap.onnx", MODELS["flowers-gap"]
    model = onnxplain.load(source)
    file = Viewed(model, source, tmp_path / "out.onnx", METHODS, picture, map_size="input")
    for method in METHODS:
        (ours,) = file.output(method, file.x(picture))
        explanation = model.explain(picture, method)
        expected = replace(explanation, display="signed").heatmap()
        scale = np.abs(explanation.attribution).max()
        np.testing.assert_allclose(ours, expected, rtol=0, atol=CLOSE * scale)
        assert ours.shape == (128, 128)
    assert (file.output("grad-cam", file.x(picture)) < 0).any()


def test_units_on_the_grid_of_the_layer(tmp_path):
    source, picture = "models/flowers-gap.onnx", MODELS["flowers-gap"]
    model = onnxplain.load(source)
    file = Viewed(model, source, tmp_path / "out.onnx", ["grad-cam"], picture, map_scale="unit")
    (ours,) = file.output("grad-cam", file.x(picture))
    expected = np.maximum(model.explain(picture, "grad-cam").attribution, 0)
    np.testing.assert_allclose(ours, expected / expected.max(), rtol=0, atol=CLOSE)


def test_an_empty_map_is_zero_and_has_the_colour_of_zero(tmp_path):
    """Nothing speaks for a class whose only weights are negative, at a layer of no sign."""
    source = tmp_path / "model.onnx"
    way, _ = CUT["the middle"]
    proto = rearranged.file_of(way)
    onnx.save(proto, source)
    model = onnxplain.load(source, preprocess="zero-one")
    file = Viewed(
        model, source, tmp_path / "out.onnx", ["counterfactual-grad-cam"],
        map_size="input", map_scale="unit", overlay=True,
    )  # fmt: skip
    picture = rearranged.marked(1, 1)
    feeds = {**file.x(picture), "target": np.array([0])}
    assert not file.output("counterfactual-grad-cam", feeds).any()
    shown = file.overlay("counterfactual-grad-cam", feeds)
    pixels = model.read(picture).pixels
    empty = blend(pixels, np.zeros(pixels.shape[:2]), "positive")
    assert np.array_equal(shown[0], empty)


def test_the_file_says_how_its_maps_look(in_units):
    _, file = in_units
    said = {p.key: p.value for p in onnx.load(file.made.path).metadata_props}
    data = json.loads(said["onnxplain.export"])
    assert (data["map_size"], data["map_scale"]) == ("input", "unit")
    assert set(data["overlays"]) == set(METHODS)
    onnx.checker.check_model(onnx.load(file.made.path), full_check=True)


@pytest.mark.parametrize("wrong", ["enlarged", "unit"])
def test_a_file_that_shows_something_else_is_not_written(wrong, tmp_path, monkeypatch):
    from onnxplain.export import dress

    monkeypatch.setattr(
        dress, wrong,
        lambda build, *given: build.add("Mul", getattr(viewed_display, wrong)(build, *given),
                                        build.number(0.999)),
    )  # fmt: skip
    source = "models/flowers-gap.onnx"
    with pytest.raises(ParityError, match="from what `explain` would show"):
        export(
            onnxplain.load(source), source, tmp_path / "out.onnx", ["grad-cam"],
            view=View("input", "unit"),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_sizes_and_scales_have_names():
    with pytest.raises(UsageError, match="allowed: layer, input"):
        View(map_size="large")
    with pytest.raises(UsageError, match="allowed: raw, unit"):
        View(map_scale="percent")
