"""Atlases: a picture in each cell that is not empty."""

from onnxplain.render.atlas import draw_atlas
from tests.render.pages import colored, images, pictures, words


def test_empty_cells_are_holes_and_empty_rows_are_left_out():
    cells = {(0, 1): colored(9, 9, 9), (2, 0): colored(7, 7, 7)}
    page = draw_atlas(cells, {(0, 1): 5, (2, 0): 7}, 2, ["h"], "n")
    assert [i[0, 0, 0] for i in images(page)] == [9, 7]
    right, left = (picture.box for picture in pictures(page))
    assert right.x > left.x
    assert right.y < left.y
    assert {"5", "7"} <= set(words(page).split())
