"""Pages of concept tests: what each bar stands for is written beside it."""

import numpy as np

from onnxplain.features.concepts.tcav import ConceptTest, ConceptTests
from onnxplain.render.tcav import draw_concept_tests
from onnxplain.targets.classes import ClassScore
from tests.render.pages import images, words


def test_a_bar_for_each_test():
    target = ClassScore(1, "logit", "y", "none", 2, name="dog")
    random = np.array([-0.1, 0.0, 0.2])
    tests = [
        ConceptTest(n, target, np.array([1.0, 0.5]), np.array([0.5]), 0.9, 0.01, s, random, p, p)
        for n, s, p in (("red", 0.6, 0.001), ("round", -0.3, 0.4))
    ]
    record = {"settings": {"runs": 5, "size": 12}}
    found = ConceptTests("relu", tests, {target.describe(): 7}, [], record)
    pictures = {"red": [np.zeros((4, 4, 3), np.uint8)] * 3, "round": []}
    page = draw_concept_tests(found, "m", pictures)
    assert len(images(page)) == 3
    text = words(page)
    assert "dog (1), logit, 7 pictures" in text
    assert "sensitivity 0.6; corrected p 0.001" in text
    assert "TCAV 0.75, random 0.50" in text
    assert "5 runs with 12 pictures" in text
