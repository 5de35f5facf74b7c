"""Clusters of maps: as many as were made, with the pictures they were made of."""

import numpy as np
import pytest
from audit.made_results import filled, picture

from onnxplain.audit import clusters
from onnxplain.audit.clusters import (
    count_by_gap,
    find_clusters,
    laplacian_eigenvalues,
    neighbours,
)
from onnxplain.audit.summary import summarise_classes
from onnxplain.audit.zones import SIDE

PLACES = [(4, 4), (22, 6), (14, 22), (5, 23)]


def maps(counts, rng):
    """Maps with a blob of evidence that scatters about one of several places."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for place, count in zip(PLACES, counts, strict=False):
        for row, column in place + rng.normal(0, 1.5, (count, 2)):
            blob = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8)
            yield blob + 0.05 * rng.random((SIDE, SIDE))


@pytest.mark.parametrize(
    "counts", [(12,), (200,), (20, 15), (25, 15, 10), (12, 14, 16, 18), (100, 12)]
)
def test_as_many_as_were_made(tmp_path, counts):
    rng = np.random.default_rng(len(counts))
    entries = [picture(0, m) for m in maps(counts, rng)]
    order = rng.permutation(len(entries))
    with filled(tmp_path, [entries[k] for k in order]) as store:
        (found,) = find_clusters(store, summarise_classes(store))
    made = np.repeat(np.arange(len(counts)), counts)[order]
    assert [len(c.numbers) for c in found.clusters] == sorted(counts, reverse=True)
    for cluster in found.clusters:
        assert len({made[n] for n in cluster.numbers}) == 1
        assert set(cluster.exemplars) <= set(cluster.numbers)
        assert len(cluster.exemplars) == 3
        nearest = min(made[n] for n in cluster.exemplars)
        assert np.unravel_index(cluster.mean_map.argmax(), (SIDE, SIDE)) == pytest.approx(
            PLACES[nearest], abs=2
        )
        assert cluster.mean_map.sum() == pytest.approx(1.0)
    assert found.pictures == sum(counts)


def test_classes_are_clustered_apart_and_small_ones_not_at_all(tmp_path):
    rng = np.random.default_rng(0)
    entries = [picture(0, m) for m in maps((12,), rng)]
    entries += [picture(1, m) for m in maps((11,), rng)]
    entries += [picture(2, m) for m in maps((0, 13), rng)]
    with filled(tmp_path, entries) as store:
        found = find_clusters(store, summarise_classes(store))
    assert [(c.index, c.pictures) for c in found] == [(0, 12), (2, 13)]


def test_the_same_maps_give_the_same_clusters(tmp_path):
    entries = [picture(0, m) for m in maps((15, 15), np.random.default_rng(3))]
    with filled(tmp_path, entries) as store:
        first, second = (find_clusters(store, summarise_classes(store)) for _ in range(2))
    assert [c.numbers for c in first[0].clusters] == [c.numbers for c in second[0].clusters]
    assert first[0].eigenvalues == second[0].eigenvalues


def test_many_pictures_are_thinned_out_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "_MOST", 20)
    entries = [picture(0, m) for m in maps((50, 49), np.random.default_rng(4))]
    with filled(tmp_path, entries) as store:
        (found,) = find_clusters(store, summarise_classes(store))
    kept = sorted(n for c in found.clusters for n in c.numbers)
    assert found.pictures == len(kept) == 20
    assert (kept[0], kept[-1]) == (0, 98)
    assert set(np.diff(kept)) <= {5, 6}


def test_neighbours_are_mutual_and_near():
    angle = np.radians([0, 1, 2, 90, 91, 92])
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * [[1], [9], [1], [2], [1], [1]]
    joined = neighbours(points)
    assert np.array_equal(joined, joined.T)
    assert np.array_equal(np.diag(joined), np.ones(6))
    assert joined[0, 1] == joined[0, 2] == joined[3, 5] == 1.0


def test_eigenvalues_are_those_of_the_laplacian():
    """A complete graph of n points has one 0 and n - 1 times 1; two of them have two 0."""
    whole = np.ones((5, 5))
    np.testing.assert_allclose(laplacian_eigenvalues(whole), [0, 1, 1, 1, 1], atol=1e-12)
    two = np.kron(np.eye(2), np.ones((4, 4)))
    found = laplacian_eigenvalues(two)
    np.testing.assert_allclose(found, [0, 0, 1, 1, 1, 1, 1], atol=1e-12)
    assert count_by_gap(found) == 2
    assert count_by_gap(laplacian_eigenvalues(whole)) == 1
