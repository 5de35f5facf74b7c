"""Pages of similarity: two tiles for each side."""

from features.small import opened, pixels

from onnxplain.features.similarity import Similarity, similarity
from onnxplain.render.similarity import draw_similarity
from tests.render.pages import images, words


def test_both_sides_and_one():
    found = similarity(opened(), pixels(0), pixels(1), method="gradient")
    page = draw_similarity(found, "m")
    assert len(images(page)) == 4
    assert f"cosine {found.cosine:.3g}" in words(page)
    assert "likeness to the other picture" in words(page)
    assert len(images(draw_similarity(Similarity(0.5, found.first, None), "m"))) == 2
