"""Pages of prototypes: a row for each, and a last one for other pictures."""

import numpy as np
from features.small import opened, pixels, written

from onnxplain.features.concepts.examples import examples_of
from onnxplain.features.concepts.prototypes import judge, prototypes
from onnxplain.render.prototypes import draw_prototypes
from tests.render.pages import images, words


def test_rows(tmp_path):
    model = opened()
    target, own = examples_of(model, written(tmp_path, 30), "ant")
    found = prototypes(model, own, target, "d", count=1)
    other = judge(model, pixels(99), found)
    shown = [[np.zeros((12, 12, 3), np.uint8)] * 3]
    page = draw_prototypes(found, shown, [other], "m")
    assert len(images(page)) == 4
    assert "prototype 1: 100 %" in words(page)
    assert "like prototype 1; more usual than" in words(page)
    assert len(images(draw_prototypes(found, shown, [], "m"))) == 3
