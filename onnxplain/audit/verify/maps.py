"""Summaries of maps, compared with those of maps that were all made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from onnxplain.audit.record import WITH_CURVES
from onnxplain.audit.summary import in_order
from onnxplain.audit.verify.check import Check

# Part of the evidence that may lie elsewhere, and how far other numbers may be off.
_TOLERANCE = 5e-3
# One picture of fifty in another cluster lowers the adjusted Rand index by about so much.
_REGROUPED = 0.1


def remade(record: Mapping[str, Any], sums: Mapping[str, Any]) -> list[Check]:
    """Compare mean maps, clusters and suspects.

    Parameters
    ----------
    record : mapping
        See `onnxplain.audit.record.read_record`.
    sums : mapping
        See `onnxplain.audit.summaries.sums_of_maps`.
    """
    maps = Check("mean maps", _TOLERANCE)
    known, found = ({(c["index"], c["method"]): c for c in s["classes"]} for s in (record, sums))
    maps.equal(
        sorted(known, key=in_order), sorted(found, key=in_order), "which classes were explained"
    )
    for key in sorted({*known} & {*found}, key=in_order):
        first, second = (np.array(c["mean_map"]) for c in (known[key], found[key]))
        maps.apart(0.5 * float(np.abs(first - second).sum()), f"class {key[0]} by {key[1]}")
    checks = [maps, _clusters(record, sums)]
    # What was suspected had another definition in format 1.
    if record["format"] >= WITH_CURVES:
        suspects = Check("suspects", _TOLERANCE)
        suspects.all(record["suspects"], sums["suspects"], "suspects")
        checks.append(suspects)
    return checks


def _clusters(record: Mapping[str, Any], sums: Mapping[str, Any]) -> Check:
    from sklearn.metrics import adjusted_rand_score

    check = Check("clusters", _REGROUPED)
    known, found = ({(c["index"], c["method"]): c for c in s["clusters"]} for s in (record, sums))
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


def _labels(clustering: Mapping[str, Any]) -> dict[int, int]:
    return {n: k for k, cluster in enumerate(clustering["clusters"]) for n in cluster["numbers"]}
