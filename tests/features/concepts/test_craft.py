"""Concepts of a class: planted colours are found, weighed and located; a transcription."""

import itertools

import numpy as np
import pytest
from features.small import opened
from PIL import Image

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.display import upsample
from onnxplain.features.archive import read_archive
from onnxplain.features.concepts.craft import (
    Crop,
    concept_examples,
    concept_maps,
    craft,
    crops_of,
)
from onnxplain.features.concepts.examples import examples_of
from onnxplain.inputs.dataset import Sample

# Two channels for each colour. The class reads the first colour ten times as much as the second,
# and the third not at all; a ReLU at the end keeps the score from being a mere sum.
BODY = """
    a = Conv(image, k) d = Relu(a) g = GlobalAveragePool(d) f = Flatten(g) m = MatMul(f, w)
    p = Relu(m) scores = MatMul(p, v)
"""
KERNELS = np.repeat(np.eye(3) * [[1], [0.9], [1.1]], 2, axis=0) * [[1]] + 0.0
WEIGHTS = np.zeros((6, 2), np.float32)
WEIGHTS[:, 0] = [1, 1, 0.1, 0.1, 0, 0]
COLORS = ((250, 0, 0), (0, 250, 0), (0, 0, 250))


@pytest.fixture(scope="module")
def model():
    return opened(
        BODY, labels=("a", "b"), precision="double", k=KERNELS[..., None, None].astype(np.float32),
        w=WEIGHTS, v=np.array([[1, -1], [0, 0]], np.float32),
    )  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Black pictures with one square of each colour, in corners drawn at random."""
    folder, rng, found = tmp_path_factory.mktemp("class"), np.random.default_rng(0), []
    for k in range(8):
        pixels = np.zeros((12, 12, 3), np.uint8)
        corners = rng.permutation(4)[:3]
        for color, corner in zip(COLORS, corners, strict=True):
            top, left = 8 * (corner // 2), 8 * (corner % 2)
            pixels[top : top + 4, left : left + 4] = color
        Image.fromarray(pixels).save(folder / f"{k}.png")
        found.append(Sample(f"{k}.png", folder / f"{k}.png"))
    return found


@pytest.fixture(scope="module")
def found(model, samples):
    target, own = examples_of(model, samples, "a")
    return craft(model, own, target, "d", concepts=3, crop=1 / 3, designs=256)


def test_planted_parts_are_found(found):
    assert found.error < 1e-3
    pure = np.kron(np.eye(3), [1, 1]) / np.sqrt(2)
    np.testing.assert_allclose(found.basis @ pure.T, np.eye(3), atol=0.02)


def test_importance_is_the_share_of_the_variance(found):
    """The score is linear in the dimmed concepts here: squares of what each contributes."""
    shares = np.array([2 * 1.0 * 16, 2 * 0.09 * 16, 0.0]) ** 2
    np.testing.assert_allclose(found.importance, shares / shares.sum(), atol=0.01)


def test_concepts_are_located(model, samples, found):
    for sample in samples[:3]:
        picture = model.read(sample.path)
        maps = concept_maps(model, picture.x, found.layer, found.basis)
        for k in range(3):
            np.testing.assert_array_equal(maps[k] > 1, picture.pixels[..., k] > 0)
    shown = concept_examples(model, samples, found, crops=4, pictures=2)
    for k, one in enumerate(shown):
        assert len(one.crops) == 4
        assert len(one.maps) == len(one.pixels) == 2
        assert all((c[..., k] == 250).all() for c in one.crops)


def test_importance_by_transcription(model, samples):
    """Dimmed activations through a head that is not linear, by NumPy."""
    from scipy.optimize import nnls

    from onnxplain.features.concepts.sobol import sobol_design, total_indices

    bent = opened(
        BODY.replace("p = Relu(m)", "t = Add(m, c) p = Relu(t)"), labels=("a", "b"),
        precision="double", k=KERNELS[..., None, None].astype(np.float32), w=WEIGHTS,
        v=np.array([[1, -1], [0, 0]], np.float32), c=np.array([-30, 0], np.float32),
    )  # fmt: skip
    target, own = examples_of(bent, samples, "a")
    found = craft(bent, own, target, "d", concepts=3, crop=1 / 3, designs=16, seed=3)
    design = sobol_design(3, 16, seed=3)
    # Which column of the design each concept had is not told: they are sorted afterwards.
    fitting = []
    for order in itertools.permutations(range(3)):
        total = np.zeros(3)
        for sample in own:
            x = bent.read(sample.path).x
            d = np.maximum(np.einsum("kc,nchw->nkhw", KERNELS, x), 0)[0].reshape(6, -1)
            u = np.array([nnls(found.basis.T, place)[0] for place in d.T])
            answers = []
            for mask in design[:, order]:
                pooled = (u * mask @ found.basis).mean(axis=0)
                # The logit of the only other class is subtracted.
                answers.append(2 * max(pooled @ WEIGHTS[:, 0] - 30, 0))
            # Blocks 2, 3, 4 of the design vary its columns; concept k had column order[k].
            blocks = np.array(answers).reshape(5, 16)[[0, 1, *(2 + np.array(order))]]
            total += total_indices(blocks.reshape(-1), 3)
        fitting.append(np.abs(total / len(own) - found.importance).max())
    assert min(fitting) < 1e-3
    assert max(fitting) > 1e-2


def test_crops_cover_the_picture():
    crops = crops_of((10, 20), 0.5, image=3)
    assert crops[0] == Crop(3, 0, 0, 5, 10)
    assert {(c.top + c.height, c.left + c.width) for c in crops} >= {(10, 20)}
    assert len(crops) == 4
    assert crops_of((7, 7), 1.0) == [Crop(0, 0, 0, 7, 7)]


def test_saved_and_read(found, tmp_path):
    found.save(tmp_path / "x.npz")
    record, arrays = read_archive(tmp_path / "x.npz", "craft concepts")
    np.testing.assert_array_equal(arrays["basis"], found.basis)
    assert arrays["crops"].shape == (len(found.crops), 5)
    assert record["settings"]["designs"] == 256


def test_a_crop_is_resized_as_maps_are(model, samples):
    """The input of a crop is the crop, bilinearly enlarged to the model's size."""
    from onnxplain.features.concepts.craft import _enlarged

    pixels = model.read(samples[0].path).pixels
    x = _enlarged(model, pixels, Crop(0, 2, 3, 4, 6))
    wanted = np.stack([upsample(pixels[2:6, 3:9, c], (12, 12)) for c in range(3)])
    np.testing.assert_array_equal(x[0], np.round(wanted))


@pytest.mark.parametrize(
    ("layer", "options", "error", "message"),
    [
        ("d", {"crop": 0}, UsageError, r"crop must be in \(0, 1\]"),
        ("d", {"designs": 6}, UsageError, "designs a power of two"),
        ("d", {"concepts": 7}, UsageError, "7 concepts cannot be found"),
        ("f", {}, MethodRefusedError, "has no height and width"),
    ],
)
def test_refusals(model, samples, layer, options, error, message):
    target, own = examples_of(model, samples, "a")
    with pytest.raises(error, match=message):
        craft(model, own, target, layer, **options)


def test_negative_activations_are_refused(samples):
    signed = opened(
        BODY, labels=("a", "b"), k=-KERNELS[..., None, None].astype(np.float32), w=WEIGHTS,
        v=np.array([[1, -1], [0, 0]], np.float32),
    )  # fmt: skip
    target, own = examples_of(signed, samples, "a")
    with pytest.raises(MethodRefusedError, match="has negative activations"):
        craft(signed, own, target, "a")
