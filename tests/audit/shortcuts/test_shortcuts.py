"""A planted shortcut is found and ranked first; a clean model gives no alarm.

The networks are trained here, on seeds with which no threshold was tuned.
"""

import numpy as np
import pytest

from benchmarks.shortcuts.planted import PATCH, SIDE, Recipe, audit, trained

SEED, PICTURES = 400, 120
METHODS = ("grad-cam", "lrp")
PLANTED = Recipe("planted", "placed", "gap", SEED)


@pytest.fixture(scope="module")
def planted():
    return trained(PLANTED)


@pytest.mark.parametrize("masks", [False, True])
def test_a_planted_shortcut_is_ranked_first(planted, tmp_path, masks):
    found = audit(planted, PLANTED, tmp_path, METHODS, masks=masks, pictures=PICTURES)
    shortcut = PLANTED.shortcut
    assert found["predictions"]["accuracy"] > 0.8
    first = found["suspects"][0]
    assert first["index"] == shortcut.target
    assert first["kind"] == "fixed place"
    assert first["recurs"] > 0.9
    left, top, right, bottom = np.array(first["box"]) * SIDE
    row, column = (v + PATCH / 2 for v in shortcut.place)
    assert left < column < right
    assert top < row < bottom
    assert {s["index"] for s in found["suspects"]} == {shortcut.target}
    assert found["data"]["with_mask"] == (PICTURES if masks else 0)


@pytest.mark.slow
def test_a_patch_on_half_of_the_pictures_is_found_and_accuses_no_other_class(tmp_path):
    recipe = PLANTED._replace(kind="half")
    found = audit(trained(recipe), recipe, tmp_path, METHODS, masks=False, pictures=397)
    assert found["predictions"]["accuracy"] > 0.8
    assert {s["index"] for s in found["suspects"]} == {recipe.planted}


@pytest.mark.parametrize(
    ("kind", "layout"),
    [
        ("clean", "framed"),
        pytest.param("clean", "placed", marks=pytest.mark.slow),
        pytest.param("decoy", "placed", marks=pytest.mark.slow),
    ],
)
def test_no_shortcut_no_alarm(tmp_path, kind, layout):
    """Strokes in fixed places are no shortcut; nor is a patch on pictures of all classes."""
    recipe = Recipe(kind, layout, "gap", SEED)
    found = audit(trained(recipe), recipe, tmp_path, METHODS, masks=True, pictures=PICTURES)
    assert found["predictions"]["accuracy"] > 0.8
    assert found["suspects"] == []
