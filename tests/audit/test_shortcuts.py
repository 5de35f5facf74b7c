"""A planted shortcut is found and ranked first; a clean model gives no alarm.

The networks are trained here, on seeds with which no threshold was tuned.
"""

import numpy as np
import pytest

from benchmarks.shortcuts import PATCH, SIDE, Shortcut, audit, trained

SEED, PICTURES = 300, 120


@pytest.fixture(scope="module")
def planted():
    return trained("planted", SEED, "gap")


@pytest.mark.parametrize("masks", [False, True])
def test_a_planted_shortcut_is_ranked_first(planted, tmp_path, masks):
    found = audit(planted, "planted", SEED, tmp_path, masks=masks, pictures=PICTURES)
    shortcut = Shortcut.drawn(SEED)
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


@pytest.mark.parametrize("kind", ["clean", pytest.param("decoy", marks=pytest.mark.slow)])
def test_no_shortcut_no_alarm(tmp_path, kind):
    """The same patch on pictures of all classes tells nothing and is not used."""
    proto = trained(kind, SEED, "gap")
    found = audit(proto, kind, SEED, tmp_path, masks=True, pictures=PICTURES)
    assert found["predictions"]["accuracy"] > 0.8
    assert found["suspects"] == []
