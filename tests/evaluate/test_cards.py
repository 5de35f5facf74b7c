"""Every measure has a card, and what it says of its range is true of all maps that are tried."""

import re

import numpy as np
import pytest
from evaluate.linear import SIDE, case

from onnxplain.evaluate.cards import CARDS
from onnxplain.evaluate.measures import MEASURES
from onnxplain.evaluate.removal import Curve

MASK = np.zeros((SIDE, SIDE), bool)
MASK[1:4, 2:7] = True
ASKED = [n for n, m in MEASURES.items() if m.needs in ("mask", "nothing", "label")]


def test_every_measure_has_a_card():
    assert set(CARDS) == set(MEASURES)
    for card in CARDS.values():
        assert card.values
        assert re.match("(where|for|about|if) ", card.silent)


@pytest.mark.parametrize("name", ASKED)
def test_values_lie_in_the_range(name):
    said = CARDS[name].values
    found = []
    for seed in range(3):
        heatmap = np.random.default_rng(seed).normal(size=(SIDE, SIDE))
        made = case(
            kind="probability",
            heatmap=heatmap,
            mask=MASK,
            label=1,
            remap=lambda other: other.x[0, 0],
        )
        number = MEASURES[name].function(made)
        found.append(number.value if isinstance(number, Curve) else number)
    low, high = {
        "0 or 1": (0, 1),
        "0 .. 1": (0, 1),
        "-1 .. 1": (-1, 1),
        "0 or more": (0, np.inf),
        "as the score": (0, 1),
        "0 .. ln(pixels)": (0, np.log(SIDE**2)),
        "0 .. 1 - 1/pixels": (0, 1 - 1 / SIDE**2),
    }[said.split(",")[0]]
    assert low <= min(found)
    assert max(found) <= high
    if said == "0 or 1":
        assert set(found) <= {0.0, 1.0}
