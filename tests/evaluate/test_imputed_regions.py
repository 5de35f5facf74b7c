"""Evidence in random regions against the drop of the score, by slow transcriptions."""

import numpy as np
import pytest
import scipy
from evaluate.linear import SIDE, case, evidence, logits, picture

from onnxplain.errors import NumericalError
from onnxplain.evaluate.imputed_regions import (
    REGIONS,
    Probe,
    cell_sums,
    imputed,
    imputed_regions,
    probe,
    probe_of,
    random_regions,
)
from tests.imputed_densely import by_hand as densely


def test_regions_have_one_size_and_several_widths():
    regions = random_regions((16, 24), np.random.default_rng(0))
    assert regions.shape == (REGIONS, 16, 24)
    assert (regions.sum(axis=(1, 2)) == 96).all()
    pieces = [scipy.ndimage.label(r)[1] for r in regions]
    assert np.mean(pieces[::2]) > np.mean(pieces[1::2])
    # No place is preferred by far.
    assert np.ptp(scipy.ndimage.uniform_filter(regions.mean(axis=0), 5)) < 0.35


def test_cells_add_up_pixels():
    values = np.random.default_rng(1).normal(size=(7, 10, 2))
    found = cell_sums(values, (3, 4))
    for i in range(3):
        for j in range(4):
            rows = [r for r in range(7) if r * 3 // 7 == i]
            columns = [c for c in range(10) if c * 4 // 10 == j]
            np.testing.assert_allclose(found[i, j], values[np.ix_(rows, columns)].sum((0, 1)))


def test_small_pictures_are_imputed_as_road_does():
    rng = np.random.default_rng(2)
    values, region = rng.random((8, 8, 3)), random_regions((8, 8), rng, 1)[0]
    found = imputed(values, region, np.zeros_like(values))
    np.testing.assert_allclose(found, densely(values, region), atol=1e-12)


def test_large_pictures_keep_what_is_not_imputed_and_slopes():
    """A linear interpolation of cells gives back a slope, but at the picture's border."""
    rows, columns = np.mgrid[:128, :96]
    values = np.stack([rows + 2.0 * columns, np.full(rows.shape, 5.0)], axis=-1)
    region = np.zeros((32, 32), bool)
    region[10:20, 12:22] = True
    found = imputed(values, region, np.zeros_like(values))
    outside = ~np.kron(region, np.ones((4, 3), bool))
    np.testing.assert_array_equal(found[outside], values[outside])
    np.testing.assert_allclose(found, values, atol=1e-9)


def test_numbers_by_a_slow_transcription():
    made = case()
    found = probe_of(made)
    whole = logits(made.picture.x)[0, 1]
    drops = []
    low, high = made.model.preprocess.bounds()
    rng = made.stream(5)
    regions = random_regions((SIDE, SIDE), rng)
    noise = 0.01 * (high.astype(float) - low) * rng.normal(size=made.picture.x.shape)
    for region in regions:
        filled = densely(np.moveaxis(made.picture.x[0], 0, -1), region)
        x = np.moveaxis(filled, -1, 0)[None] + np.where(region, noise, 0)
        drops.append(whole - logits(x.astype(made.picture.x.dtype))[0, 1])
    np.testing.assert_allclose(found.drops, drops, atol=1e-5)
    sums = [made.heatmap[region].sum() for region in regions]
    wanted = scipy.stats.spearmanr(sums, drops).statistic
    assert imputed_regions(made) == pytest.approx(wanted, abs=1e-3)


def test_what_imputing_really_does_is_followed_best():
    """The evidence against the neighbours' mean, which is what is taken away here."""
    seen = picture(3)
    blurred = scipy.ndimage.uniform_filter(seen.x[0], (0, 5, 5))
    made = case(seed=3)
    against_blur = evidence(1, type(seen)(seen.x - blurred[None], seen.pixels, "array"))
    best = probe_of(made).correlation(against_blur)
    assert best > 0.75
    assert probe_of(made).correlation(-against_blur) == pytest.approx(-best)


def test_chance_and_constant_maps():
    found = probe_of(case())
    rng = np.random.default_rng(0)
    assert abs(found.correlations(rng.normal(size=(300, SIDE, SIDE))).mean()) < 0.04
    for level in (0.0, 1.0, 0.1):
        assert found.correlation(np.full((SIDE, SIDE), level)) == 0.0


def test_the_picture_is_probed_once_for_all_of_its_maps():
    first = case()
    second = case(shared=first.shared, heatmap=first.heatmap[::-1])
    assert probe_of(first) is probe_of(second)


def test_a_score_that_never_changes_is_refused():
    x, rng = np.random.default_rng(0).random((1, 3, 8, 8)), np.random.default_rng(0)
    regions = random_regions((8, 8), rng)
    with pytest.raises(NumericalError, match="none of 96 imputed regions"):
        probe(lambda b: np.ones(len(b)), x, regions, 1, rng, noise=0.0)


def test_batches_do_not_change_the_numbers():
    x = np.random.default_rng(0).random((1, 8, 8, 3))
    regions = random_regions((8, 8), np.random.default_rng(1))

    def probed(size) -> Probe:
        rng = np.random.default_rng(2)
        return probe(
            lambda b: b[..., 0].sum((1, 2)), x, regions, 3, rng, noise=0.1, batch_size=size
        )

    np.testing.assert_allclose(probed(1).drops, probed(50).drops, atol=1e-12)
