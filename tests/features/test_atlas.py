"""Atlases: what is collected, how it is laid out and shown; inversion of a vector."""

import builtins
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import pairwise_distances

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.features import inversion
from onnxplain.features.archive import read_archive
from onnxplain.features.atlas import (
    Atlas,
    _laid_out,
    activation_atlas,
    cell_classes,
    cell_patches,
)
from onnxplain.features.inversion import cosine_product, invert
from onnxplain.inputs.dataset import read_dataset


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx", batch_size=16)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Six noisy copies of each digit, a black picture and a broken one."""
    folder, rng = tmp_path_factory.mktemp("digits"), np.random.default_rng(0)
    for path in Path("examples/digits").glob("*.png"):
        for k in range(6):
            pixels = np.asarray(Image.open(path)) + rng.normal(0, 15, (8, 8))
            noisy = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            noisy.save(folder / f"{path.stem[0]}-{k}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return read_dataset(folder)


@pytest.fixture(scope="module")
def atlas(model, samples):
    return activation_atlas(model, samples, "/6/Relu", per_image=2)


def test_vectors_are_activations_of_the_places_drawn(model, samples, atlas):
    assert [s.name for s in atlas.skipped] == ["broken.png"]
    assert len(atlas.vectors) > 100
    for k in (0, 17, len(atlas.vectors) - 1):
        x = model.read(samples[atlas.images[k]].path).x
        maps = model.network.ort.activations(x, [atlas.layer])[atlas.layer][0]
        row, column = atlas.places[k]
        np.testing.assert_allclose(atlas.vectors[k], maps[:, row, column], rtol=1e-4, atol=1e-5)
    assert (np.abs(atlas.vectors).max(axis=1) > 0).all()
    assert set(np.unique(atlas.places)) == {1, 2}  # the border of 4 x 4 is left out


def require_neighbours(atlas):
    """The nearest in the layout are far nearer than chance among the vectors."""
    apart = pairwise_distances(atlas.vectors, metric="cosine")
    shown = pairwise_distances(atlas.layout)
    np.fill_diagonal(shown, np.inf)
    nearest = apart[np.arange(len(apart)), shown.argmin(axis=1)]
    assert nearest.mean() < 0.4 * apart.mean()
    assert atlas.layout.min() == 0
    assert atlas.layout.max() == 1


def test_neighbours_stay_neighbours(atlas):
    require_neighbours(atlas)
    mixed = np.random.default_rng(0).permutation(atlas.layout)
    with pytest.raises(AssertionError):
        require_neighbours(replace(atlas, layout=mixed))


def umap_test(function):
    """It needs the extra ``umap``, whose compiler takes half a minute at first."""
    missing = importlib.util.find_spec("umap") is None
    needed = pytest.mark.skipif(missing, reason="the extra onnxplain[umap] is not installed")
    return pytest.mark.slow(needed(function))


@umap_test
def test_umap_keeps_neighbours_too_and_is_repeatable(model, samples, atlas):
    found, again = (
        activation_atlas(model, samples, "/6/Relu", per_image=2, layout="umap") for _ in range(2)
    )
    np.testing.assert_array_equal(found.vectors, atlas.vectors)
    np.testing.assert_array_equal(found.layout, again.layout)
    assert np.abs(found.layout - atlas.layout).max() > 0.1
    require_neighbours(found)


@umap_test
def test_umap_of_very_few_vectors(model, samples):
    few = activation_atlas(model, samples[:6], "/6/Relu", layout="umap")
    assert few.layout.shape == (6, 2)
    assert np.isfinite(few.layout).all()


def test_cells_hold_every_vector_once():
    layout = np.array([[0.0, 0.0], [0.24, 0.9], [1.0, 1.0], [0.26, 0.9], [0.0, 0.1]])
    rows = np.array([[0.0], [1.0], [2.0], [3.0], [10.0]])
    atlas = Atlas("t", rows, np.arange(5), np.zeros((5, 2), int), layout, [])
    cells = atlas.cells(4)
    assert {cell: m.tolist() for cell, m in cells.items()} == {
        (0, 0): [0, 4], (3, 0): [1], (3, 1): [3], (3, 3): [2],
    }  # fmt: skip
    assert atlas.nearest(np.array([0, 1, 4]), 2).tolist() == [1, 0]


def test_every_cell_shows_a_patch(model, samples, atlas):
    patches = cell_patches(model, samples, atlas, 5)
    assert patches.keys() == atlas.cells(5).keys()
    assert len({p.shape for p in patches.values()}) == 1


def test_file(atlas, tmp_path):
    atlas.save(tmp_path / "atlas.npz")
    record, arrays = read_archive(tmp_path / "atlas.npz", "atlas")
    assert np.array_equal(arrays["layout"], atlas.layout)
    assert record["layer"] == atlas.layer
    assert record["per_image"] == 2


def test_refusals(model, samples, monkeypatch):
    with pytest.raises(UsageError, match="layout 'circle' is not known"):
        activation_atlas(model, samples, layout="circle")
    with pytest.raises(UsageError, match="at least 5 vectors"):
        activation_atlas(model, samples[:3])
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("umap"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match="is not installed: pip install umap-learn"):
        activation_atlas(model, samples, layout="umap")


def test_cosine_product_and_its_gradient(rng):
    goal = rng.standard_normal(7)
    goal /= np.linalg.norm(goal)
    for found in (rng.standard_normal(7), -goal + 0.1 * rng.standard_normal(7)):
        value, slope = cosine_product(found, goal)
        cosine = found @ goal / np.linalg.norm(found)
        np.testing.assert_allclose(value, abs(found @ goal) * cosine)
        for k in range(7):
            step = np.zeros(7)
            step[k] = 1e-6
            up, down = cosine_product(found + step, goal)[0], cosine_product(found - step, goal)[0]
            np.testing.assert_allclose(slope[k], (up - down) / 2e-6, atol=1e-6)


def test_inversion_makes_the_unit_answer_as_wanted(model):
    layer = model.network.layer("/6/Relu")
    x = model.read("examples/digits/8-0.png").x
    maps = layer.to_maps(model.network.ort.activations(x, [layer.name])[layer.name])[0]
    wanted = maps[:, 2, 2]
    how = replace(inversion.DEFAULT, steps=40, jitter=0, blur=0.0)
    pixels, history = invert(model, layer, wanted, how)
    assert history[-1] > 1.5 * history[0]
    assert history[-1] > 0.5 * np.linalg.norm(wanted)
    assert pixels.shape[2] == 1
    other, _ = invert(model, layer, maps[:, 1, 1], how)
    assert not np.array_equal(other, pixels)


def test_vectors_that_are_all_the_same_are_refused():
    """Scikit-learn's t-SNE ends the process on them."""
    with pytest.raises(UsageError, match="all 6 are the same"):
        _laid_out(np.ones((6, 4), np.float32), "tsne", 0)


def test_a_cell_has_the_class_that_most_of_its_vectors_come_from(samples, atlas):
    labelled = [replace(s, label=s.name[0]) for s in samples]
    found = cell_classes(labelled, atlas, 4)
    assert set(found) == set(atlas.cells(4))
    for cell, members in atlas.cells(4).items():
        own = [labelled[k].label for k in atlas.images[members]]
        assert own.count(found[cell]) == max(own.count(label) for label in own)
    assert len(set(found.values())) > 3
    assert cell_classes(samples, atlas, 4) == {}
