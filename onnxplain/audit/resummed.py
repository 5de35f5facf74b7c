"""The summaries of a record, computed again from the pictures that it lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Summed = tuple[str, float | None, float | None]


def resummed(record: Mapping[str, Any]) -> Iterator[Summed]:
    """Yield what each summary is, what the record says, and what its pictures give.

    Parameters
    ----------
    record : mapping
        See `onnxplain.audit.record.read_record`.
    """
    done = [p for p in record["pictures"] if p["status"] == "done"]
    yield from _predictions(record["predictions"], done)
    yield "pictures examined", record["data"]["examined"], len(record["pictures"])
    yield "failures", len(record["failures"]), len(record["pictures"]) - len(done)
    yield from _measures(record, done)
    yield from _classes(record, done)
    yield from _sanity(record)


def _predictions(said: Mapping[str, Any], done: list[dict[str, Any]]) -> Iterator[Summed]:
    labelled = [p for p in done if p["label"] is not None]
    right = sum(p["label"] == p["predicted"] for p in labelled)
    yield "pictures scored", said["scored"], len(done)
    yield "accuracy", said["accuracy"], right / len(labelled) if labelled else None


def _measures(record: Mapping[str, Any], done: list[dict[str, Any]]) -> Iterator[Summed]:
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for picture in done:
        for method, result in picture["methods"].items():
            for name, number in {**result["record"], **result["measures"]}.items():
                if number is not None:
                    values[method, name].append(number)
    known = {(m["method"], m["measure"]): m for m in record["measures"]}
    for key in sorted({*known, *values}):
        said, found = known.get(key), values.get(key)
        yield "measures", said and said["mean"], float(np.mean(found)) if found else None


def _classes(record: Mapping[str, Any], done: list[dict[str, Any]]) -> Iterator[Summed]:
    values: dict[tuple[int, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for picture in done:
        for method, result in picture["methods"].items():
            for zone, share in result["evidence"].items():
                values[picture["explained"], method][zone].append(share)
    known = {(c["index"], c["method"]): c["evidence"] for c in record["classes"]}
    for key in sorted({*known, *values}):
        zones = {*known.get(key, {}), *values.get(key, {})}
        for zone in sorted(zones):
            found = values[key].get(zone)
            said = known.get(key, {}).get(zone)
            yield "evidence of classes", said, float(np.mean(found)) if found else None


def _sanity(record: Mapping[str, Any]) -> Iterator[Summed]:
    left: dict[str, list[float]] = defaultdict(list)
    for picture in record["sanity_pictures"]:
        for method, result in picture["methods"].items():
            left[method].append(result["left"])
    for said in record["sanity"]:
        found = left.get(said["method"])
        yield "sanity", said["left"], float(np.mean(found)) if found else None
