"""Shortcut suspects on results made by hand: what is one, what is none, and their order."""

from dataclasses import asdict

import numpy as np
import pytest
from audit.made_results import filled, picture, spot

from onnxplain.audit.shortcuts.places import Place, find_places
from onnxplain.audit.shortcuts.suspects import find_suspects
from onnxplain.audit.shortcuts.transplant import Transplant
from onnxplain.audit.store import TRANSPLANTS
from onnxplain.audit.summary import summarise_classes


def suspects(tmp_path, entries, ways=None, steady=4.0):
    """Suspects if marks in the places, in the order of the classes, go so far (0) elsewhere."""
    with filled(tmp_path, entries) as store:
        classes = summarise_classes(store)
        places = find_places(store, classes)
        worth = [0.0] * len(places) if ways is None else ways
        tried = [
            Transplant(p, p.hits, [0], 1.0, w, w, None if w is None else steady)
            for p, w in zip(places, worth, strict=True)
        ]
        store.add(TRANSPLANTS, 0, {"transplants": [asdict(t) for t in tried]})
        return find_suspects(store, classes)


def at(row, column, count, rng, noise=0.02, index=0, mask=None):
    return [picture(index, spot(row, column, 4, noise, rng), mask) for _ in range(count)]


@pytest.mark.parametrize(
    ("way", "steady", "suspect"),
    [
        (0.9, 4.0, True),
        (0.13, 2.0, True),
        (0.12, 4.0, False),
        (0.9, 1.8, False),
        (-0.9, 4.0, False),
    ],
)
def test_a_place_is_one_if_it_decides_elsewhere_too(tmp_path, way, steady, suspect):
    rng = np.random.default_rng(0)
    entries = at(1, 1, 10, rng, index=3) + at(12, 12, 10, rng, index=4)
    found = suspects(tmp_path, entries, [way], steady)
    assert len(found) == suspect
    for one in found:
        assert (one.index, one.kind, one.where) == (3, "fixed place", "top left corner")
        assert one.numbers == list(range(10))
        assert one.recurs == 1.0
        assert one.transplant.way == way
        assert one.strength == one.transplant.place.lift


def test_a_place_that_was_tried_comes_before_evidence_off_the_object(tmp_path):
    rng = np.random.default_rng(1)
    mask = spot(16, 8, 8) > 0
    entries = at(10, 12, 9, rng, mask=mask, index=0) + at(18, 10, 9, rng, mask=mask, index=1)
    tried = Transplant(Place(1, "m", 0, 0, 0.5, 1.0, [9]), [9], [0], 1.0, 0.5, 0.5, 4.0)
    with filled(tmp_path, entries) as store:
        store.add(TRANSPLANTS, 0, {"transplants": [asdict(tried)]})
        first, second = find_suspects(store, summarise_classes(store))
    assert (first.kind, second.kind) == ("fixed place", "outside the mask")
    assert first.strength < second.strength


def test_what_could_not_be_tried_stays_under_suspicion(tmp_path):
    rng = np.random.default_rng(2)
    entries = at(1, 1, 10, rng, index=0) + at(12, 12, 10, rng, index=1)
    (found,) = suspects(tmp_path, entries, [None])
    assert found.transplant.rise is None


def test_before_places_are_tried_there_are_none(tmp_path):
    rng = np.random.default_rng(2)
    with filled(tmp_path, at(1, 1, 10, rng, index=0) + at(12, 12, 10, rng, index=1)) as store:
        assert find_suspects(store, summarise_classes(store)) == []


def test_evidence_off_the_object(tmp_path):
    rng = np.random.default_rng(3)
    mask = spot(16, 8, 8) > 0
    entries = at(10, 12, 6, rng, mask=mask, index=0)
    entries += at(18, 10, 6, rng, mask=mask, index=1)
    (found,) = suspects(tmp_path, entries)
    assert (found.index, found.kind) == (0, "outside the mask")
    assert found.recurs == 1.0
    assert found.transplant is None


def test_a_small_object_is_no_reason_to_doubt(tmp_path):
    """Most of the picture is off a small object: an even map is not worse than chance."""
    mask = spot(10, 10, 3) > 0
    focused = [picture(0, 5 * (spot(10, 10, 3) > 0) + 0.1, mask) for _ in range(6)]
    assert suspects(tmp_path, focused) == []


def test_the_strongest_comes_first(tmp_path):
    rng = np.random.default_rng(4)
    entries = [*at(1, 1, 10, rng, 0.05, index=0), *at(22, 22, 10, rng, 0.01, index=1)]
    first, second = suspects(tmp_path, entries, [0.5, 0.9])
    assert (first.index, second.index) == (1, 0)
    assert first.strength > second.strength


def test_what_some_pictures_have_off_the_object_is_not_enough(tmp_path):
    rng = np.random.default_rng(5)
    mask = spot(16, 8, 8) > 0
    off = at(10, 16, 14, rng, mask=mask, index=1) + at(18, 10, 6, rng, mask=mask, index=1)
    assert suspects(tmp_path, off) == []


def tried(index, *shares):
    """Picture of a detector with hits, of which covering below takes such a share."""
    boxes = [
        {
            "verdict": "hit", "index": index, "sides": [0, 0, 1, 1], "place": [0, 0, 1, 1],
            "score": 0.9, "overlap": 0.9, "cause": "", "other": None,
            "beside": {"below": share, "left": 0.01},
        }
        for share in shares
    ]  # fmt: skip
    return picture(None, spot(9, 9), predicted=None, boxes=boxes)


@pytest.mark.parametrize(
    ("shares", "suspect"),
    [([0.9] * 5, True), ([0.9] * 3 + [0.1] * 2, True), ([0.9] * 2 + [0.1] * 3, False),
     ([0.4] * 8, False), ([0.9] * 4, False)],
)  # fmt: skip
def test_what_lies_beside_objects(tmp_path, shares, suspect):
    entries = [tried(3, share) for share in shares] + [tried(4, 0.1, 0.2)] * 4
    found = suspects(tmp_path, entries)
    assert len(found) == suspect
    for one in found:
        assert (one.index, one.kind, one.where) == (3, "beside the object", "below")
        assert one.strength == pytest.approx(np.mean(shares))
        assert one.recurs == np.mean(np.array(shares) >= 0.5)
        assert one.numbers[0] == 0
        assert sorted(one.numbers) == list(range(len(shares)))
