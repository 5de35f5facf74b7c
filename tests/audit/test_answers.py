"""Answers by class, group and probability: intervals and tests by SciPy, sums by hand."""

from math import comb
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest

from onnxplain.audit.answers import count_answers, wilson
from onnxplain.audit.records.pictures import Done, Failed


def picture(label, predicted, sure=0.9, group=None, unit=None):
    entry = object.__new__(Done)
    number = {"probability": sure, "score": None} if unit is None else {"probability": None}
    told = {"label": label, "predicted": predicted, "group": group, "said_unit": unit, **number}
    entry.__dict__.update(SimpleNamespace(**told).__dict__)
    return entry


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (3, 7), (119, 130), (0, 50)])
def test_intervals_are_wilsons(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_answers_are_counted_by_class():
    pairs = [(0, 0), (0, 2), (0, 2), (0, 1), (2, 2), (None, 1)]
    found = count_answers([picture(*p) for p in pairs], "classes")
    first, second = found.classes
    assert (first.index, first.count, first.right, first.taken_for) == (0, 4, 1, 2)
    assert (second.index, second.count, second.right, second.taken_for) == (2, 1, 1, None)
    assert [(c.label, c.predicted, c.count) for c in found.confusions] == [
        (0, 0, 1), (0, 1, 1), (0, 2, 2), (2, 2, 1),
    ]  # fmt: skip
    assert (found.low, found.high) == wilson(2, 5)
    assert found.groups is None


def fisher(right, count, others, of):
    """Two-sided: all tables that are no likelier than this one, by counting."""
    total, good = count + of, right + others
    ways = [comb(count, k) * comb(of, good - k) if 0 <= good - k <= of else 0
            for k in range(count + 1)]  # fmt: skip
    return sum(w for w in ways if w <= ways[right]) / comb(total, good)


def test_what_chance_explains_is_fishers_exact_test_for_each_part():
    entries = [picture(0, int(k < 2), group="a") for k in range(9)]
    entries += [picture(1, 1, group="b") for _ in range(12)]
    entries += [picture(1, int(k > 0)) for k in range(5)]
    found = count_answers(entries, None)
    assert [(g.group, g.right, g.count) for g in found.groups] == [
        ("a", 7, 9), ("b", 12, 12), (None, 4, 5),
    ]  # fmt: skip
    expected = [3 * fisher(7, 9, 16, 17), 3 * fisher(12, 12, 11, 14), 3 * fisher(4, 5, 19, 21)]
    assert [g.chance for g in found.groups] == pytest.approx(np.minimum(expected, 1.0))
    assert [c.chance for c in found.classes] == pytest.approx([2 * fisher(7, 9, 16, 17)] * 2)


def test_one_class_is_compared_with_nothing():
    (only,) = count_answers([picture(3, 3)], None).classes
    assert only.chance is None


def test_the_calibration_error_is_the_mean_distance_over_ten_steps():
    sure = [0.1, 0.05, 0.11, 0.55, 0.6, 0.91, 1.0, 0.95]
    right = [0, 1, 0, 1, 0, 1, 1, 0]
    entries = [picture(1, r, s) for s, r in zip(sure, right, strict=True)]
    found = count_answers(entries, "yes-no").calibration
    steps = [[0, 1], [2], [3, 4], [5, 6, 7]]
    off = [abs(sum(right[k] for k in s) - sum(sure[k] for k in s)) for s in steps]
    assert found.error == pytest.approx(sum(off) / 8)
    assert (found.sure, found.right) == pytest.approx((np.mean(sure), 0.5))
    assert [(b.above, b.count) for b in found.bins] == [(0.0, 2), (0.1, 1), (0.5, 2), (0.9, 3)]
    assert (found.bins[-1].low, found.bins[-1].high) == wilson(2, 3)


def test_by_chance_is_what_true_probabilities_give():
    """Against answers that are drawn as right with the very probability that they claim."""
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1.0, 300)
    said = count_answers([picture(1, 1, s) for s in sure], None).calibration
    step = np.ceil(sure * 10).astype(int)
    drawn = []
    for _ in range(400):
        off = (rng.random(300) < sure) - sure
        drawn.append(sum(abs(off[step == k].sum()) for k in range(1, 11)) / 300)
    assert said.by_chance == pytest.approx(np.mean(drawn), rel=0.05)
    assert said.error > 3 * said.by_chance  # all of them were right


@pytest.mark.parametrize(
    ("entry", "task"),
    [
        (picture(0, 0, unit="score"), "classes"),
        (picture(0, 0), "labels"),
        (picture(0, None), "classes"),
    ],
)
def test_without_probabilities_that_exclude_each_other_there_is_no_calibration(entry, task):
    found = count_answers([picture(1, 1), entry, picture(1, 1)], task)
    assert found.calibration is None
    assert len(found.classes) == 2


def test_without_labels_there_is_nothing():
    failed = Failed(number=0, name="a", file_sha256=None, status="failed", problem="broken")
    assert count_answers([picture(None, 3), failed], None) is None
