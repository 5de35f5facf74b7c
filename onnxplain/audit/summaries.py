"""All summaries of a record: of its pictures' entries, and of their maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from onnxplain.audit.answers import count_answers
from onnxplain.audit.clusters import Clustering, find_clusters
from onnxplain.audit.curves import summarise_curves
from onnxplain.audit.records.pictures import Failed
from onnxplain.audit.records.summaries import (
    ClassSum,
    ClassSums,
    ClusteringSum,
    ClusterSum,
    EntrySums,
    Exemplar,
    Failure,
    MapSums,
    SuspectSum,
    TriedPlace,
)
from onnxplain.audit.shortcuts.suspects import Suspect, find_suspects
from onnxplain.audit.store import Results, Store
from onnxplain.audit.summary import (
    ClassSummary,
    summarise_classes,
    summarise_measures,
    summarise_predictions,
    summarise_sanity,
)

# Digits of a mean map: its cells add up to 1, so that this is a thousandth of one's share.
_DIGITS = 6


def summarise_entries(results: Results, examples: int, task: str | None) -> EntrySums:
    """Summaries that the pictures' entries alone give: whoever has the record can repeat them.

    Parameters
    ----------
    results : Results
        Those of an audit.
    examples : int
        At most so many pictures of each kind.
    task : str or None
        What the model answers; ``None`` in records that do not say it.
    """
    return EntrySums(
        predictions=summarise_predictions(results, examples),
        answers=count_answers(results.pictures(), task),
        measures=summarise_measures(results),
        curves=summarise_curves(results),
        sanity=summarise_sanity(results),
        failures=[
            Failure(number=picture.number, name=picture.name, problem=picture.problem)
            for picture in results.pictures()
            if isinstance(picture, Failed)
        ],
    )


def class_summaries(results: Results, classes: Sequence[ClassSummary], examples: int) -> ClassSums:
    """Where the evidence of each class sits, and what is suspicious about that.

    Parameters
    ----------
    results : Results
        Those of an audit.
    classes : sequence of ClassSummary
        See `onnxplain.audit.summary.summarise_classes`.
    examples : int
        At most so many pictures of each suspect.
    """
    return ClassSums(
        classes=[_class_sum(c) for c in classes],
        suspects=[_suspect_sum(s, examples) for s in find_suspects(results, classes)],
    )


def summarise_maps(store: Store, examples: int) -> MapSums:
    """Summaries that need the map of each picture, which a record does not hold.

    Parameters
    ----------
    store : Store
        Results with maps.
    examples : int
        At most so many pictures of each suspect.
    """
    classes = summarise_classes(store)
    names = {picture.number: picture.name for picture in store.pictures()}
    of_classes = class_summaries(store, classes, examples)
    return MapSums(
        classes=of_classes.classes,
        suspects=of_classes.suspects,
        clusters=[_clustering_sum(c, names) for c in find_clusters(store, classes)],
    )


def _class_sum(summary: ClassSummary) -> ClassSum:
    return ClassSum(
        index=summary.index,
        method=summary.method,
        count=len(summary.numbers),
        evidence=summary.evidence,
        mean_map=np.round(summary.mean_map, _DIGITS).tolist(),
    )


def _clustering_sum(found: Clustering, names: Mapping[int, str]) -> ClusteringSum:
    return ClusteringSum(
        index=found.index,
        method=found.method,
        pictures=found.pictures,
        eigenvalues=found.eigenvalues,
        clusters=[
            ClusterSum(
                count=len(cluster.numbers),
                numbers=cluster.numbers,
                exemplars=[Exemplar(number=n, name=names[n]) for n in cluster.exemplars],
                mean_map=np.round(cluster.mean_map, _DIGITS).tolist(),
            )
            for cluster in found.clusters
        ],
    )


def _suspect_sum(suspect: Suspect, examples: int) -> SuspectSum:
    tried = suspect.transplant
    return SuspectSum(
        index=suspect.index,
        method=suspect.method,
        kind=suspect.kind,
        strength=suspect.strength,
        where=suspect.where,
        recurs=suspect.recurs,
        count=len(suspect.numbers),
        examples=(tried.place.hits if tried else suspect.numbers)[:examples],
        box=list(tried.place.box) if tried else None,
        transplant=None
        if tried is None
        else TriedPlace(
            same=tried.same,
            rise=tried.rise,
            donors=tried.donors,
            hosts=tried.hosts,
            way=tried.way,
            steady=tried.steady,
            by_content=tried.by_content,
        ),
    )
