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


def test_a_colour_in_the_name_of_a_class_is_that_of_its_frame():
    """Pure red and cyan are among the colours; the two others take what is left."""
    names = ("petals-cyan", "wolf", "stem red", "petals-cyan", "dog")
    cells = {(0, k): colored(9, 9, 9) for k in range(len(names))}
    classes = {(0, k): name for k, name in enumerate(names)}
    page = draw_atlas(cells, dict.fromkeys(cells, 3), len(names), ["h"], "n", classes)
    corners = [tuple(map(int, i[0, 0])) for i in images(page)[: len(names)]]
    rest = {tuple(map(int, c)) for c in np.round(255 * class_colors(4))}
    assert corners[0] == corners[3]
    assert set(corners) == rest
    red, cyan = corners[2], corners[0]
    assert red == min(rest, key=lambda c: np.abs(np.subtract(c, (255, 0, 0))).sum())
    assert cyan == min(rest - {red}, key=lambda c: np.abs(np.subtract(c, (0, 255, 255))).sum())
    assert {"petals-cyan", "wolf", "dog"} <= set(words(page).split())
