"""Pictures of concepts: rows of channels, and what is lit in a reference picture."""

import numpy as np
from features.small import opened, pixels, written

from onnxplain.features.concepts.craft import concept_examples, craft
from onnxplain.features.concepts.crp import concept_relevance
from onnxplain.features.concepts.examples import examples_of
from onnxplain.features.concepts.relmax import references, relevant_samples
from onnxplain.render.concepts import draw_concept_relevance, draw_craft, spotlight
from tests.render.pages import images, words


def test_a_row_for_each_channel(tmp_path):
    model = opened()
    found = concept_relevance(model, pixels(0), "d", count=2)
    alone = draw_concept_relevance(found, [], "m", 3)
    assert len(images(alone)) == 2 + 2
    samples = written(tmp_path, 4)
    ranked = relevant_samples(model, samples, "d", found.explanation.target, count=3)
    rows = list(references(model, samples, ranked, found.channels))
    page = draw_concept_relevance(found, rows, "m", 3)
    assert len(images(page)) == 2 + 2 + sum(len(r.names) for r in rows)
    assert f"channel {found.channels[0]}:" in words(page)
    assert "relevance through channels of d" in words(page)


def test_a_row_for_each_concept(tmp_path):
    model = opened()
    samples = written(tmp_path, 4)
    target, own = examples_of(model, samples, "ant")
    found = craft(model, own, target, "d", concepts=2, crop=0.5, designs=2)
    shown = concept_examples(model, own, found, crops=2, pictures=1)
    page = draw_craft(found, shown, "m")
    assert len(images(page)) == sum(len(one.crops) + len(one.maps) for one in shown)
    assert "concept 2:" in words(page)
    assert "2 factors of d in 8 crops of 2 pictures" in words(page)


def test_the_light_falls_where_relevance_is():
    photo = np.full((40, 40, 3), 200, np.uint8)
    values = np.zeros((40, 40))
    values[10:14, 10:14] = -3.0
    lit = spotlight(photo, values)
    assert (lit[12, 12] == 200).all()
    assert (lit[30, 30] == 60).all()
