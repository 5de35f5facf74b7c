"""Summaries of maps, compared with those of maps that were all made again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnxplain.audit.records.plain import plain
from onnxplain.audit.records.record import Head
from onnxplain.audit.records.summaries import ClusteringSum, MapSums
from onnxplain.audit.summary import in_order
from onnxplain.audit.verify.check import Check

# Part of the evidence that may lie elsewhere, and how far other numbers may be off.
_TOLERANCE = 5e-3
# One picture of fifty in another cluster lowers the adjusted Rand index by about so much.
_REGROUPED = 0.1


def check_maps(record: Head, sums: MapSums) -> list[Check]:
    """Compare mean maps, clusters and suspects.

    Parameters
    ----------
    record : Head
        See `onnxplain.audit.record.read_record`.
    sums : MapSums
        See `onnxplain.audit.summaries.summarise_maps`.
    """
    maps = Check("mean maps", _TOLERANCE)
    known, found = ({(c.index, c.method): c for c in s.classes} for s in (record, sums))
    maps.equal(
        sorted(known, key=in_order), sorted(found, key=in_order), "which classes were explained"
    )
    for key in sorted({*known} & {*found}, key=in_order):
        first, second = (np.array(c.mean_map) for c in (known[key], found[key]))
        maps.apart(0.5 * float(np.abs(first - second).sum()), f"class {key[0]} by {key[1]}")
    checks = [maps, _clusters(record.clusters, sums.clusters)]
    # What was suspected had other definitions before.
    if record.tells_of_answers:
        suspects = Check("suspects", _TOLERANCE)
        suspects.all(plain(record.suspects), plain(sums.suspects), "suspects")
        checks.append(suspects)
    return checks


def _clusters(recorded: Sequence[ClusteringSum], again: Sequence[ClusteringSum]) -> Check:
    from sklearn.metrics import adjusted_rand_score

    check = Check("clusters", _REGROUPED)
    known, found = ({(c.index, c.method): c for c in s} for s in (recorded, again))
    check.equal(
        sorted(known, key=in_order), sorted(found, key=in_order), "which classes were clustered"
    )
    for key in sorted({*known} & {*found}, key=in_order):
        where = f"class {key[0]} by {key[1]}"
        first, second = _labels(known[key]), _labels(found[key])
        check.equal(sorted(first), sorted(second), f"pictures of {where}")
        both = sorted({*first} & {*second})
        index = adjusted_rand_score([first[n] for n in both], [second[n] for n in both])
        check.apart(1.0 - float(index), where)
    return check


def _labels(clustering: ClusteringSum) -> dict[int, int]:
    return {n: k for k, cluster in enumerate(clustering.clusters) for n in cluster.numbers}
