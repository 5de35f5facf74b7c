"""Typical decisions: planted ways are told apart, strange pictures are outliers."""

import numpy as np
import pytest
from features.small import opened
from PIL import Image

from onnxplain.errors import UsageError
from onnxplain.features.archive import read_archive
from onnxplain.features.concepts.examples import examples_of
from onnxplain.features.concepts.prototypes import judge, prototypes
from onnxplain.inputs.dataset import Sample

# The class reads all three colours; a bend keeps the score from being a sum of pixels.
BODY = """
    a = Conv(image, k, t) d = Relu(a) g = GlobalAveragePool(d) f = Flatten(g)
    scores = MatMul(f, w)
"""
COLORS = np.concatenate([np.eye(3) * 1.5 - 0.5, [[0.3, 0.3, -0.2]]]).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    w = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    return opened(
        BODY, labels=("a", "b"), precision="double", k=COLORS[..., None, None],
        t=np.full(4, -5, np.float32), w=w,
    )  # fmt: skip


def picture(rng, color):
    """A noisy square of one colour."""
    pixels = rng.integers(90, 110, (12, 12, 3))
    row, column = rng.integers(0, 5, 2)
    pixels[row : row + 7, column : column + 7, color] += 120
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Twenty red pictures and twelve green ones, of one class; none is blue."""
    folder, rng, found = tmp_path_factory.mktemp("class"), np.random.default_rng(2), []
    for k in range(32):
        path = folder / f"{k:02d}.png"
        Image.fromarray(picture(rng, 0 if k < 20 else 1)).save(path)
        found.append(Sample(path.name, path))
    (folder / "32.png").write_bytes(b"no picture")
    return [*found, Sample("32.png", folder / "32.png")]


@pytest.fixture(scope="module")
def found(model, samples):
    target, own = examples_of(model, samples, "a")
    return prototypes(model, own, target, "d", count=2)


def test_two_ways_to_decide_are_told_apart(found):
    assert [s.name for s in found.skipped] == ["32.png"]
    red = found.images < 20
    assert set(found.members[red]) == {0}  # the more frequent one
    assert set(found.members[~red]) == {1}
    np.testing.assert_allclose(found.mixture.weights, [20 / 32, 12 / 32], atol=1e-6)
    assert found.images[found.nearest[0]] < 20 <= found.images[found.nearest[1]]
    assert found.mixture.whole_means[0].argmax() == 0
    assert found.mixture.whole_means[1].argmax() == 1


def test_vectors_are_shares_of_relevance(model, samples, found):
    target, _ = examples_of(model, samples, "a")
    for k in (0, 25):
        alone = model.explain(samples[k].path, "lrp", target, at="d").maps["channels"]
        np.testing.assert_allclose(found.vectors[k], alone / np.abs(alone).sum(), rtol=1e-9)


def test_members_come_by_distance(found):
    near = found.closest(1, 4)
    assert near[0] == found.nearest[1]
    far = np.linalg.norm(found.vectors - found.mixture.whole_means[1], axis=1)
    assert (np.diff(far[near]) >= 0).all()
    assert len(found.closest(1, 99)) == 12


def test_usual_pictures_and_strange_ones(model, found):
    rng = np.random.default_rng(9)
    ranks = [judge(model, picture(rng, 0), found).rank for _ in range(8)]
    assert np.mean(ranks) > 0.2
    usual = judge(model, picture(rng, 1), found)
    assert usual.prototype == 1
    strange = judge(model, picture(rng, 2), found)
    assert strange.rank == 0
    assert strange.log_likelihood < found.held_out.min()
    assert strange.difference.argmax() == 2
    alone = model.explain(strange.picture, "lrp", found.target)
    assert strange.score == pytest.approx(alone.score, rel=1e-5)


def test_held_out_pictures_are_judged_by_the_others(found):
    from onnxplain.features.concepts.mixture import fit_mixture

    folds = np.arange(32) % 5
    others = fit_mixture(found.vectors[folds != 3], 2, 0)
    wanted = others.log_likelihood(found.vectors[folds == 3])
    np.testing.assert_allclose(found.held_out[folds == 3], wanted)
    assert found.mixture.log_likelihood(found.vectors).mean() > found.held_out.mean()


def test_saved_and_read(found, tmp_path):
    found.save(tmp_path / "x.npz")
    record, arrays = read_archive(tmp_path / "x.npz", "prototypes")
    np.testing.assert_array_equal(arrays["members"], found.members)
    assert len(record["nearest"]) == 2


def test_too_few_pictures_are_refused(model, samples):
    target, own = examples_of(model, samples, "a")
    with pytest.raises(UsageError, match="2 prototypes need 20 or more pictures"):
        prototypes(model, own[:10], target, "d", count=2)
