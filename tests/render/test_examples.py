"""Rows of examples: a picture, what decides in it, and the maps of several methods."""

import numpy as np
import pytest

from onnxplain.evaluate.protocol import COMPARED, Example
from onnxplain.render.examples import draw_examples
from onnxplain.render.painted import painted
from tests.render.pages import texts


def example(mask):
    rng = np.random.default_rng(0)
    pixels = np.full((80, 80, 3), 200, np.uint8)
    maps = {name: rng.normal(size=(80, 80)) for name in COMPARED}
    return Example("a/one.png", pixels, mask, "petals-red", maps)


@pytest.mark.parametrize("masked", [True, False])
def test_every_map_has_the_name_that_the_paper_gives_it(masked):
    mask = np.zeros((80, 80), bool)
    mask[:40] = True
    page = draw_examples([example(mask if masked else None)] * 2, COMPARED, ["heading"])
    said = " ".join(texts(page))
    assert said.count("Grad-CAM++") == 2
    assert said.count("deconv + guided backprop") == 2
    assert said.count("petals-red one.png") + said.count("petals-red  one.png") == 2
    assert said.count("what decides") == (2 if masked else 0)
    assert painted(page).width > 400


def test_outside_of_what_decides_the_photo_is_dim():
    mask = np.zeros((80, 80), bool)
    mask[:40] = True
    page = draw_examples([example(mask)], {}, [])
    shown = page.items
    pictures = [i.pixels for i in shown if hasattr(i, "pixels")]
    cut = pictures[1]
    half = len(cut) // 2
    assert np.all(cut[:half] == 200)
    assert np.all(cut[half:] == 50)
