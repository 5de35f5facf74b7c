"""The table of measures: each is found, says what it needs, and which end is the good one."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate.linear import SIDE, case, evidence, linear_model, picture, probabilities

from onnxplain.errors import UnknownNameError
from onnxplain.evaluate.measures import MEASURES, find_measure
from onnxplain.evaluate.removal import Curve

MASK = np.zeros((SIDE, SIDE), bool)
MASK[1:4, 2:7] = True
EVERYTHING = set(MEASURES)


def needing(*kinds):
    return {name for name, m in MEASURES.items() if m.needs in kinds}


def allowed(made):
    return {name for name, m in MEASURES.items() if m.applies(made)}


def number(found):
    return found.value if isinstance(found, Curve) else found


def test_measures_are_found_by_their_name():
    for name, measure in MEASURES.items():
        assert measure.name == name
        assert find_measure(name) is measure
        assert find_measure(f" {name.upper().replace('-', '_')} ") is measure
        assert measure.summary
        assert measure.reference


def test_a_name_that_is_none_gets_the_nearest_ones():
    with pytest.raises(UnknownNameError, match=r"measure 'delection'.*nearest: 'deletion'"):
        find_measure("delection")


def test_a_control_is_asked_what_needs_a_map_alone():
    assert allowed(case()) == needing("nothing", "probability")
    assert allowed(case(mask=MASK)) == needing("nothing", "probability", "mask")
    assert allowed(case(label=0)) == needing("nothing", "probability", "label")


def test_a_method_is_asked_more():
    """Whatever it has, the pictures of four classes are nothing for a single one."""
    made = case(parameters={})
    assert allowed(made) == needing("nothing", "probability", "method", "rivals")
    found = made.model.explain(made.picture, "gradient", made.target)
    whole = replace(made, explanation=found, mask=MASK, label=2)
    assert allowed(whole) == EVERYTHING - needing("classes")
    # A map that is smaller than the input adds up to something else.
    small = replace(found, attribution=found.attribution[:, :2])
    assert allowed(replace(whole, explanation=small)) == EVERYTHING - needing(
        "classes", "attribution"
    )


def test_a_single_class_has_no_rivals():
    made = case(parameters={})
    alone = replace(made, target=replace(made.target, classes=1))
    assert allowed(alone) == needing("nothing", "probability", "method")


@pytest.mark.parametrize("name", sorted(needing("mask")))
def test_pointing_at_the_mask_is_better_than_beside_it(name):
    measure = MEASURES[name]
    good, bad = (
        number(measure.function(case(mask=MASK, heatmap=heatmap)))
        for heatmap in (MASK.astype(float), 1.0 - MASK)
    )
    assert measure.better == "higher"
    assert good == 1.0
    assert bad == 0.0


@pytest.mark.parametrize("name", sorted({"deletion", "insertion", "sensitivity-n", "infidelity"}))
def test_true_evidence_is_better_than_its_opposite(name):
    measure = MEASURES[name]
    made = case(kind="probability")
    flat = np.ones((SIDE, SIDE))
    good, bad = (
        number(measure.function(replace(made, heatmap=heatmap)))
        for heatmap in (made.heatmap, flat if name == "infidelity" else -made.heatmap)
    )
    assert (good > bad) == (measure.better == "higher")
    assert good != bad


@pytest.mark.parametrize("name", ["accuracy", "accuracy-strong-only", "accuracy-without-strong"])
@pytest.mark.parametrize("right", [True, False])
def test_accuracy_is_whether_the_label_wins(name, right):
    seen = picture()
    winner = int(probabilities(seen.x)[0].argmax())
    heatmap = evidence(winner, seen)
    strong = np.zeros(SIDE * SIDE, bool)
    strong[np.argsort(-heatmap, axis=None, kind="stable")[: round(0.2 * SIDE**2)]] = True
    kept = {"accuracy": strong | True, "accuracy-strong-only": strong}.get(name, ~strong)
    x = np.where(kept.reshape(SIDE, SIDE), seen.x, 0)
    best = int(probabilities(x)[0].argmax())
    label = best if right else (best + 1) % 4
    assert MEASURES[name].function(case(winner, label=label, heatmap=heatmap)) == float(right)


def test_a_map_of_four_pictures_is_measured_as_energy():
    heatmap = np.abs(np.random.default_rng(0).normal(size=(SIDE, SIDE)))
    found = MEASURES["grid-pointing"].function(case(mask=MASK, heatmap=heatmap))
    assert found == pytest.approx(heatmap[MASK].sum() / heatmap.sum(), rel=1e-14)
    assert linear_model().task.name == "classes"
