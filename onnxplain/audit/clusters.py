"""Clusters of explanations: the different ways in which a class is recognised.

Spectral relevance analysis: Lapuschkin et al. 2019, Nature Communications 10, 1096,
"Unmasking Clever Hans predictors", section Methods. The number of clusters is where the
eigenvalues of the graph's Laplacian leave the largest gap (von Luxburg 2007,
arXiv:0711.0189, section 8.3).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.audit.store import Store
from onnxplain.audit.summary import ClassSummary, evidence_map
from onnxplain.audit.zones import SIDE
from onnxplain.inputs.dataset import spread

# Fewer pictures have no clusters worth the name; more are thinned out evenly, since the
# graph's matrix grows with their square.
_LEAST, _MOST = 12, 500
_MOST_CLUSTERS, _EXEMPLARS = 6, 3
# Side of the maps that are compared: evidence a few pixels apart is the same evidence.
_COARSE = SIDE // 2
# A graph of as many parts as it has eigenvalues below this falls apart by itself: single
# spots of evidence that scatter about one place stay above it (see decision 019).
_APART = 0.005


@dataclass(frozen=True)
class Cluster:
    """Pictures of one class whose explanations are alike.

    Attributes
    ----------
    numbers : list of int
        The pictures.
    exemplars : list of int
        Those nearest to the cluster's mean, the nearest first.
    mean_map : (SIDE, SIDE) array
        Mean of their positive evidence, each adding up to 1.
    """

    numbers: list[int]
    exemplars: list[int]
    mean_map: NDArray[np.float64]


@dataclass(frozen=True)
class Clustering:
    """The clusters of one class by one method.

    Attributes
    ----------
    index : int or None
        The class or value; ``None`` if the target has none.
    method : str
        The method.
    pictures : int
        How many were compared.
    eigenvalues : list of float
        The smallest ones of the graph's normalised Laplacian.
    clusters : list of Cluster
        The largest first.
    """

    index: int | None
    method: str
    pictures: int
    eigenvalues: list[float]
    clusters: list[Cluster]


def find_clusters(store: Store, classes: Sequence[ClassSummary]) -> list[Clustering]:
    """Cluster the maps of each class with enough pictures.

    Parameters
    ----------
    store : Store
        The results.
    classes : sequence of ClassSummary
        See `onnxplain.audit.summary.summarise_classes`.

    Returns
    -------
    list of Clustering
        In the order of the classes.
    """
    return [
        _cluster(store, summary, spread(summary.numbers, _MOST))
        for summary in classes
        if len(summary.numbers) >= _LEAST
    ]


def _cluster(store: Store, summary: ClassSummary, numbers: Sequence[int]) -> Clustering:
    maps = np.stack([evidence_map(store, n, summary.method) for n in numbers])
    coarse = _coarse(maps)
    affinity = neighbours(coarse)
    eigenvalues = laplacian_eigenvalues(affinity)
    count = count_by_gap(eigenvalues)
    labels = np.zeros(len(numbers), int)
    if count > 1:
        labels = _assigned(affinity, count)
    found = []
    for label in range(count):
        members = np.flatnonzero(labels == label)
        if len(members):
            distance = np.linalg.norm(coarse[members] - coarse[members].mean(axis=0), axis=1)
            nearest = members[np.argsort(distance, kind="stable")[:_EXEMPLARS]]
            found.append(
                Cluster(
                    [numbers[int(k)] for k in members],
                    [numbers[int(k)] for k in nearest],
                    maps[members].mean(axis=0),
                )
            )
    found.sort(key=lambda c: (-len(c.numbers), c.numbers[0]))
    return Clustering(summary.index, summary.method, len(numbers), eigenvalues.tolist(), found)


def _assigned(affinity: NDArray[np.float64], count: int) -> NDArray[np.int_]:
    """Cluster of each point of a graph."""
    from sklearn.cluster import SpectralClustering

    with warnings.catch_warnings():
        # That the graph falls apart is what was looked for.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        # "cluster_qr" has no random start, so that the same maps give the same clusters.
        found = SpectralClustering(
            count, affinity="precomputed", assign_labels="cluster_qr", random_state=0
        )
        return np.asarray(found.fit_predict(affinity))


def neighbours(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Graph that joins each point with its nearest ones.

    Parameters
    ----------
    points : (N, D) array
        The points.

    Returns
    -------
    (N, N) array
        Symmetric: 1 where one of two points is among the nearest of the other, and on the
        diagonal. How many are nearest grows with the logarithm of N.
    """
    count = len(points)
    # Dividing by the length compares where the evidence lies, and not how scattered it is.
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    near = int(np.ceil(1.5 * np.log(count)))
    joined = np.eye(count)
    for k, point in enumerate(unit):
        distance = -(unit @ point)
        distance[k] = -np.inf
        joined[k, np.argsort(distance, kind="stable")[: near + 1]] = 1.0
    return np.maximum(joined, joined.T, out=joined)


def laplacian_eigenvalues(affinity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest eigenvalues of the symmetric normalised Laplacian of a graph, in order."""
    degree = 1 / np.sqrt(affinity.sum(axis=1))
    laplacian = affinity * -degree
    laplacian *= degree[:, None]
    laplacian[np.diag_indices_from(laplacian)] += 1.0
    last = min(_MOST_CLUSTERS, len(laplacian) - 1)
    found = scipy.linalg.eigvalsh(laplacian, overwrite_a=True, subset_by_index=[0, last])
    return np.maximum(found, 0.0)


def count_by_gap(eigenvalues: NDArray[np.float64]) -> int:
    """Return the number of clusters after which the eigenvalues leave the largest gap.

    Only gaps after eigenvalues near 0 count, since any other number of clusters would cut
    through what hangs together.
    """
    gaps = np.diff(eigenvalues)
    apart = eigenvalues[: len(gaps)] < _APART
    return int(np.where(apart, gaps, -1.0).argmax()) + 1


def _coarse(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    step = SIDE // _COARSE
    blocks = maps.reshape(len(maps), _COARSE, step, _COARSE, step)
    return blocks.mean(axis=(2, 4)).reshape(len(maps), -1)
