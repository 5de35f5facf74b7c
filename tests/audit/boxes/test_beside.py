"""Covering what lies beside a box: where that is, and what it does to two detectors."""

import numpy as np
import pytest
from audit.boxes.drawn import model

from models.build.scenes import FIRST_TEST_SEED, STAR, scene
from onnxplain.audit.boxes.beside import lost_beside, places
from onnxplain.evaluate.cases import targets_of
from onnxplain.targets.boxes.request import BoxRequest
from onnxplain.targets.request import TargetRequest


def test_eight_places_that_leave_the_box_alone():
    found = places((40, 40, 60, 50), (96, 96))
    assert len(found) == 8
    seen = np.zeros((96, 96), int)
    for rows, columns in found.values():
        seen[rows, columns] += 1
    assert seen.max() == 1
    assert not seen[39:51, 39:61].any()
    # Half as wide as the box, and a twelfth of the input at least.
    assert np.flatnonzero(seen.any(axis=0))[[0, -1]].tolist() == [29, 70]
    assert np.flatnonzero(seen.any(axis=1))[[0, -1]].tolist() == [31, 58]
    rows, columns = found["below"]
    assert (rows.start, columns.start, columns.stop) == (51, 40, 60)


def test_places_beside_the_input_are_left_out():
    assert set(places((0, 0, 20, 20), (96, 96))) == {"right", "below", "below right"}
    assert places((-5, -5, 100, 100), (96, 96)) == {}


@pytest.mark.parametrize(
    ("stem", "needs_the_bar"), [("scenes-shortcut", True), ("scenes-detector", False)]
)
def test_only_one_detector_loses_stars_with_their_bars(stem, needs_the_bar):
    detector, tried = model(stem), 0
    for seed in range(FIRST_TEST_SEED + 40_000, FIRST_TEST_SEED + 40_030):
        drawn = scene(seed, shortcut=True)
        stars = [k for k, box in enumerate(drawn.boxes) if box[4] == STAR]
        if len(stars) != 1 or tried == 4:
            continue
        tried += 1
        picture = detector.read(drawn.image)
        sides = tuple(map(float, drawn.boxes[stars[0], :4]))
        asked = TargetRequest(box=BoxRequest(STAR, sides=sides))
        target, _ = targets_of(detector, asked, detector.predict(picture), picture)
        lost = lost_beside(detector, picture, target)
        _, columns = np.nonzero(drawn.bars[stars[0]])
        side = "right" if columns.min() >= sides[2] else "below"
        assert (lost[side] > 0.8) == needs_the_bar
        assert max(share for name, share in lost.items() if side not in name) < 0.4
    assert tried == 4
