"""Summaries of maps that were all made again: any that was edited is named."""

import copy

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.audit.verify.maps import check_maps


def off(record, edit):
    changed = copy.deepcopy(record)
    edit(changed)
    return [
        (c.figure, c.worst)
        for c in check_maps(*(build(Record, r) for r in (changed, record)))
        if not c.reproduces
    ]


def two_change_places(changed):
    first, second = changed["clusters"][0]["clusters"]
    first["numbers"][0], second["numbers"][0] = second["numbers"][0], first["numbers"][0]


def test_maps_that_are_made_again(record):
    (clustering,) = record["clusters"]
    assert [c["count"] for c in clustering["clusters"]] == [15, 15]
    assert all(c.reproduces and c.compared for c in check_maps(*2 * (build(Record, record),)))
    assert off(record, lambda r: r["clusters"][0]["clusters"].reverse()) == []
    assert off(record, two_change_places) == [("clusters", "class 2 by m")]
    found = off(record, lambda r: r["clusters"][0]["clusters"][0]["numbers"].pop())
    assert found == [("clusters", "pictures of class 2 by m")]
    changed = off(record, lambda r: r["classes"][1].update(mean_map=r["classes"][0]["mean_map"]))
    assert changed == [("mean maps", "class 1 by m")]
    found = off(record, lambda r: r["suspects"][0].update(recurs=0.9))
    assert found == [("suspects", "suspects[0].recurs")]
