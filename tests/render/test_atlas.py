"""Atlases: a picture in each cell that is not empty."""

import numpy as np

from onnxplain.render.atlas import draw_atlas
from onnxplain.render.class_colors import class_colors
from tests.render.pages import colored, images, pictures, words


def test_empty_cells_are_holes_and_empty_rows_are_left_out():
    cells = {(0, 1): colored(9, 9, 9), (2, 0): colored(7, 7, 7)}
    page = draw_atlas(cells, {(0, 1): 5, (2, 0): 7}, 2, ["h"], "n")
    assert [i[0, 0, 0] for i in images(page)] == [9, 7]
    right, left = (picture.box for picture in pictures(page))
    assert right.x > left.x
    assert right.y < left.y
    assert {"5", "7"} <= set(words(page).split())


def test_frames_have_the_colour_of_the_class_and_a_legend_names_it():
    cells = {(0, 0): colored(9, 9, 9), (0, 1): colored(7, 7, 7), (1, 0): colored(5, 5, 5)}
    counts = dict.fromkeys(cells, 1)
    classes = {(0, 0): "bee", (0, 1): "ant", (1, 0): "ant"}
    page = draw_atlas(cells, counts, 2, ["h"], "n", classes)
    found = images(page)
    first, second = np.round(255 * class_colors(2))
    corners = [tuple(i[0, 0]) for i in found]
    assert corners == [tuple(c) for c in (second, first, first, first, second)]
    assert [tuple(i[i.shape[0] // 2, i.shape[1] // 2]) for i in found[:3]] == [
        (9, 9, 9), (7, 7, 7), (5, 5, 5)
    ]  # fmt: skip
    assert {"ant", "bee"} <= set(words(page).split())
